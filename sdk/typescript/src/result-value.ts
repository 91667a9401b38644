import { failureError, MusterError } from "./errors.ts";
import { CreateMode } from "./gen/muster/coordination/v1/znode.ts";
import { type Kind, kind, type Pending } from "./pending.ts";
import type { WireResult } from "./response-decoder.ts";
import type { AclEntry, Stat } from "./stat.ts";

/** Where a write stands in the history. */
export interface Written {
  readonly zxid: number;
}

/** The outcome of a create. */
export interface Created extends Written {
  /** The path, with its suffix if it is sequential. */
  readonly path: string;
  readonly stat: Stat;
  /** False only with `ifAbsent`, where the znode was there already; `stat` is then the existing one's. */
  readonly created: boolean;
}

/** The outcome of a set or a change of ACL. */
export interface Changed extends Written {
  readonly stat: Stat;
}

/** The outcome of the deletion of a subtree. */
export interface TreeDeleted extends Written {
  /** Znodes deleted. */
  readonly count: number;
}

/** A znode's data and stat at the zxid they were read at. */
export interface ZnodeData {
  readonly data: Uint8Array;
  readonly stat: Stat;
  readonly zxid: number;
}

/** One page of children, in creation order, of one zxid. */
export interface ChildrenPage {
  readonly names: readonly string[];
  /** Empty after the last page. */
  readonly nextPageToken: Uint8Array;
  /** The parent's. */
  readonly stat: Stat;
  readonly zxid: number;
}

/** Who may do what with a znode, and how it was made: `mode` and `ttlMs` as `create` takes them. */
export interface ZnodeAcl {
  readonly acl: readonly AclEntry[];
  readonly mode: "persistent" | "ephemeral" | "container";
  /** Its time to live, ms; undefined where it has none. */
  readonly ttlMs: number | undefined;
  readonly stat: Stat;
  readonly zxid: number;
}

/** What the answer to a multi or a multi-read is decoded by: each part's kind and path, in order. */
export type PartDetails = readonly { readonly kind: Kind; readonly path: string }[];

const noNames: readonly string[] = [];
/** By the proto's CreateMode, where that is not persistent. */
const znodeModes: Readonly<Record<number, ZnodeAcl["mode"]>> = {
  [CreateMode.EPHEMERAL]: "ephemeral",
  [CreateMode.CONTAINER]: "container",
};

/** The error an answer reports, if any. An absent znode is no error to `exists`. */
export function resultError(
  pending: Pick<Pending, "kind" | "path" | "detail">,
  result: WireResult,
): MusterError | undefined {
  if (pending.kind === kind.MULTI) return multiError(pending, result) ?? forgottenError(pending, result);
  if (!result.failed || (pending.kind === kind.EXISTS && result.failureReason === "NODE_NOT_FOUND")) return undefined;
  return errorOf(result, pending.path);
}

function errorOf(result: WireResult, path: string | undefined, partIndex?: number): MusterError {
  const { failureStatus, failureReason, failureMessage, zxid } = result;
  return failureError(failureStatus, failureReason, failureMessage, { path, zxid, partIndex });
}

/** A multi fails with the reason and the path of the operation that failed. */
function multiError(pending: Pick<Pending, "path" | "detail">, result: WireResult): MusterError | undefined {
  const details = pending.detail as PartDetails;
  const partIndex = (result.parts ?? []).findIndex((part) => part.failed && part.failureReason !== "ROLLED_BACK");
  const part = result.parts?.[partIndex];
  if (part === undefined) return result.failed ? errorOf(result, pending.path) : undefined;
  const { failureStatus, failureReason, failureMessage } = part;
  const path = details[partIndex]?.path;
  return failureError(failureStatus, failureReason, failureMessage, { path, zxid: result.zxid, partIndex });
}

/** A large multi's answer that the server keeps only as its zxid and its success: the parts' results are gone. */
function forgottenError(pending: Pick<Pending, "path" | "detail">, result: WireResult): MusterError | undefined {
  if ((pending.detail as PartDetails).length === 0 || (result.parts ?? []).length > 0) return undefined;
  return new MusterError("ANSWER_FORGOTTEN", { zxid: result.zxid });
}

/** The value an answer stands for; throws MALFORMED where it lacks what it must have. */
export function resultValue(pending: Pending, result: WireResult): unknown {
  if (pending.kind === kind.MULTI) {
    const details = pending.detail as PartDetails;
    const parts = partsOf(result, details);
    return {
      zxid: result.zxid,
      results: parts.map((part, index) => partValue(details[index]?.kind, part, result.zxid)),
    };
  }
  if (pending.kind === kind.MULTI_READ) {
    const details = pending.detail as PartDetails;
    const parts = partsOf(result, details);
    return { zxid: result.zxid, results: parts.map((part, index) => readOutcome(details, part, index, result.zxid)) };
  }
  return partValue(pending.kind, result, result.zxid);
}

function partsOf(result: WireResult, details: PartDetails): readonly WireResult[] {
  const parts = result.parts ?? [];
  if (parts.length !== details.length) throw new MusterError("MALFORMED", { message: "an answer lacks parts" });
  return parts;
}

function readOutcome(details: PartDetails, part: WireResult, index: number, zxid: number): unknown {
  const detail = details[index];
  if (part.failed && !(detail?.kind === kind.EXISTS && part.failureReason === "NODE_NOT_FOUND")) {
    return { ok: false, error: errorOf(part, detail?.path, index) };
  }
  return { ok: true, value: partValue(detail?.kind, part, zxid) };
}

function partValue(of: Kind | undefined, result: WireResult, zxid: number): unknown {
  switch (of) {
    case kind.GET:
      // The message's memory is not kept alive by the data: it is copied out.
      return { data: new Uint8Array(result.data), stat: statOf(result), zxid };
    case kind.SET:
    case kind.SET_ACL:
      return { stat: statOf(result), zxid };
    case kind.CREATE: {
      const stat = statOf(result);
      return { path: result.path, stat, zxid, created: stat.czxid === zxid };
    }
    case kind.EXISTS:
      return result.failed ? undefined : statOf(result);
    case kind.LIST:
      return {
        names: result.names ?? noNames,
        nextPageToken: new Uint8Array(result.nextPageToken),
        stat: statOf(result),
        zxid,
      };
    case kind.GET_ACL:
      return {
        acl: result.acl ?? [],
        mode: znodeModes[result.mode] ?? "persistent",
        ttlMs: result.ttlMs === 0 ? undefined : result.ttlMs,
        stat: statOf(result),
        zxid,
      };
    case kind.DELETE_TREE:
      return { count: result.count, zxid };
    case kind.COUNT:
      return result.count;
    case kind.EPHEMERALS:
      return result.names ?? noNames;
    default:
      return { zxid };
  }
}

function statOf(result: WireResult): Stat {
  if (result.stat === undefined) throw new MusterError("MALFORMED", { message: "an answer lacks its stat" });
  return result.stat;
}
