import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { MAGIC, putFrameHeader } from "../../src/transport/frame-codec.ts";
import { frameKind } from "../../src/transport/frame-kind.ts";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** One connection that says this, and the time until it is ended by the other side. */
async function say(address: string, bytes: Uint8Array): Promise<void> {
  const colon = address.lastIndexOf(":");
  const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
  socket.on("error", () => {});
  socket.on("data", () => {});
  socket.write(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
}

function frame(kind: number, sequence: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(12);
  putFrameHeader(header, 0, kind, sequence, payload);
  return Buffer.concat([header, payload]);
}

test("garbage at the peer port is refused, by every member, while the load goes on", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  const leader = await rig.settled();
  const { epoch } = leader;
  const words = [
    Buffer.from("GET / HTTP/1.1\r\nHost: muster\r\n\r\n"),
    Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    randomBytes(100_000),
    Buffer.concat([MAGIC, randomBytes(4_096)]),
    Buffer.concat([MAGIC, frame(frameKind.HELLO, 1, randomBytes(200))]),
    Buffer.concat([MAGIC, frame(frameKind.MESSAGE, 1, randomBytes(200))]),
    Buffer.concat([MAGIC, frame(frameKind.HELLO, 7, new Uint8Array(0))]),
    Buffer.concat([MAGIC, Buffer.from([0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0, 0])]),
  ];
  for (const { peerListen } of rig.members) await Promise.all(words.map((bytes) => say(peerListen, bytes)));
  await load.progress();
  expect((await rig.settled()).epoch).toBe(epoch);
  await judge(rig, load);
  expect(load.recorder.rejected).toEqual([]);
});

test("a member of another ensemble is not taken in, by id or by address", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const other = await EnsembleRig.start({ members: 1, options: { ensemble: undefined, peerAdvertise: undefined } });
  const load = await Workload.start(rig);
  const { epoch } = await rig.settled();
  const stranger = other.member(1);
  const client = await other.connect();
  await client.znodes.create("/stranger", "");
  await client.close();
  await stranger.stop();
  // Its data directory is of an ensemble of its own; it is now told to be member 3 of this one, in whose place it is.
  const third = rig.member(3);
  await third.stop();
  const ours = third.dataDir;
  third.dataDir = stranger.dataDir;
  await expect(third.start()).rejects.toThrow(/member|ensemble/);
  third.dataDir = ours;
  await third.start();
  await load.progress();
  expect((await rig.settled()).epoch).toBeGreaterThanOrEqual(epoch);
  await judge(rig, load);
  expect(load.recorder.rejected).toEqual([]);
});
