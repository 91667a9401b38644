import { expect, test } from "vitest";
import { WatchBook, watchKind } from "../../../../src/api/zookeeper/watch-book.ts";

const { DATA, CHILD, PERSISTENT, RECURSIVE } = watchKind;
const kinds = [DATA, CHILD, PERSISTENT, RECURSIVE];

/** Asked for, and answered with the watch registered. */
function armed(book: WatchBook, path: string, kind: (typeof kinds)[number]): number {
  const id = book.ask(path, kind);
  book.answered(id, true);
  return id;
}

test("ids tell paths and kinds apart, and one asked for again has its own id again", () => {
  const book = new WatchBook();
  const ids = ["/a", "/b"].flatMap((path) => kinds.map((kind) => armed(book, path, kind)));
  expect(new Set(ids).size).toBe(8);
  expect(ids.every((id) => id > 0)).toBe(true);
  expect(armed(book, "/a", CHILD)).toBe(ids[1]);
  expect(book.count).toBe(8);
  expect([...book.paths()].sort()).toEqual(["/a", "/b"]);
});

test("reference 1.5: data and child watches fire once, persistent ones stay; all four modes coexist", () => {
  const book = new WatchBook();
  const ids = kinds.map((kind) => armed(book, "/a", kind));
  expect(ids.map((id) => book.fired(id))).toEqual([true, true, true, true]);
  expect(ids.map((id) => book.fired(id))).toEqual([false, false, true, true]);
  expect(kinds.map((kind) => book.has("/a", kind))).toEqual([false, false, true, true]);
  expect(book.count).toBe(2);
});

test("a watch is there once its request is answered with it, not before and not otherwise", () => {
  const book = new WatchBook();
  const id = book.ask("/a", DATA);
  expect([book.has("/a", DATA), book.count, book.fired(id), [...book.paths()]]).toEqual([false, 0, false, []]);
  book.answered(id, false);
  expect(book.has("/a", DATA)).toBe(false);
  const again = book.ask("/a", DATA);
  book.answered(again, true);
  expect([book.has("/a", DATA), book.count]).toEqual([true, 1]);
});

test("several requests under way for one watch make one watch, and a failed one does not take it away", () => {
  const book = new WatchBook();
  const ids = [book.ask("/a", DATA), book.ask("/a", DATA), book.ask("/a", DATA)];
  expect(new Set(ids).size).toBe(1);
  const id = ids[0] as number;
  book.answered(id, true);
  book.answered(id, false);
  expect([book.has("/a", DATA), book.count]).toEqual([true, 1]);
  // It fires between two answers, and the later one registers it again.
  expect(book.fired(id)).toBe(true);
  book.answered(id, true);
  expect([book.has("/a", DATA), book.count, book.fired(id)]).toEqual([true, 1, true]);
});

test("one taken back is told by its id, once, and events still on their way are not for the client", () => {
  const book = new WatchBook();
  const id = armed(book, "/a", RECURSIVE);
  expect(book.disarm("/a", PERSISTENT)).toBeUndefined();
  expect(book.disarm("/b", RECURSIVE)).toBeUndefined();
  expect(book.disarm("/a", RECURSIVE)).toBe(id);
  expect(book.disarm("/a", RECURSIVE)).toBeUndefined();
  expect([book.fired(id), book.count]).toEqual([false, 0]);
});

test("a path without watches leaves nothing behind, and ids of another time mean nothing", () => {
  const book = new WatchBook();
  const old = armed(book, "/a", DATA);
  expect(book.fired(old)).toBe(true);
  const fresh = armed(book, "/a", DATA);
  expect(fresh).not.toBe(old);
  expect([book.fired(old), book.fired(fresh)]).toEqual([false, true]);
  book.answered(old, true);
  expect(book.count).toBe(0);
});
