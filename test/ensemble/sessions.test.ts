import { performance } from "node:perf_hooks";
import { connectWith, grpcTransport } from "@muster/client/internal";
import { expect, test } from "vitest";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

const SESSION_TIMEOUT_MS = 2_000;

test("a session whose client is gone ends, over a change of leaders, after its time-out, not before", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig, { sessionTimeoutMs: SESSION_TIMEOUT_MS });
  const leader = await rig.settled();
  const follower = rig.followers[0]?.grpc ?? "";
  const proxy = await TcpProxy.start(follower);
  const grpc = grpcTransport({ userAgent: "muster-test" });
  const transport = {
    ...grpc,
    open: (_: string, listener: Parameters<typeof grpc.open>[1]) => grpc.open(proxy.endpoint, listener),
  };
  const options = { endpoints: proxy.endpoint, sessionTimeoutMs: SESSION_TIMEOUT_MS };
  const gone = await connectWith(options, { transport });
  rig.clients.push(gone);
  await gone.znodes.create("/of-the-gone", "", { mode: "ephemeral" });
  const observer = await rig.connect();
  const watch = observer.znodes.watch("/of-the-gone");
  await watch.ready;
  proxy.stall("both");
  const { marginMs } = gone.session;
  const at = performance.now();
  await leader.kill();
  await watch.next();
  const afterMs = performance.now() - at;
  figure("session of a client that is gone", { marginMs, endedAfterMs: afterMs });
  // Not a measurement: before this it was promised to live.
  expect(afterMs).toBeGreaterThanOrEqual(marginMs);
  expect(await observer.znodes.exists("/of-the-gone", { linearizable: true })).toBeUndefined();
  await proxy[Symbol.asyncDispose]();
  await gone.close();
  await leader.start();
  await rig.settled();
  const checked = await judge(rig, load);
  figure("sessions, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});
