import { connect, type Socket } from "node:net";
import { Prng } from "../../../src/core/base/prng.ts";
import { sleep } from "../waiting.ts";
import { splitEndpoint } from "../zookeeper/client.ts";
import { connectFrame, specialXids } from "../zookeeper/wire.ts";
import { mutateFrame } from "./mutate-frame.ts";
import { sampleFrame } from "./sample-frames.ts";

export interface MutatedFramesOptions {
  readonly endpoints: readonly string[];
  readonly frames: number;
  /** At most, over all connections. */
  readonly framesPerSecond: number;
  /** Those not sent by then are not sent, ms. */
  readonly msMax: number;
  readonly seed: number;
}

export interface MutatedFramesSent {
  /**
   * Frames that a member answered or ended the connection for. It has read more of them: the answers of the last ones
   * before a connection ended are lost.
   */
  readonly frames: number;
  readonly connections: number;
}

const CONNECTIONS = 128;
const BATCH = 16;
/** A connection on which no answer comes any more waits for the rest of a frame whose length is a lie, ms. */
const ANSWER_MS = 250;
const SESSION_TIMEOUT_MS = 4_000;
const LENGTH_BYTES = 4;
/** Connections whose first frame, the connect request, is mutated, too. */
const MUTATED_HANDSHAKES = 0.1;

/** Sends mutated frames over connections that are replaced as the members end them. */
export async function sendMutatedFrames(options: MutatedFramesOptions): Promise<MutatedFramesSent> {
  const random = new Prng(options.seed);
  const begin = performance.now();
  const sent = { frames: 0, connections: 0 };
  const isOver = (): boolean => sent.frames >= options.frames || performance.now() - begin > options.msMax;
  const attack = async (): Promise<void> => {
    while (!isOver()) {
      const endpoint = options.endpoints[sent.connections++ % options.endpoints.length] as string;
      await oneConnection(endpoint, random, async (taken) => {
        sent.frames += taken;
        const ahead = (sent.frames / options.framesPerSecond) * 1000 - (performance.now() - begin);
        if (ahead > 0) await sleep(ahead);
        return !isOver();
      });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, attack));
  return sent;
}

/** @param taken is told how many frames are dealt with; false: no more are wanted */
async function oneConnection(endpoint: string, random: Prng, taken: (frames: number) => Promise<boolean>) {
  const answers = new Answers(endpoint);
  try {
    const isMutated = random.chance(MUTATED_HANDSHAKES);
    const handshake = connectFrame(SESSION_TIMEOUT_MS);
    answers.socket.write(isMutated ? mutateFrame(handshake, random) : handshake);
    const opened = await answers.next(1);
    if (opened === 0) {
      await taken(isMutated ? 1 : 0);
      return;
    }
    for (let xid = 1; ; xid += BATCH) {
      const frames = Array.from({ length: BATCH }, (_, index) => mutateFrame(sampleFrame(xid + index, random), random));
      answers.socket.write(Buffer.concat(frames));
      const count = await answers.next(BATCH);
      const isOver = count < BATCH;
      // The one behind those answered is the one that ended it.
      const wanted = await taken(isOver ? count + 1 : count);
      if (isOver || !wanted) return;
    }
  } finally {
    answers.socket.destroy();
  }
}

/** Counts the frames that come back. */
class Answers {
  readonly socket: Socket;
  private rest = Buffer.alloc(0);
  private count = 0;
  private isOver = false;
  private wake: () => void = () => {};

  constructor(endpoint: string) {
    const [host, port] = splitEndpoint(endpoint);
    this.socket = connect({ host, port, noDelay: true });
    this.socket.on("data", (chunk: Buffer) => this.read(chunk));
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.isOver = true;
      this.wake();
    });
  }

  /** Resolves with how many came: `expected`, or fewer where the connection ended or nothing more came. */
  async next(expected: number): Promise<number> {
    this.count = 0;
    for (let before = -1; this.count < expected && !this.isOver && this.count > before; ) {
      before = this.count;
      await this.moreOrSilence(expected);
    }
    return Math.min(this.count, expected);
  }

  private moreOrSilence(expected: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ANSWER_MS);
      this.wake = () => {
        if (this.count < expected && !this.isOver) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private read(chunk: Buffer): void {
    const bytes = Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      if (end - at < 2 * LENGTH_BYTES || bytes.readInt32BE(at + LENGTH_BYTES) !== specialXids.notification)
        this.count++;
      at = end;
    }
    this.rest = bytes.subarray(at);
    this.wake();
  }
}
