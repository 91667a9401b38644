import { beforeAll, describe, expect, it } from "vitest";
import { OK, reasonOf } from "../../../../src/core/base/errors.ts";
import { defaultLimits } from "../../../../src/core/base/limits.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import type { ReadOperation } from "../../../../src/core/tree/operation.ts";
import { LIST_PAGE_BYTES_MAX, LIST_PAGE_MAX, MULTI_READ_MAX } from "../../../../src/core/tree/reader.ts";
import { TreeDriver } from "./tree-driver.ts";

const NOTHING = new Uint8Array(0);

function page(driver: TreeDriver, path: string, cursor: Uint8Array = NOTHING, limit = 0): Answer {
  return driver.read({ kind: "list", path, limit, cursor });
}

/** All pages from the first; `between` runs after each with its names. */
function pages(
  driver: TreeDriver,
  path: string,
  limit: number,
  between: (names: readonly string[]) => void = () => undefined,
): string[][] {
  const found: string[][] = [];
  let cursor: Uint8Array = NOTHING;
  do {
    const answer = page(driver, path, cursor, limit);
    expect(answer.code).toBe(OK);
    found.push([...answer.names]);
    cursor = answer.cursor.slice();
    between(found.at(-1) as string[]);
    if (found.length > 10_000) throw new Error("the list never ends");
  } while (cursor.length > 0);
  return found;
}

