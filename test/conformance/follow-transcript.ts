import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { ClientFaults } from "./client-faults.ts";
import type { ConformanceTarget } from "./conformance-target.ts";
import { expectedOutput, parseTranscript, type Step } from "./transcript.ts";
import { type Dialect, TranscriptClient } from "./transcript-client.ts";

/** Has clients do what the transcript does, and expects what it shows. The first client is behind a proxy. */
export async function followTranscript(target: ConformanceTarget, dialect: Dialect, file: string): Promise<void> {
  const steps = parseTranscript(readFileSync(file, "utf8"));
  expect(steps.filter(({ kind }) => kind === "command").length).toBeGreaterThan(5);
  await using faults = new ClientFaults(target);
  const [first = "", second = ""] = target.hosts;
  const proxy = await faults.ask(`proxy ${first}`);
  const clients = new Map<number, TranscriptClient>();
  const clientOf = (number: number): TranscriptClient => {
    const client = clients.get(number) ?? new TranscriptClient(dialect, number === 1 ? proxy : second);
    clients.set(number, client);
    return client;
  };
  let ended: readonly boolean[] = [];
  try {
    for (const step of steps) {
      if (step.kind === "fault") await faults.ask(`${step.text} ${proxy}`);
      else await follow(step, clientOf(step.client), `${file}:${step.line}`);
    }
    for (const client of clients.values()) expect(client.leftEvents, "events the transcript does not show").toEqual([]);
  } finally {
    ended = await Promise.all([...clients.values()].map((client) => client.quit()));
  }
  expect(ended, "clients that ended when told to").toEqual(ended.map(() => true));
}

async function follow(step: Exclude<Step, { kind: "fault" }>, client: TranscriptClient, at: string): Promise<void> {
  const what = `${at}: ${step.text}`;
  if (step.kind === "event") {
    expect(await client.nextEvent(), what).toBe(step.text);
    return;
  }
  const printed = (await client.run(step.text)).join("\n");
  if (!expectedOutput(step.shown).test(printed)) expect(printed, what).toBe(step.shown.join("\n"));
}
