import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROBE_MS, SILENCE_MS } from "../src/doubt.ts";
import type { GetStatusResponse } from "../src/gen/muster/ensemble/v1/ensemble.ts";
import { grpcTransport } from "../src/grpc-transport.ts";
import type { ProbeAnswer } from "../src/transport.ts";
import type { FakeEnvironment } from "./support/fake-environment.ts";
import { failure, Harness, stat, TIMEOUT_MS, told } from "./support/harness.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

let harness: Harness;
let environment: FakeEnvironment;
let other: ScriptedServer;

beforeEach(async () => {
  harness = await Harness.start();
  ({ environment } = harness);
  other = await ScriptedServer.start();
});

afterEach(async () => {
  await other[Symbol.asyncDispose]();
  await harness[Symbol.asyncDispose]();
});

const both = () => ({ endpoints: [harness.server.endpoint, other.endpoint] });

/** A client on the first server, with one write sent that has no answer. */
async function owed(options = {}) {
  environment.randomValue = 0.999;
  const opened = await harness.opened(options);
  const write = opened.client.znodes.set("/a", "x");
  const sent = await opened.stream.operation();
  return { ...opened, write, sent };
}

/** What the member says when it is asked how it is; nothing: never. */
function answerProbes(answer: ProbeAnswer | undefined): { cancelled: number } {
  const count = { cancelled: 0 };
  harness.onProbe = (_endpoint, done) => {
    if (answer !== undefined) done(answer);
    return () => {
      count.cancelled += 1;
    };
  };
  return count;
}

describe("a member that owes an answer and is silent", () => {
  test.for([
    ["cannot be reached", "unreachable", 0],
    ["does not say how it is either", undefined, PROBE_MS],
  ] as const)("is left when it %s, and the write goes on elsewhere", async ([, answer, patience]) => {
    const { client, write, sent } = await owed(both());
    answerProbes(answer);
    environment.advance(SILENCE_MS - 1);
    expect(harness.probes).toEqual([]);
    const reconnecting = told(client, "reconnecting");
    environment.advance(1 + patience);
    expect(await reconnecting).toMatchObject({ attempt: 1, delayMs: 0, error: { reason: "UNREACHABLE" } });
    expect(harness.probes).toEqual([harness.server.endpoint]);
    environment.advance(0);
    const next = await other.stream();
    expect(await next.resume()).toMatchObject({ sessionId: 77 });
    expect(await next.operation()).toEqual(sent);
    next.results({ number: sent.number, zxid: 2_000, stat: stat() });
    expect((await write).zxid).toBe(2_000);
  });

  test("is waited for while it serves, and asked later and later", async () => {
    const { client, stream, write, sent } = await owed(both());
    const at: number[] = [];
    const start = environment.now();
    harness.onProbe = (_endpoint, done) => {
      at.push(environment.now() - start);
      done("serving");
      return () => {};
    };
    environment.advance(SILENCE_MS * 18);
    expect(at).toEqual([1, 3, 7, 15].map((count) => count * SILENCE_MS));
    expect(client.session.state).toBe("open");
    stream.results({ number: sent.number, zxid: 2_000, stat: stat() });
    await write;
  });

  test("and does not serve is left for another, but not at once: elections pass", async () => {
    const { client } = await owed(both());
    answerProbes("not-serving");
    environment.advance(SILENCE_MS);
    expect(client.session.state).toBe("open");
    const reconnecting = told(client, "reconnecting");
    environment.advance(SILENCE_MS);
    expect(await reconnecting).toMatchObject({ endpoint: other.endpoint, error: { reason: "NOT_READY" } });
    expect(harness.probes).toHaveLength(2);
  });

  test("and does not serve is kept where there is no other", async () => {
    const { client } = await owed();
    answerProbes("not-serving");
    environment.advance(SILENCE_MS * 8);
    expect(client.session.state).toBe("open");
    expect(harness.probes).toHaveLength(3);
  });

  test("is trusted again as soon as it says anything", async () => {
    const { client, stream, write, sent } = await owed(both());
    const count = answerProbes(undefined);
    environment.advance(SILENCE_MS);
    expect(harness.probes).toHaveLength(1);
    stream.results({ number: sent.number, zxid: 2_000, stat: stat() });
    await write;
    expect(count.cancelled).toBe(1);
    environment.advance(SILENCE_MS * 5);
    expect(harness.probes).toHaveLength(1);
    expect(client.session.state).toBe("open");
  });

  test("is not judged by a process that stood still itself before what it said meanwhile is read", async () => {
    const { client, stream, write, sent } = await owed(both());
    answerProbes(undefined);
    environment.advance(SILENCE_MS);
    environment.stall(PROBE_MS * 4);
    expect(client.session.state).toBe("open");
    stream.results({ number: sent.number, zxid: 2_000, stat: stat() });
    await write;
    environment.advance(PROBE_MS);
    expect(client.session.state).toBe("open");
  });
});

test("a member that owes nothing is not asked, until it owes the answer to a keep-alive", async () => {
  const { stream } = await harness.opened(both());
  environment.advance(TIMEOUT_MS / 3);
  await stream.next("keepAlive");
  expect(harness.probes).toEqual([]);
  environment.advance(SILENCE_MS);
  expect(harness.probes).toHaveLength(1);
});

test("an attempt at a member that says nothing does not take a third of the session's time-out", async () => {
  const { client, stream } = await harness.opened(both());
  answerProbes(undefined);
  const first = told(client, "reconnecting");
  stream.end();
  await first;
  environment.advance(0);
  const silent = await other.stream();
  await silent.next("resume");
  const second = told(client, "reconnecting");
  environment.advance(SILENCE_MS + PROBE_MS);
  expect(await second).toMatchObject({ attempt: 2, endpoint: harness.server.endpoint });
  await silent.closed;
});

test("closing the client gives the question up", async () => {
  const { client, write } = await owed(both());
  const count = answerProbes(undefined);
  environment.advance(SILENCE_MS);
  const lost = failure(write);
  const closing = client.close();
  environment.advance(PROBE_MS);
  await closing;
  expect(await lost).toMatchObject({ maybeApplied: true });
  expect(count.cancelled).toBe(1);
});

describe("asking over gRPC", () => {
  const ask = (endpoint: string) =>
    new Promise<ProbeAnswer>((resolve) => void grpcTransport({ userAgent: "test" }).probe(endpoint, resolve));
  const status = (notReady: string[]): GetStatusResponse => ({
    ensembleId: "e",
    memberId: 1,
    leaderId: 0,
    epoch: 0,
    zxid: 0,
    configurationZxid: 0,
    members: [],
    version: "",
    notReady,
    counts: new Map(),
  });

  test("tells who serves, who does not, and who is not there", async () => {
    other.onStatus = () => status([]);
    expect(await ask(other.endpoint)).toBe("serving");
    other.onStatus = () => status(["looking"]);
    expect(await ask(other.endpoint)).toBe("not-serving");
    other.onStatus = () => {
      throw new Error("a defect");
    };
    expect(await ask(other.endpoint)).toBe("serving");
    await other[Symbol.asyncDispose]();
    expect(await ask(other.endpoint)).toBe("unreachable");
  });

  test("given up, says nothing that counts", async () => {
    let asked = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      asked = resolve;
    });
    other.onStatus = () => {
      asked();
      return undefined;
    };
    let answers = 0;
    const cancel = grpcTransport({ userAgent: "test" }).probe(other.endpoint, () => {
      answers += 1;
    });
    await arrived;
    cancel();
    other.onStatus = () => status([]);
    expect(await ask(other.endpoint)).toBe("serving");
    expect(answers).toBe(0);
  });
});
