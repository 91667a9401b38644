import type { Difference } from "./compare.ts";
import type { ExpectedDifference } from "./expected-difference.ts";
import { breaksPathRules } from "./pools.ts";
import { isWrite, pathOf, type Request, type WatcherRequest } from "./request.ts";
import { isDone } from "./side.ts";

/** Create modes whose results in a multi are those of create2, with a stat, in every version. */
const WITH_STAT = [4, 5, 6];
const MARSHALLING = "MarshallingError (-5)";
const BAD_ARGUMENTS = "BadArguments (-8)";
/** What ZooKeeper may find out before it looks at a path's rules. */
const BEFORE_PATH_RULES = ["Ok (0)", "NoNode (-101)", "NoAuth (-102)", "InvalidACL (-114)"];
const UNIMPLEMENTED = "Unimplemented (-6)";

/**
 * The one list of what may differ between a real ZooKeeper 3.8 and Muster's ZooKeeper door. How often each entry was
 * used stands at the end of a run: one that never is used goes.
 */
export const expectedDifferences: readonly ExpectedDifference[] = [
  {
    name: "an event tells its zxid",
    reason: "as ZooKeeper does from 3.9 on (ZOOKEEPER-4655); clients before that do not look",
    covers: ({ at, left, right }) => at === "event.zxid" && left === "-1" && Number(right) > 0,
  },
  {
    name: "a failed write or a read shows another progress of the log",
    reason:
      "Muster refuses some requests at the door, without a zxid, and has zxids of its own, as for moving a session",
    covers: (difference) => difference.at === "fresh zxid" && !isDoneWrite(difference),
  },
  {
    name: "data that was null is empty",
    reason: "the tree keeps bytes, and clients treat both alike",
    covers: ({ at, left, right }) => at.endsWith(".data") && left === null && right === "",
  },
  {
    name: "deleteContainer is refused",
    reason: "in ZooKeeper it needs no permission; here only the ensemble removes containers",
    covers: ({ at, request, right }) => {
      return at === "error" && request?.op === "deleteContainer" && right === UNIMPLEMENTED;
    },
  },
  {
    name: "a check outside of a multi is not implemented",
    reason: "as in ZooKeeper since ZOOKEEPER-2623; before, one that held stopped the whole ensemble",
    covers: ({ at, request, right }) => at === "error" && request?.op === "check" && right === UNIMPLEMENTED,
  },
  {
    name: "reconfig asks for a permission",
    reason: "reconfiguration is always enabled here, and only for the super user",
    covers: ({ at, request, left, right }) => {
      const isRefused = left === "ReconfigDisabled (-123)" && right === "NoAuth (-102)";
      return at === "error" && request?.op === "reconfig" && isRefused;
    },
  },
  {
    name: "a kind of watcher that is none is a bad argument",
    reason: "ZooKeeper's answer is the accident of an exception that nobody expected",
    covers: ({ at, request, left, right }) => {
      return at === "error" && isOfWatchers(request) && left === MARSHALLING && right === BAD_ARGUMENTS;
    },
  },
  {
    name: "exists needs the READ permission",
    reason: "as in ZooKeeper from 3.8.4 and 3.9.2 on (CVE-2024-23944)",
    covers: ({ at, request, left, right }) => {
      return at === "error" && request?.op === "exists" && left === "Ok (0)" && right === "NoAuth (-102)";
    },
  },
  {
    name: "a path that breaks the rules is a bad argument",
    reason:
      "ZooKeeper looks for it, for its parent or at the ACL first, and takes no path for the root's; nobody sends one",
    covers: ({ at, request, left, right }) => {
      if (request === undefined || at !== "error" || !breaksPathRules(pathOf(request))) return false;
      return BEFORE_PATH_RULES.includes(String(left)) && right === BAD_ARGUMENTS;
    },
  },
  {
    name: "a path in a multiRead that breaks the rules is a bad argument",
    reason: "as outside of one",
    covers: ({ at, request, right }) => {
      const operation =
        request?.op === "multiRead" ? operationAt(request, at, /\.(type|header|error|result)$/) : undefined;
      return (
        operation !== undefined && breaksPathRules(pathOf(operation)) && ["-1", "-8", "nothing"].includes(String(right))
      );
    },
  },
  {
    name: "a path that is null, or of no characters, is a bad argument",
    reason: "ZooKeeper's answer is the accident of an exception, or the root's; no client sends one",
    covers: ({ at, request, left, right }) => {
      const { mangle } = request ?? {};
      const isNoPath = mangle?.kind === "poke" && mangle.at === 0 && (mangle.int === -1 || mangle.int === 0);
      return at === "error" && isNoPath && [MARSHALLING, "Ok (0)"].includes(String(left)) && right === BAD_ARGUMENTS;
    },
  },
  {
    name: "a path in a multi that breaks the rules is a bad argument",
    reason: "as outside of one",
    covers: ({ at, request, left, right }) => {
      const operation = request?.op === "multi" ? operationAt(request, at, /\.(header|error)$/) : undefined;
      if (operation === undefined || !breaksPathRules(pathOf(operation))) return false;
      return [-101, -102, -114].includes(Number(left)) && right === -8;
    },
  },
  {
    name: "create2 in a multi gives a stat",
    reason: "as in ZooKeeper since ZOOKEEPER-4026; before, its result was that of create",
    covers: ({ at, request, left }) => {
      const operation = operationAt(request, at, /\.(type|result\.stat)$/);
      if (operation?.op !== "create2" || WITH_STAT.includes(operation.flags)) return false;
      return left === (at.endsWith(".type") ? 1 : "nothing");
    },
  },
];

function isOfWatchers(request: Request | undefined): request is WatcherRequest {
  return request?.op === "addWatch" || request?.op === "checkWatches" || request?.op === "removeWatches";
}

/** The operation of a multi whose result this is about: `value.results.1.header`. */
function operationAt(request: Request | undefined, at: string, ending: RegExp): Request | undefined {
  if (request === undefined || !("operations" in request) || !ending.test(at)) return undefined;
  return request.operations[Number(/^value\.results\.(\d+)\./.exec(at)?.[1] ?? -1)];
}

function isDoneWrite({ leftItem, rightItem }: Difference): boolean {
  if (leftItem?.kind !== "reply" || rightItem?.kind !== "reply") return false;
  return isWrite(leftItem.request) && isDone(leftItem) && isDone(rightItem);
}
