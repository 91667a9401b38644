import type { Prng } from "../../../src/core/base/prng.ts";
import { type JuteFrame, operations, requestFrame, specialXids } from "../zookeeper/wire.ts";

/** Must be there, or hardly any frame gets as far as a znode. */
export const HOSTILE_PARENT = "/hostile";
/** Znodes that well-formed frames name: few, so that what mutated ones leave behind stays small. */
const NODES = 50;
const EPHEMERAL = 1;
const RECURSIVE = 1;
const TTL_MS = 60_000n;
const TTL_MODE = 5;

type Sample = (xid: number, path: string, random: Prng) => Buffer;

/** A well-formed request of each kind that a client may send. What is wrong with them is put in later. */
const samples: readonly Sample[] = [
  (xid, path, random) => requestFrame(xid, operations.create, (f) => withMode(f.text(path), random.below(2))),
  (xid, path) => requestFrame(xid, operations.create2, (f) => withMode(f.text(path), 0)),
  (xid, path) => requestFrame(xid, operations.createTtl, (f) => withMode(f.text(path), TTL_MODE).i64(TTL_MS)),
  (xid, path) => requestFrame(xid, operations.delete, (f) => f.text(path).i32(-1)),
  (xid, path) => requestFrame(xid, operations.setData, (f) => f.text(path).buffer(Buffer.alloc(64, 7)).i32(-1)),
  (xid, path) => requestFrame(xid, operations.getData, (f) => f.text(path).bool(true)),
  (xid, path) => requestFrame(xid, operations.exists, (f) => f.text(path).bool(true)),
  (xid, path) => requestFrame(xid, operations.getChildren, (f) => f.text(path).bool(false)),
  (xid, path) => requestFrame(xid, operations.getChildren2, (f) => f.text(path).bool(true)),
  (xid, path) => requestFrame(xid, operations.getAcl, (f) => f.text(path)),
  (xid, path) => requestFrame(xid, operations.setAcl, (f) => f.text(path).openAcl().i32(-1)),
  (xid, path) => requestFrame(xid, operations.sync, (f) => f.text(path)),
  (xid, path) => requestFrame(xid, operations.addWatch, (f) => f.text(path).i32(RECURSIVE)),
  (xid, path) => requestFrame(xid, operations.removeWatches, (f) => f.text(path).i32(EPHEMERAL)),
  (xid) => requestFrame(xid, operations.whoAmI, (f) => f),
  (xid, path) => requestFrame(xid, operations.multi, (f) => multi(f, path)),
  (xid) => requestFrame(xid, operations.reconfig, (f) => f.text("server.9=a:1:2").text("").text("").i64(-1n)),
  (_, path) => requestFrame(specialXids.setWatches, operations.setWatches, (f) => watches(f, path)),
  () => requestFrame(specialXids.ping, operations.ping, (f) => f),
  () => requestFrame(specialXids.auth, operations.auth, (f) => auth(f)),
  (xid) => requestFrame(xid, operations.sasl, (f) => f.buffer(Buffer.from('username="nobody",realm="x"'))),
];

/** One of them. */
export function sampleFrame(xid: number, random: Prng): Buffer {
  return random.pick(samples)(xid, `${HOSTILE_PARENT}/node${random.below(NODES)}`, random);
}

/** The rest of a create: value, ACL and mode. */
function withMode(frame: JuteFrame, mode: number): JuteFrame {
  return frame.buffer(Buffer.alloc(32, 1)).openAcl().i32(mode);
}

function multi(frame: JuteFrame, path: string): JuteFrame {
  withMode(frame.multiHeader(operations.create).text(path), 0);
  frame.multiHeader(operations.check).text(path).i32(0);
  frame.multiHeader(operations.setData).text(path).buffer(Buffer.alloc(16)).i32(-1);
  return frame.multiHeader(operations.delete).text(path).i32(-1).multiHeader(undefined);
}

function watches(frame: JuteFrame, path: string): JuteFrame {
  return frame.i64(0n).texts([path]).texts([path]).texts([path]);
}

function auth(frame: JuteFrame): JuteFrame {
  return frame.i32(0).text("digest").buffer(Buffer.from("nobody:secret"));
}
