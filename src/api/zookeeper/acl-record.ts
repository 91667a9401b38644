import type { AclEntry } from "../../core/tree/operation.ts";
import { permission } from "../../core/tree/operation.ts";
import type { JuteReader } from "./jute-reader.ts";
import type { ReplyWriter } from "./reply-writer.ts";

/** Bytes of the shortest entry: permissions and two empty strings. */
const ENTRY_BYTES_MIN = 12;

/** An ACL; undefined for the one that is open to everybody, which costs nothing further on. */
export function readAcl(reader: JuteReader): readonly AclEntry[] | undefined {
  const acl: AclEntry[] = [];
  for (let left = reader.count(ENTRY_BYTES_MIN); left > 0; left--) {
    const permissions = reader.i32();
    acl.push({ permissions, scheme: reader.string(), id: reader.string() });
  }
  return isOpen(acl) ? undefined : acl;
}

export const OPEN: readonly AclEntry[] = [{ permissions: permission.ALL, scheme: "world", id: "anyone" }];

function isOpen(acl: readonly AclEntry[]): boolean {
  const [entry] = acl;
  return acl.length === 1 && entry?.permissions === permission.ALL && entry.scheme === "world" && entry.id === "anyone";
}

export function writeAcl(writer: ReplyWriter, acl: readonly AclEntry[]): void {
  writer.i32(acl.length);
  for (const { permissions, scheme, id } of acl) {
    writer.i32(permissions);
    writer.string(scheme);
    writer.string(id);
  }
}
