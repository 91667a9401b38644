import fc from "fast-check";
import { describe, expect, test } from "vitest";
import "../../../support/fixed-seed.ts";
import {
  type AclEntry,
  type CreateMode,
  createMode,
  type LeafOperation,
  type WriteOperation,
} from "../../../../src/core/tree/operation.ts";
import { breaksGuard } from "../../../../src/products/floor/guarded-subtrees.ts";

const data = new Uint8Array(0);
const nobody = [{ scheme: "ip", id: "127.0.0.1" }];
const root = [...nobody, { scheme: "digest", id: "root:x" }, { scheme: "super", id: "" }];
const open: readonly AclEntry[] = [{ scheme: "world", id: "anyone", permissions: 31 }];
const readOnly: readonly AclEntry[] = [{ scheme: "world", id: "anyone", permissions: 1 }];

const create = (path: string, mode: CreateMode = createMode.PERSISTENT, acl?: readonly AclEntry[]) =>
  ({ kind: "create", path, data, mode, acl }) as const;
const check = (path: string): LeafOperation => ({ kind: "check", path, version: 1 });
/** Every way to write at a path. */
const writes = (path: string): readonly WriteOperation[] => [
  ...Object.values(createMode).map((mode) => create(path, mode)),
  { kind: "set", path, data, version: -1 },
  { kind: "set-acl", path, acl: open, version: -1 },
  { kind: "delete", path, version: -1 },
  { kind: "delete-tree", path },
];
const breaks = (operation: WriteOperation | LeafOperation): boolean => breaksGuard(operation, nobody);

const guarded = ["/muster/config", "/muster/registry", "/muster/queue", "/muster/steward"].flatMap((top) => [
  top,
  `${top}/`,
  `${top}/shop:db`,
  `${top}/shop:db/items/a`,
]);
const free = [
  "",
  "/",
  "/m",
  "/a",
  "/mustered/config",
  "/muster-config",
  "/app/muster/config",
  "muster/config",
  "//muster/config",
  "/Muster/config",
  "/muster/",
  "/muster/configuration",
  "/muster/confi",
  "/muster/queues/a",
  "/muster/lock/shop:db",
  "/muster/election/shop:db/n_-0000000001",
  "/muster/other",
];

describe("products.md 6: guarded subtrees", () => {
  test.for(guarded)("%s is written by products alone, in whatever way", (path) => {
    for (const operation of writes(path)) expect(breaks(operation), operation.kind).toBe(true);
    for (const operation of writes(path)) expect(breaksGuard(operation, root), operation.kind).toBe(false);
  });

  test.for(free)("%s is free", (path) => {
    for (const operation of writes(path)) expect(breaks(operation), operation.kind).toBe(false);
  });

  test("of a multi one part is enough, wherever it stands; a check is only a look", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...free.map((path) => create(path)), ...guarded.map(check))),
        fc.constantFrom(...guarded.flatMap(writes)).filter(({ kind }) => kind !== "delete-tree"),
        fc.nat(),
        (others, bad, at) => {
          expect(breaks({ kind: "multi", operations: others })).toBe(false);
          const place = at % (others.length + 1);
          const operations = [...others.slice(0, place), bad as LeafOperation, ...others.slice(place)];
          expect(breaks({ kind: "multi", operations })).toBe(true);
          expect(breaksGuard({ kind: "multi", operations }, root)).toBe(false);
        },
      ),
    );
  });

  test("/muster itself can be made, changed and deleted as long as products can go on below it", () => {
    expect(breaks(create("/muster"))).toBe(false);
    expect(breaks(create("/muster", createMode.PERSISTENT, open))).toBe(false);
    expect(breaks(create("/muster", createMode.PERSISTENT, [...readOnly, ...open]))).toBe(false);
    expect(breaks({ kind: "set", path: "/muster", data, version: -1 })).toBe(false);
    expect(breaks({ kind: "delete", path: "/muster", version: -1 })).toBe(false);
    expect(breaks(check("/muster"))).toBe(false);
  });

  test("/muster is no ephemeral, closed or vanishing znode, and is not deleted with all below", () => {
    expect(breaks(create("/muster", createMode.PERSISTENT, readOnly))).toBe(true);
    expect(breaks(create("/muster", createMode.PERSISTENT, []))).toBe(true);
    for (const mode of Object.values(createMode)) {
      expect(breaks(create("/muster", mode)), `${mode}`).toBe(mode !== createMode.PERSISTENT);
    }
    expect(breaks({ kind: "set-acl", path: "/muster", acl: open, version: -1 })).toBe(true);
    expect(breaks({ kind: "delete-tree", path: "/muster" })).toBe(true);
    expect(breaksGuard({ kind: "delete-tree", path: "/muster" }, root)).toBe(false);
  });
});
