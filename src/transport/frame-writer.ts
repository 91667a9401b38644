import type { Socket } from "node:net";
import { assert } from "../core/base/assert.ts";
import { FRAME_HEADER_BYTES, MAGIC, putFrameHeader } from "./frame-codec.ts";
import { COALESCED_BYTES_MAX, FRAME_BYTES_MAX, STAGE_BYTES } from "./transport-limits.ts";

/**
 * Gathers the frames of one direction and hands them to the socket in one vectored write. Headers and small frames lie
 * side by side in a piece of memory that is only ever appended to, so it needs no bookkeeping of what has been written;
 * large frames are written from where they are.
 */
export class FrameWriter {
  /** Bytes added and not yet handed to the socket. */
  waitingBytes = 0;
  /** Bytes added ever. */
  addedBytes = MAGIC.length;
  private readonly socket: Socket;
  private sequence = 0;
  private stage = Buffer.alloc(0);
  private stageFrom = 0;
  private stageTo = 0;
  private waiting: Uint8Array[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    this.waiting.push(MAGIC);
    this.waitingBytes = MAGIC.length;
  }

  /** Queues one frame. The payload is not copied if it is large: it must not change any more. */
  add(kind: number, payload: Uint8Array): void {
    assert(payload.length <= FRAME_BYTES_MAX, "a frame beyond FRAME_BYTES_MAX");
    this.sequence = (this.sequence + 1) >>> 0;
    const isSmall = payload.length <= COALESCED_BYTES_MAX;
    this.makeRoom(FRAME_HEADER_BYTES + (isSmall ? payload.length : 0));
    putFrameHeader(this.stage, this.stageTo, kind, this.sequence, payload);
    this.stageTo += FRAME_HEADER_BYTES;
    this.waitingBytes += FRAME_HEADER_BYTES + payload.length;
    this.addedBytes += FRAME_HEADER_BYTES + payload.length;
    if (isSmall) {
      this.stage.set(payload, this.stageTo);
      this.stageTo += payload.length;
      return;
    }
    this.cutStage();
    this.waiting.push(payload);
  }

  /** Hands all that waits to the socket. */
  flush(): void {
    this.cutStage();
    const { waiting, socket } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    this.waitingBytes = 0;
    socket.cork();
    for (const piece of waiting) socket.write(piece);
    socket.uncork();
  }

  private makeRoom(bytes: number): void {
    if (this.stage.length - this.stageTo >= bytes) return;
    this.cutStage();
    // The old piece lives on until the socket has written it.
    this.stage = Buffer.allocUnsafeSlow(STAGE_BYTES);
    this.stageFrom = 0;
    this.stageTo = 0;
  }

  private cutStage(): void {
    if (this.stageTo === this.stageFrom) return;
    this.waiting.push(this.stage.subarray(this.stageFrom, this.stageTo));
    this.stageFrom = this.stageTo;
  }
}