describe("a list", () => {
  it("as a whole has every child at one zxid, however many and however long, and no cursor", () => {
    const driver = new TreeDriver();
    driver.create("/p");
    const pad = "x".repeat(200);
    const names = Array.from({ length: LIST_PAGE_MAX + 500 }, (_, at) => `${pad}${(at * 11) % (LIST_PAGE_MAX + 500)}`);
    for (const name of names) driver.create(`/p/${name}`);
    const answer = driver.read({ kind: "list", path: "/p", limit: 3, cursor: NOTHING, whole: true });
    expect([answer.code, answer.cursor.length]).toEqual([OK, 0]);
    expect(answer.names).toEqual(names);
    expect(answer.names.join("").length).toBeGreaterThan(LIST_PAGE_BYTES_MAX);
    expect(answer.stat.numChildren).toBe(names.length);
    const none = driver.read({ kind: "list", path: "/p/none", limit: 0, cursor: NOTHING, whole: true });
    expect(reasonOf(none.code)).toBe("NODE_NOT_FOUND");
  });

  it("core.md 37: pages through the children in creation order, the last page without a cursor", () => {
    const driver = new TreeDriver();
    driver.create("/p");
    const names = Array.from({ length: 23 }, (_, at) => `c${(at * 7) % 23}`);
    for (const name of names) driver.create(`/p/${name}`);
    for (const limit of [1, 2, 5, 22, 23, 24, 0]) {
      const found = pages(driver, "/p", limit);
      expect(found.flat()).toEqual(names);
      for (const each of found.slice(0, -1)) expect(each).toHaveLength(limit);
      expect((found.at(-1) as string[]).length).toBeGreaterThan(0);
    }
    expect(pages(driver, "/p/c0", 3)).toEqual([[]]);
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "core.md 37: never skips or repeats a child that was there all along (seed %i)",
    (seed) => {
      const random = new Prng(seed);
      const driver = new TreeDriver();
      driver.create("/p");
      const live: string[] = [];
      let serial = 0;
      const add = (): void => {
        // Names come back, as other znodes.
        const name = random.chance(0.3) ? `r${random.below(20)}` : `n${serial++}`;
        if (live.includes(name)) return;
        driver.create(`/p/${name}`);
        live.push(name);
      };
      for (let i = 0; i < 400; i++) add();
      const gone = new Set<string>();
      const added = new Set<string>();
      const before = [...live];
      const remove = (name: string): void => {
        const at = live.indexOf(name);
        if (at < 0) return;
        live.splice(at, 1);
        driver.delete(`/p/${name}`);
        gone.add(name);
      };
      const found = pages(driver, "/p", 1 + random.below(30), (names) => {
        const size = live.length;
        // Often the very child the cursor names.
        if (random.chance(0.4)) remove(names.at(-1) ?? "");
        for (let i = random.below(12); i > 0 && live.length > 0; i--) remove(random.pick(live));
        // Fewer than go, so that the list ends.
        for (let i = random.below(6); i > 0 && live.length < size; i--) {
          add();
          added.add(live.at(-1) as string);
        }
      }).flat();
      const stable = before.filter((name) => !gone.has(name));
      expect(stable.length).toBeGreaterThan(0);
      expect(found.filter((name) => stable.includes(name))).toEqual(stable);
      const known = new Set([...before, ...added]);
      expect(found.every((name) => known.has(name))).toBe(true);
    },
  );

  it("goes on behind a cursor whose child is gone, even if another has taken its name", () => {
    const driver = new TreeDriver();
    driver.create("/p");
    for (const name of ["a", "b", "c", "d"]) driver.create(`/p/${name}`);
    const { cursor } = page(driver, "/p", NOTHING, 2);
    const kept = cursor.slice();
    driver.delete("/p/b");
    expect(page(driver, "/p", kept).names).toEqual(["c", "d"]);
    driver.create("/p/b");
    expect(page(driver, "/p", kept).names).toEqual(["c", "d", "b"]);
    for (const name of ["c", "d", "b"]) driver.delete(`/p/${name}`);
    const last = page(driver, "/p", kept);
    expect([last.names, last.cursor.length]).toEqual([[], 0]);
  });

  it("refuses a cursor it did not make", () => {
    const driver = new TreeDriver();
    driver.create("/p");
    for (const name of ["a", "b"]) driver.create(`/p/${name}`);
    const { cursor } = page(driver, "/p", NOTHING, 1);
    const good = cursor.slice();
    for (let end = 1; end < good.length; end++) {
      expect(reasonOf(page(driver, "/p", good.subarray(0, end)).code)).toBe("INVALID_ARGUMENT");
    }
    expect(reasonOf(page(driver, "/p", Uint8Array.from([...good, 0])).code)).toBe("INVALID_ARGUMENT");
  });
});

describe("a list of very many children", () => {
  const driver = new TreeDriver();
  const count = 2 * LIST_PAGE_MAX + 50;
  const name = (at: number): string => `n${at}`;

  beforeAll(() => {
    driver.create("/p");
    for (let at = 0; at < count; at++) driver.create(`/p/${name(at)}`);
  });

  it("gives at most 10,000 names a page, whatever is asked for", () => {
    const sizes = pages(driver, "/p", 1_000_000).map((names) => names.length);
    expect(sizes).toEqual([LIST_PAGE_MAX, LIST_PAGE_MAX, 50]);
  });

  it("looks at no more children for a page that begins where its cursor's child was: empty, with a cursor", () => {
    const first = page(driver, "/p").cursor.slice();
    const cursor = page(driver, "/p", first).cursor.slice();
    driver.delete(`/p/${name(2 * LIST_PAGE_MAX - 1)}`);
    // Its child is gone, so the list is walked from the beginning again, at most 10,000 children at a call.
    const first10k = page(driver, "/p", cursor);
    expect([first10k.names.length, first10k.cursor.length > 0]).toEqual([0, true]);
    const rest: string[] = [];
    for (let at = first10k.cursor.slice(); at.length > 0; ) {
      const answer = page(driver, "/p", at);
      rest.push(...answer.names);
      at = answer.cursor.slice();
    }
    expect(rest).toEqual(Array.from({ length: 50 }, (_, at) => name(2 * LIST_PAGE_MAX + at)));
  });

  it("gives at most a mebibyte of names and one name more", () => {
    const long = new TreeDriver();
    long.create("/p");
    for (let at = 0; at < 400; at++) long.create(`/p/${"x".repeat(3_990)}${at}`);
    const found = pages(long, "/p", 0);
    for (const names of found) {
      const bytes = names.reduce((sum, each) => sum + each.length, 0);
      expect(bytes).toBeLessThanOrEqual(LIST_PAGE_BYTES_MAX + 4_096);
    }
    expect(found.flat()).toHaveLength(400);
    expect(found.length).toBe(2);
  });
});

describe("reads", () => {
  const reason = (driver: TreeDriver, operation: ReadOperation): string => {
    const { code } = driver.read(operation);
    return code === OK ? "OK" : reasonOf(code);
  };
  const kinds = ["get", "exists", "get-acl", "count"] as const;

  it("core.md 18: check the ACL of each znode, in a multi-read each for itself", () => {
    const driver = new TreeDriver();
    driver.identities = [{ scheme: "digest", id: "alice:x=" }];
    driver.create("/open");
    driver.write({
      kind: "create",
      path: "/closed",
      mode: 0,
      data: NOTHING,
      acl: [{ scheme: "digest", id: "alice:x=", permissions: 31 }],
    });
    const all = [...kinds.map((kind) => ({ kind, path: "/closed" })), { kind: "get" as const, path: "/open" }];
    const codes = () => driver.read({ kind: "multi-read", operations: all }).parts.map(({ code }) => code);
    expect(codes()).toEqual([0, 0, 0, 0, 0]);
    driver.identities = [{ scheme: "digest", id: "bob:x=" }];
    expect(codes().map((code) => (code === OK ? "OK" : reasonOf(code)))).toEqual([
      "NO_PERMISSION",
      "NO_PERMISSION",
      "NO_PERMISSION",
      "NO_PERMISSION",
      "OK",
    ]);
    expect(reason(driver, { kind: "list", path: "/closed", limit: 0, cursor: NOTHING })).toBe("NO_PERMISSION");
    driver.identities = [{ scheme: "super", id: "" }];
    expect(codes()).toEqual([0, 0, 0, 0, 0]);
  });

  it("show the hashes of an ACL only to who may change it", () => {
    const driver = new TreeDriver();
    const acl = [
      { scheme: "digest", id: "alice:secret=", permissions: 31 },
      { scheme: "world", id: "anyone", permissions: 1 },
    ];
    driver.write({ kind: "create", path: "/a", mode: 0, data: NOTHING, acl });
    const seen = () => driver.read({ kind: "get-acl", path: "/a" }).acl.map(({ id }) => id);
    expect(seen()).toEqual(["alice:x", "anyone"]);
    driver.identities = [{ scheme: "digest", id: "alice:secret=" }];
    expect(seen()).toEqual(["alice:secret=", "anyone"]);
  });

  it("refuse paths that are none, and znodes that are not there", () => {
    const driver = new TreeDriver();
    const long = `/${"x".repeat(defaultLimits.pathBytesMax)}`;
    for (const path of ["", "a", "/a/", "/\u0000", long]) {
      for (const kind of kinds) expect(reason(driver, { kind, path }), path).toBe("INVALID_PATH");
      expect(reason(driver, { kind: "ephemerals", path })).toBe("INVALID_PATH");
    }
    for (const kind of kinds) expect(reason(driver, { kind, path: "/none" })).toBe("NODE_NOT_FOUND");
  });

  it("core.md 6: count no more descendants than the limit", () => {
    const driver = new TreeDriver();
    driver.tree.state.limits = { ...defaultLimits, quotaScanNodesMax: 3 };
    for (const path of ["/a", "/a/b", "/a/b/c", "/a/d"]) driver.create(path);
    expect(driver.read({ kind: "count", path: "/a" })).toMatchObject({ code: OK, count: 3 });
    driver.create("/a/b/e");
    expect(reason(driver, { kind: "count", path: "/a" })).toBe("TOO_LARGE");
    expect(driver.read({ kind: "count", path: "/a/b" }).count).toBe(2);
    expect(driver.read({ kind: "count", path: "/" }).count).toBe(driver.tree.state.table.size - 1);
  });

  it("list a session's own ephemerals at or below a path, and those of nobody else", () => {
    const driver = new TreeDriver();
    const [mine, theirs] = [driver.openSession(), driver.openSession()];
    for (const path of ["/a", "/ab"]) driver.create(path);
    for (const path of ["/a/1", "/ab/2", "/e"]) driver.create(path, { mode: 1, session: mine });
    driver.create("/a/3", { mode: 1, session: theirs });
    const names = (path: string, session: number) => driver.read({ kind: "ephemerals", path }, session).names;
    expect(names("/", mine)).toEqual(["/a/1", "/ab/2", "/e"]);
    expect(names("/a", mine)).toEqual(["/a/1"]);
    expect(names("/e", mine)).toEqual(["/e"]);
    expect(names("/", theirs)).toEqual(["/a/3"]);
    expect(reasonOf(driver.read({ kind: "ephemerals", path: "/" }).code)).toBe("SESSION_REQUIRED");
  });

  it("take at most a thousand operations at once", () => {
    const driver = new TreeDriver();
    const operations = Array.from({ length: MULTI_READ_MAX + 1 }, () => ({ kind: "exists" as const, path: "/" }));
    expect(reason(driver, { kind: "multi-read", operations })).toBe("TOO_LARGE");
    expect(driver.read({ kind: "multi-read", operations: operations.slice(1) }).parts).toHaveLength(MULTI_READ_MAX);
  });

  it("are of one zxid, the last applied", () => {
    const driver = new TreeDriver();
    driver.create("/a", { data: "1" });
    const answer = driver.read({
      kind: "multi-read",
      operations: [
        { kind: "get", path: "/a" },
        { kind: "get", path: "/" },
      ],
    });
    expect([answer.zxid, ...answer.parts.map(({ zxid }) => zxid)]).toEqual(new Array(3).fill(driver.tree.zxid));
  });
});
