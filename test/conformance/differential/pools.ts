import { createHash } from "node:crypto";
import type { Acl } from "./request.ts";

/** What sequences draw from: few paths, so that requests meet; people; ACLs good and bad; paths that are none. */

/**
 * Names that start with c and a digit are containers and nothing else is. Nothing below them is ever deleted here: a
 * container that has lost its last child goes at a moment that each server chooses, which no comparison of single steps
 * survives. What becomes of those, `reapers.ts` compares.
 */
const CONTAINER_NAME = /\/c\d[^/]*$/;

export const PATHS = [
  "§/a",
  "§/b",
  "§/e",
  "§/c1",
  "§/a/a",
  "§/a/b",
  "§/a/c2",
  "§/b/a",
  "§/b/t",
  "§/c1/a",
  "§/e/a",
  "§/a/a/a",
  "§/a/a/b",
  "§/a/c2/a",
  "§/b/a/é名",
];
export const RESERVED = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];
export const ODD_PATHS = [
  "",
  "a",
  "§/",
  "§/a/",
  "§//a",
  "§/.",
  "§/..",
  "§/a/./b",
  "§/a/../b",
  "§/a\u0000b",
  "§/a\u0001",
  "§/\u007f",
  "§/\u009f",
  "§/\ue000",
  "§/\ufff0",
  "§/...",
  "§/.a",
  "§/ ",
  "§/none/such",
  "§/a/none",
];

export function isContainer(path: string): boolean {
  return CONTAINER_NAME.test(path);
}

export function isBelowContainer(path: string): boolean {
  return isContainer(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
}

/** ZooKeeper's PathUtils, for a path of a run. */
export function breaksPathRules(path: string): boolean {
  if (path === "/") return false;
  const segments = path.replace(/^§/, "/§").split("/").slice(1);
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) return true;
  return !/^[/§]/.test(path) || /[\p{Cc}\p{Co}\p{Cs}\ufff0-\uffff]/u.test(path);
}

interface Person {
  readonly credential: string;
  readonly id: string;
}

function person(name: string, password: string): Person {
  const hash = createHash("sha1").update(`${name}:${password}`).digest("base64");
  return { credential: `${name}:${password}`, id: `${name}:${hash}` };
}

const ALICE = person("alice", "wonder");
const BOB = person("bob", "builder");
/** May everything everywhere, so that it can tidy up. */
export const CLEANER = person("cleaner", "broom");
export const CREDENTIALS: readonly (readonly [scheme: string, credential: string])[] = [
  ["digest", ALICE.credential],
  ["digest", BOB.credential],
  ["digest", ALICE.credential],
  ["digest", "carol"],
  ["digest", "dave:a:b"],
];
/** After these the server closes the connection. */
export const BAD_CREDENTIALS: readonly (readonly [scheme: string, credential: string])[] = [
  ["magic", "x"],
  ["world", "anyone"],
];

const ALL = 31;
const cleaner: Acl = { perms: ALL, scheme: "digest", id: CLEANER.id };
export const OPEN: readonly Acl[] = [{ perms: ALL, scheme: "world", id: "anyone" }];
const withCleaner = (...acl: Acl[]): readonly Acl[] => [...acl, cleaner];
const world = (perms: number): Acl => ({ perms, scheme: "world", id: "anyone" });
const digest = (perms: number, { id }: Person): Acl => ({ perms, scheme: "digest", id });

export const ACLS: readonly (readonly Acl[])[] = [
  withCleaner(world(1)),
  withCleaner(world(30)),
  withCleaner(world(3), digest(ALL, ALICE)),
  withCleaner(world(7), digest(8, BOB)),
  withCleaner(world(17)),
  withCleaner(digest(ALL, ALICE)),
  withCleaner(digest(1, BOB), digest(ALL, ALICE)),
  withCleaner({ perms: ALL, scheme: "auth", id: "" }),
  withCleaner(world(1), { perms: 15, scheme: "auth", id: "ignored" }),
  withCleaner({ perms: ALL, scheme: "ip", id: "127.0.0.1" }),
  withCleaner({ perms: ALL, scheme: "ip", id: "127.0.0.0/8" }, world(1)),
  withCleaner({ perms: ALL, scheme: "ip", id: "10.0.0.0/8" }),
  withCleaner(world(31), world(31), world(1)),
  withCleaner(world(31), world(31)),
  withCleaner(world(0)),
];
export const BAD_ACLS: readonly (readonly Acl[] | null)[] = [
  [],
  null,
  [{ perms: ALL, scheme: "world", id: "someone" }],
  [{ perms: ALL, scheme: "magic", id: "x" }],
  [{ perms: ALL, scheme: "digest", id: "nocolon" }],
  [{ perms: ALL, scheme: "digest", id: "a:b:c" }],
  [{ perms: ALL, scheme: "ip", id: "10.0.0" }],
  [{ perms: ALL, scheme: "ip", id: "10.0.0.0/33" }],
  [{ perms: ALL, scheme: "", id: "" }],
  [world(31), { perms: ALL, scheme: "magic", id: "x" }],
];
