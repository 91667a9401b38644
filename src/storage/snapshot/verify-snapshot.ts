import Database from "better-sqlite3";
import { formatZxid } from "../../core/base/zxid.ts";
import { ROOT_SERIAL, type SnapshotMeta, znodeKind } from "../../core/tree/snapshot-row.ts";
import type { VerifyFinding } from "../verify-finding.ts";
import { checkHeader, readMeta } from "./snapshot-check.ts";
import { FIX_DAMAGED, type SnapshotError, snapshotError } from "./snapshot-error.ts";

/** Findings of one rule that are named one by one; the rest is counted. */
const ROWS_NAMED = 10;
const PAGES_FINDINGS_MAX = 100;
/** Temporary sorting happens in memory up to this, KiB, then in a temporary file. */
const CACHE_KIB = 64 * 1024;

/** A rule over the rows; `broken` selects the ids of those that break it. `@zxid`, `@serial`: of the meta row. */
interface RowRule {
  readonly table: "znode" | "session";
  readonly rule: string;
  readonly broken: string;
}

const { EPHEMERAL, TTL } = znodeKind;
const rules: readonly RowRule[] = [
  {
    table: "znode",
    rule: "the root exists, with parent 0 and an empty name",
    broken: `SELECT ${ROOT_SERIAL} WHERE NOT EXISTS (
      SELECT 1 FROM znode WHERE serial = ${ROOT_SERIAL} AND parent = 0 AND name = '')`,
  },
  {
    table: "znode",
    rule: "a znode's parent exists and has a lower serial",
    broken: `SELECT serial FROM znode AS child WHERE serial <> ${ROOT_SERIAL}
      AND (parent >= serial OR NOT EXISTS (SELECT 1 FROM znode WHERE serial = child.parent))`,
  },
  {
    table: "znode",
    rule: "serials are below the meta row's next_serial",
    broken: "SELECT serial FROM znode WHERE serial < 1 OR serial >= @serial",
  },
  {
    table: "znode",
    rule: "a name is one segment of a path",
    broken: `SELECT serial FROM znode WHERE serial <> ${ROOT_SERIAL}
      AND (name IN ('', '.', '..') OR instr(name, '/') > 0)`,
  },
  {
    table: "znode",
    rule: "siblings have different names",
    broken: "SELECT max(serial) FROM znode GROUP BY parent, name HAVING count(*) > 1",
  },
  {
    table: "znode",
    rule: "zxids are in order, and none is above the meta row's",
    broken: "SELECT serial FROM znode WHERE czxid > mzxid OR czxid > pzxid OR max(mzxid, pzxid) > @zxid OR czxid < 0",
  },
  {
    table: "znode",
    rule: "the kind is known, ephemeral znodes have an owner, and TTL znodes a TTL",
    broken: `SELECT serial FROM znode WHERE kind NOT IN (${Object.values(znodeKind).join(", ")})
      OR (kind = ${EPHEMERAL}) <> (owner <> 0) OR (kind = ${TTL}) <> (ttl_ms <> 0)`,
  },
  {
    table: "znode",
    rule: "an ephemeral znode's session is open",
    broken: `SELECT serial FROM znode WHERE kind = ${EPHEMERAL}
      AND NOT EXISTS (SELECT 1 FROM session WHERE id = znode.owner)`,
  },
  {
    table: "znode",
    rule: "ephemeral znodes have no children",
    broken: `SELECT child.serial FROM znode AS child JOIN znode AS parent ON parent.serial = child.parent
      WHERE parent.kind = ${EPHEMERAL}`,
  },
  {
    table: "znode",
    rule: "an ACL is a JSON list",
    broken: "SELECT serial FROM znode WHERE acl <> '' AND iif(json_valid(acl), json_type(acl), '') <> 'array'",
  },
  {
    table: "session",
    rule: "a session's id is not above the meta row's zxid",
    broken: "SELECT id FROM session WHERE id < 1 OR id > @zxid",
  },
];

export interface SnapshotVerdict {
  readonly meta: SnapshotMeta | undefined;
  readonly findings: readonly VerifyFinding[];
}

/**
 * Checks a snapshot as far as storage can: SQLite's own integrity_check, the meta row's checksum, and the rules of the
 * rows. The rows' checksums and the digest are the core's to check, by loading. Does not write to the database.
 */
export function verifySnapshot(file: string): SnapshotVerdict {
  const findings: VerifyFinding[] = [];
  let meta: SnapshotMeta | undefined;
  try {
    const database = new Database(file, { readonly: true, fileMustExist: true });
    try {
      database.pragma(`cache_size = -${CACHE_KIB}`);
      database.exec("BEGIN");
      const format = checkHeader(database, file);
      findings.push(...pageFindings(database, file));
      meta = readMeta(database, file, format);
      if (meta !== undefined) findings.push(...rowFindings(database, file, meta));
    } finally {
      database.close();
    }
  } catch (error) {
    findings.push(findingOf(snapshotError(file, "file", error)));
  }
  return { meta, findings };
}

export function findingOf({ fault }: SnapshotError): VerifyFinding {
  return { severity: "error", ...fault };
}

function pageFindings(database: Database.Database, file: string): VerifyFinding[] {
  const lines = database.prepare(`PRAGMA integrity_check(${PAGES_FINDINGS_MAX})`).pluck().all() as string[];
  return lines
    .filter((line) => line !== "ok")
    .map((line) => ({ severity: "error", file, where: "pages", rule: `integrity_check: ${line}`, fix: FIX_DAMAGED }));
}

function rowFindings(database: Database.Database, file: string, meta: SnapshotMeta): VerifyFinding[] {
  const findings: VerifyFinding[] = [];
  const note = (where: string, rule: string): void => {
    findings.push({ severity: "error", file, where, rule, fix: FIX_DAMAGED });
  };
  const counts = { znode: meta.nodeCount, session: meta.sessionCount };
  for (const [table, expected] of Object.entries(counts)) {
    const count = database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    if (count !== expected) note(table, `${count} rows, and the meta row counts ${expected}`);
  }
  for (const { table, rule, broken } of rules) {
    const statement = database.prepare(broken).pluck();
    const parameters = { zxid: meta.zxid, serial: meta.nextSerial };
    const used = broken.includes("@") ? [parameters] : [];
    let count = 0;
    for (const id of statement.iterate(...used)) {
      if (++count <= ROWS_NAMED) note(`${table} ${String(id)}`, rule);
    }
    if (count > ROWS_NAMED) note(table, `${count - ROWS_NAMED} more rows break the rule: ${rule}`);
  }
  return findings;
}

/** How a snapshot's place in the log is written in findings. */
export function describeSnapshot(meta: SnapshotMeta | undefined): string {
  return meta === undefined ? "an empty snapshot" : `the snapshot at ${formatZxid(meta.zxid)}`;
}
