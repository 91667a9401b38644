import type { NodeEvent } from "../../core/tree/watch-event.ts";
import { xid } from "./op-code.ts";

/** KeeperState SyncConnected: what a notification tells of the connection it comes on. */
const SYNC_CONNECTED = 3;
const HEADER_BYTES = 16;
const RECORD_BYTES = 12;

/** A notification as a frame. Since 3.9 its header names the transaction (ZOOKEEPER-4655); -1 where there is none. */
export function notification(type: number, path: string, zxid: number): Buffer {
  const pathBytes = Buffer.byteLength(path);
  const size = HEADER_BYTES + RECORD_BYTES + pathBytes;
  const frame = Buffer.allocUnsafe(4 + size);
  let at = frame.writeInt32BE(size, 0);
  at = frame.writeInt32BE(xid.NOTIFICATION, at);
  at = frame.writeInt32BE(Math.floor(zxid / 2 ** 32), at);
  at = frame.writeUInt32BE(zxid >>> 0, at);
  at = frame.writeInt32BE(0, at);
  at = frame.writeInt32BE(type, at);
  at = frame.writeInt32BE(SYNC_CONNECTED, at);
  at = frame.writeInt32BE(pathBytes, at);
  frame.write(path, at, "utf8");
  return frame;
}

/** The notifications of the newest zxid: each is encoded once, however many connections are told. */
export class EventFrames {
  private frames = new Map<NodeEvent, Buffer>();
  private zxid = 0;

  frameOf(event: NodeEvent): Buffer {
    if (event.zxid !== this.zxid) {
      this.zxid = event.zxid;
      this.frames = new Map();
    }
    let frame = this.frames.get(event);
    if (frame === undefined) {
      frame = notification(event.type, event.path, event.zxid);
      this.frames.set(event, frame);
    }
    return frame;
  }
}
