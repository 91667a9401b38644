import { connect } from "node:net";
import { Prng } from "../../../src/core/base/prng.ts";
import { JuteReader } from "../../conformance/differential/jute.ts";
import { fixedXids } from "../../conformance/differential/protocol.ts";
import type { Request } from "../../conformance/differential/request.ts";
import { framed, helloFrame, requestFrame } from "../../support/zookeeper-frames.ts";
import { mutate } from "./mutate.ts";
import { zookeeperRequests } from "./zookeeper-fuzz-seeds.ts";

const UNDER_WAY = 40;
const REQUESTS_MAX = 5;
/** How long anything may take until it counts as hanging, ms. */
const ANSWER_TIMEOUT_MS = 20_000;
/** With nothing said for so long the member waits for the rest of what it was sent, as it may, ms. */
const QUIET_MS = 200;
/** The xid of the request behind all others, which is well-formed. */
const LAST_XID = 0x7a7a7a;
const LENGTH_BYTES = 4;

/**
 * `answered`: the request behind all mutated ones was; `closed`: the member ended the connection; `waiting`: what was
 * sent announces more; `hung`: none of these.
 */
export type Ending = "answered" | "closed" | "waiting" | "hung";

export interface ZookeeperFinding {
  readonly caseNumber: number;
  readonly ending: Ending;
}

/** Sends mutated frames to a member's ZooKeeper door, and keeps what looks wrong. */
export class ZookeeperFuzzer {
  /** By ending and by error code of the replies, for the report. */
  readonly counts = new Map<string, number>();
  readonly findings: ZookeeperFinding[] = [];
  private readonly host: string;
  private readonly port: number;
  private readonly seed: number;
  private readonly frames: readonly Uint8Array[];

  constructor(address: string, seed: number) {
    const colon = address.lastIndexOf(":");
    this.host = address.slice(0, colon);
    this.port = Number(address.slice(colon + 1));
    this.seed = seed;
    this.frames = zookeeperRequests.map((request, index) => frameOf(request, index + 1));
  }

  /** Runs cases `from` to `to` - 1. */
  async run(from: number, to: number): Promise<void> {
    let next = from;
    const worker = async (): Promise<void> => {
      for (let number = next++; number < to; number = next++) await this.one(number);
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, worker));
  }

  /** A session and a request as they should be: is the member still what it was? */
  async healthy(): Promise<Ending> {
    return this.send([helloFrame(), lastFrame()]);
  }

  private async one(caseNumber: number): Promise<void> {
    const ending = await this.send(this.attack(new Prng(this.seed * 1_000_003 + caseNumber)));
    this.count(ending);
    if (ending === "hung") this.findings.push({ caseNumber, ending });
  }

  /** What a case sends, piece by piece. */
  private attack(random: Prng): Uint8Array[] {
    const hello = helloFrame({ readOnly: random.chance(0.5) });
    const chunks = [random.chance(0.9) ? hello : mutate(hello, this.frames, random)];
    for (let left = 1 + random.below(REQUESTS_MAX); left > 0; left--) {
      const frame = random.pick(this.frames);
      if (random.chance(0.1)) chunks.push(frame);
      // A right length around what is wrong gets further than a wrong one.
      else if (random.chance(0.8)) chunks.push(framed(mutate(frame.subarray(LENGTH_BYTES), this.payloads(), random)));
      else chunks.push(mutate(frame, this.frames, random));
    }
    chunks.push(lastFrame());
    if (random.chance(0.7)) return [Buffer.concat(chunks)];
    const all = Buffer.concat(chunks);
    const cut = random.below(all.length + 1);
    return [all.subarray(0, cut), all.subarray(cut)];
  }

  private payloads(): Uint8Array[] {
    return this.frames.map((frame) => frame.subarray(LENGTH_BYTES));
  }

  private count(key: string): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  private send(pieces: readonly Uint8Array[]): Promise<Ending> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.host, port: this.port });
      let received = Buffer.alloc(0);
      let frames = 0;
      const finish = (ending: Ending): void => {
        clearTimeout(timer);
        resolve(ending);
        socket.destroy();
      };
      const timer = setTimeout(() => finish("hung"), ANSWER_TIMEOUT_MS);
      socket.setTimeout(QUIET_MS, () => finish("waiting"));
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        while (received.length >= LENGTH_BYTES && received.length - LENGTH_BYTES >= received.readInt32BE(0)) {
          const size = received.readInt32BE(0);
          // The first answers the connect request.
          if (frames++ > 0 && this.isLast(received.subarray(LENGTH_BYTES, LENGTH_BYTES + size))) finish("answered");
          received = received.subarray(LENGTH_BYTES + size);
        }
      });
      socket.on("error", () => undefined);
      socket.on("close", () => finish("closed"));
      socket.on("connect", () => {
        for (const piece of pieces) socket.write(piece);
      });
    });
  }

  private isLast(frame: Uint8Array): boolean {
    if (frame.length < 16) return false;
    const reader = new JuteReader(frame);
    const xid = reader.int();
    reader.long();
    this.count(`error ${reader.int()}`);
    return xid === LAST_XID;
  }
}

function frameOf(request: Request, xid: number): Uint8Array {
  return requestFrame(request, fixedXids[request.op as keyof typeof fixedXids] ?? xid);
}

function lastFrame(): Uint8Array {
  return requestFrame({ op: "whoAmI" }, LAST_XID);
}
