import type { MusterClient } from "@muster/client";
import { connectWith } from "@muster/client/internal";
import { must } from "../harness/audit.ts";
import type { Fault } from "../harness/bench-options.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { closeClients, forEachOf } from "../harness/clients.ts";
import { faultLeader, restoreMember } from "../harness/leader-fault.ts";
import { SharedTransport } from "../harness/shared-transport.ts";
import { sleep, until } from "../harness/waiting.ts";
import type { Finding, Workload, WorkloadResult } from "./workload.ts";

const SESSION_TIMEOUT_MS = 10_000;
/** Long enough for a session to expire that is going to, ms. */
const WATCHED_MS = 2.5 * SESSION_TIMEOUT_MS;
const PER_CONNECTION = 200;
const OPENED_AT_ONCE = 200;
const CHILDREN_PER_PARENT = 1000;
const RECOVERY_TIMEOUT_MS = 60_000;

interface Outcome {
  readonly fault: Fault;
  /** From the fault to the moment every session has a stream again. */
  readonly carriedMs: number;
  readonly expired: number;
  /** Ephemeral znodes on each member. */
  readonly ephemerals: readonly number[];
}

/** Thousands of sessions that do nothing but live, while the leader is killed, paused, stopped. */
export const idleSessions: Workload = {
  name: "idle-sessions",
  about: "10,000 sessions with a time-out of 10 s and an ephemeral znode each: none expires with the leader's end",
  defaults: { seconds: 0, clients: 1, outstanding: 1, nodes: 0, bytes: 0, members: 3 },
  run: runIdleSessions,
};

async function runIdleSessions(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMembers();
  const transport = new SharedTransport(PER_CONNECTION);
  const sessions: MusterClient[] = [];
  const expired = { count: 0 };
  const outcomes: Outcome[] = [];
  try {
    const begin = performance.now();
    await openSessions(run, transport, sessions, expired);
    const openMs = performance.now() - begin;
    console.log(`${sessions.length} sessions on ${transport.size} connections, opened in ${openMs.toFixed(0)} ms`);
    for (const fault of options.faults) {
      const outcome = await measureFault(run, sessions, expired, fault);
      outcomes.push(outcome);
      console.log(`${fault}: all carried again after ${outcome.carriedMs.toFixed(0)} ms, ${outcome.expired} expired`);
    }
    const sessionsPerSecond = (sessions.length / openMs) * 1000;
    return {
      findings: [
        { name: "sessions", value: sessions.length, unit: "" },
        { name: "opened, with a znode each", value: sessionsPerSecond, unit: "/s" },
        ...outcomes.flatMap((outcome) => findings(outcome, sessions.length)),
      ],
      details: { outcomes, connections: transport.size },
    };
  } finally {
    await closeClients(sessions);
  }
}

async function openSessions(
  run: BenchRun,
  transport: SharedTransport,
  sessions: MusterClient[],
  expired: { count: number },
): Promise<void> {
  const { endpoints } = run.ensemble;
  const open = async (index: number): Promise<MusterClient> => {
    const connectTimeoutMs = RECOVERY_TIMEOUT_MS;
    const client = await connectWith(
      { endpoints, sessionTimeoutMs: SESSION_TIMEOUT_MS, connectTimeoutMs },
      { transport },
    );
    client.diagnostics.on("session-expired", () => expired.count++);
    sessions[index] = client;
    return client;
  };
  const parent = (index: number): string => `/idle/p${Math.floor(index / CHILDREN_PER_PARENT)}`;
  const first = await open(0);
  await first.znodes.create("/idle");
  for (let i = 0; i < run.options.sessions; i += CHILDREN_PER_PARENT) await first.znodes.create(parent(i));
  await forEachOf(run.options.sessions, OPENED_AT_ONCE, async (index) => {
    const client = index === 0 ? first : await open(index);
    await client.znodes.create(`${parent(index)}/s${index}`, Buffer.alloc(0), { mode: "ephemeral" });
  });
}

async function measureFault(
  run: BenchRun,
  sessions: readonly MusterClient[],
  expired: { count: number },
  fault: Fault,
): Promise<Outcome> {
  const { ensemble } = run;
  const leader = await ensemble.agreed();
  const ids = sessions.map(({ session }) => session.id);
  const expiredBefore = expired.count;
  const gone = ensemble.place(leader).grpc;
  const since = performance.now();
  const done = faultLeader(ensemble, leader, fault);
  await ensemble.agreed(leader);
  await until(RECOVERY_TIMEOUT_MS, 20, "all sessions to have a stream", async () => {
    const carried = sessions.every((client) => client.endpoint !== undefined && client.endpoint !== gone);
    return carried ? true : undefined;
  });
  const carriedMs = performance.now() - since;
  await sleep(Math.max(0, WATCHED_MS - carriedMs));
  await done;
  const seen = sessions.filter(({ session }, index) => session.id !== ids[index] || session.state !== "open").length;
  await restoreMember(ensemble, leader, fault);
  await ensemble.settled();
  const statuses = await Promise.all(ensemble.runningIds.map((id) => ensemble.status(id)));
  const ephemerals = statuses.map(({ counts }) => counts["ephemerals"] ?? Number.NaN);
  return { fault, carriedMs, expired: Math.max(seen, expired.count - expiredBefore), ephemerals };
}

function findings({ fault, carriedMs, expired, ephemerals }: Outcome, sessions: number): Finding[] {
  return [
    must(`${fault}: sessions expired`, expired),
    must(`${fault}: ephemeral znodes lost`, sessions - Math.min(...ephemerals)),
    { name: `${fault}: all sessions carried again after`, value: carriedMs / 1000, unit: "s" },
  ];
}
