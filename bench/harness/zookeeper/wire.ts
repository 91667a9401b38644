/** Operations of ZooKeeper's client protocol that the harness sends (ZooDefs.OpCode of Apache ZooKeeper 3.8). */
export const operations = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  removeWatches: 18,
  createTtl: 21,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

/** Request ids with a meaning of their own. */
export const specialXids = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** In a multi: that its list of operations ends. */
const MULTI_END = -1;
export const PASSWORD_BYTES = 16;
const ALL_PERMISSIONS = 31;

/** Puts a frame together, field after field, with the length in front. */
export class JuteFrame {
  private readonly parts: Buffer[] = [];

  i32(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeInt32BE(value);
    this.parts.push(bytes);
    return this;
  }

  i64(value: bigint): this {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64BE(value);
    this.parts.push(bytes);
    return this;
  }

  bool(value: boolean): this {
    this.parts.push(Buffer.of(value ? 1 : 0));
    return this;
  }

  buffer(bytes: Buffer): this {
    this.i32(bytes.length);
    this.parts.push(bytes);
    return this;
  }

  text(value: string): this {
    return this.buffer(Buffer.from(value));
  }

  texts(values: readonly string[]): this {
    this.i32(values.length);
    for (const value of values) this.text(value);
    return this;
  }

  /** Everybody may do everything. */
  openAcl(): this {
    return this.i32(1).i32(ALL_PERMISSIONS).text("world").text("anyone");
  }

  /** The header of one operation of a multi, or of its end. */
  multiHeader(operation: number | undefined): this {
    return this.i32(operation ?? MULTI_END)
      .bool(operation === undefined)
      .i32(-1);
  }

  /** The frame with its length. */
  bytes(): Buffer {
    const length = this.parts.reduce((sum, part) => sum + part.length, 0);
    const prefix = Buffer.allocUnsafe(4);
    prefix.writeInt32BE(length);
    return Buffer.concat([prefix, ...this.parts]);
  }
}

/** A session as its client keeps it. */
export interface SessionTicket {
  readonly id: bigint;
  readonly password: Buffer;
}

/** The first frame of a connection: for a new session, or to go on with one. */
export function connectFrame(timeoutMs: number, session?: SessionTicket): Buffer {
  return new JuteFrame()
    .i32(0)
    .i64(0n)
    .i32(timeoutMs)
    .i64(session?.id ?? 0n)
    .buffer(session?.password ?? Buffer.alloc(PASSWORD_BYTES))
    .bool(false)
    .bytes();
}

export function requestFrame(xid: number, operation: number, body: (frame: JuteFrame) => JuteFrame): Buffer {
  return body(new JuteFrame().i32(xid).i32(operation)).bytes();
}
