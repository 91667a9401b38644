/**
 * A broken invariant of the core. It is never handled: the member that threw it stops, because a member in
 * doubt must not serve (an operating error - a full disk, a bad request - is a value, never this).
 */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws {@link InvariantError} unless `condition` holds. Stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
