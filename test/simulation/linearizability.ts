/** What one znode's data is, between two operations on it. */
interface Register {
  readonly version: number;
  readonly data: string;
}

/** An operation on one znode's data, as somebody outside saw it: only times and values, no zxid. */
export interface RegisterOperation {
  readonly kind: "set" | "get";
  readonly from: number;
  /** Infinite where no answer came: it may have happened, or may yet. */
  readonly until: number;
  /** What was written, or read. */
  readonly data: string;
  /** As answered; undefined where no answer came. */
  readonly version: number | undefined;
}

/** More operations without a moment at which none is under way are not searched. */
const WINDOW_MAX = 12;

/**
 * Whether some order, in which each operation lies between its begin and its end, explains all of them (Wing and
 * Gong, with a memory of what was tried): a set adds one to the version, a get sees the last set. Undefined: too many
 * at once.
 *
 * @param operations on one znode, from its creation; a first operation may find any state
 */
export function isLinearizable(operations: readonly RegisterOperation[]): boolean | undefined {
  let states: (Register | undefined)[] = [undefined];
  for (const window of windowsOf(operations)) {
    if (window.length > WINDOW_MAX) return undefined;
    states = endStates(window, states);
    if (states.length === 0) return false;
  }
  return true;
}

/** Cut where no operation is under way. */
function windowsOf(operations: readonly RegisterOperation[]): RegisterOperation[][] {
  const windows: RegisterOperation[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const operation of [...operations].sort((one, other) => one.from - other.from)) {
    if (operation.from > end) windows.push([]);
    windows.at(-1)?.push(operation);
    end = Math.max(end, operation.until);
  }
  return windows;
}

function endStates(window: readonly RegisterOperation[], before: (Register | undefined)[]): (Register | undefined)[] {
  const found = new Map<string, Register | undefined>();
  const tried = new Set<string>();
  const all = (1 << window.length) - 1;
  const search = (done: number, state: Register | undefined): void => {
    const key = `${done} ${state?.version} ${state?.data}`;
    if (tried.has(key)) return;
    tried.add(key);
    const open = window.filter((_, index) => (done & (1 << index)) === 0);
    // Those that were never answered need not have happened.
    if (open.every(({ until }) => until === Number.POSITIVE_INFINITY))
      found.set(`${state?.version} ${state?.data}`, state);
    if (done === all) return;
    const firstEnd = Math.min(...open.map(({ until }) => until));
    for (const [index, operation] of window.entries()) {
      if ((done & (1 << index)) !== 0 || operation.from > firstEnd) continue;
      const next = step(state, operation);
      if (next !== undefined) search(done | (1 << index), next);
    }
  };
  for (const state of before) search(0, state);
  return [...found.values()];
}

/** Undefined: what was answered cannot have happened in this state. */
function step(state: Register | undefined, { kind, data, version }: RegisterOperation): Register | undefined {
  if (kind === "get") {
    const seen = { version: version ?? 0, data };
    return state === undefined || (state.version === seen.version && state.data === data) ? seen : undefined;
  }
  if (state === undefined) return version === undefined ? undefined : { version, data };
  const next = state.version + 1;
  return version === undefined || version === next ? { version: next, data } : undefined;
}
