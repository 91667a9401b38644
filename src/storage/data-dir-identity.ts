/** Format of the data directory as a whole; the journal and the snapshot have their own. */
export const DATA_DIR_FORMAT = 1;

/** `muster.json`: whose data this is. Written once, but for a forced recovery. */
export interface DataDirIdentity {
  readonly format: number;
  /** 32 hex digits, random, of the ensemble's first member. */
  readonly ensembleId: string;
  /** 1 to 255. */
  readonly memberId: number;
  /** 32 hex digits, random: a wiped or cloned member is another one (core.md 26). */
  readonly incarnation: string;
  readonly createdTime: string;
}

interface Rule {
  readonly text: string;
  readonly holds: (value: unknown) => boolean;
}

const MEMBER_ID_MAX = 255;
const HEX_ID = /^[0-9a-f]{32}$/;
/** As `Date.toISOString` writes it. */
const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const hexId: Rule = {
  text: "must be 32 hex digits",
  holds: (value) => typeof value === "string" && HEX_ID.test(value),
};
const rules: Readonly<Record<keyof DataDirIdentity, Rule>> = {
  format: { text: `must be ${DATA_DIR_FORMAT}`, holds: (value) => value === DATA_DIR_FORMAT },
  ensembleId: hexId,
  memberId: {
    text: `must be a whole number from 1 to ${MEMBER_ID_MAX}`,
    holds: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MEMBER_ID_MAX,
  },
  incarnation: hexId,
  createdTime: {
    text: "must be a time like 2026-01-31T00:00:00.000Z",
    holds: (value) => typeof value === "string" && UTC_TIME.test(value) && !Number.isNaN(Date.parse(value)),
  },
};

/**
 * What is wrong with an identity as it was read, or is to be written; undefined when nothing is. By hand: a library's
 * schemas would take longer to load than the rest of a member's start before its data does.
 */
export function identityProblem(identity: unknown): string | undefined {
  if (typeof identity !== "object" || identity === null || Array.isArray(identity))
    return "the file: must be an object";
  const fields = identity as Readonly<Record<string, unknown>>;
  for (const [field, { text, holds }] of Object.entries(rules)) if (!holds(fields[field])) return `${field}: ${text}`;
  const unknown = Object.keys(fields).find((field) => !Object.hasOwn(rules, field));
  return unknown === undefined ? undefined : `the file: has an unknown field "${unknown}"`;
}
