/**
 * A reply's content, for comparison: plain values, and leaves that are equal on two sides only by what they stand for.
 */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [field: string]: Value }
  | StatLeaf
  | NamesLeaf;

/** Names in any order: no server promises one. */
export class NamesLeaf {
  /** The znode they are the children of; "" if of none. */
  readonly of: string;
  readonly names: readonly string[];

  constructor(of: string, names: readonly string[]) {
    this.of = of;
    this.names = names;
  }
}

export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctime: bigint;
  readonly mtime: bigint;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;
}

export class StatLeaf {
  /** The znode's path. */
  readonly of: string;
  readonly stat: Stat;

  constructor(of: string, stat: Stat) {
    this.of = of;
    this.stat = stat;
  }
}

/** For people, on one line. */
export function showValue(value: Value | undefined): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof NamesLeaf) return part.names;
    if (part instanceof StatLeaf) return part.stat;
    return typeof part === "bigint" ? hex(part) : part;
  });
}

function hex(number: bigint): string {
  return `0x${BigInt.asUintN(64, number).toString(16)}`;
}
