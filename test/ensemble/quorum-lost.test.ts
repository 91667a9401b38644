import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { MusterError } from "@muster/client";
import { expect, test } from "vitest";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** Shorter than the outage: only because nobody expires sessions without a quorum do they live. */
const SESSION_TIMEOUT_MS = 2_000;
/** Of the client that reads: for two thirds of it, a client stays with a member that acknowledges nothing. */
const READER_TIMEOUT_MS = 30_000;
const OUTAGE_MS = 4_000;
const WRITE_MS = 6_000;

test("without a quorum reads go on, writes fail to be tried again, no session expires; then all goes on", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig, { sessionTimeoutMs: SESSION_TIMEOUT_MS });
  const leader = await rig.settled();
  // With the member that stays: those of the others have nobody to move their sessions.
  const client = await rig.connect({ endpoints: leader.grpc, sessionTimeoutMs: READER_TIMEOUT_MS });
  await client.znodes.create("/outage", "before");
  const { id } = client.session;
  const others = rig.members.filter((member) => member !== leader);
  const at = performance.now();
  await Promise.all(others.map((member) => member.kill()));
  await rig.until(() => leader.role === "looking", "the leader to step down");
  figure("quorum lost", { steppedDownMs: performance.now() - at });
  // The member left answers what it has.
  const read = await client.znodes.get("/outage", { timeoutMs: WRITE_MS });
  expect(Buffer.from(read.data).toString()).toBe("before");
  const called = performance.now();
  const refused = await client.znodes.set("/outage", "during", { timeoutMs: WRITE_MS }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(MusterError);
  const { reason, retry } = refused as MusterError;
  figure("a write without a quorum", { reason, retry, afterMs: performance.now() - called });
  expect(["same-request", "other-member"]).toContain(retry);
  await sleep(Math.max(0, at + OUTAGE_MS - performance.now()));
  await Promise.all(others.map((member) => member.start()));
  await rig.settled();
  await load.progress();
  await client.znodes.set("/outage", "after");
  expect(client.session.id).toBe(id);
  const checked = await judge(rig, load);
  figure("quorum lost, checked", checked);
});
