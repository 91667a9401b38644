import { describe, expect, test } from "vitest";
import { parseSelector } from "../../../../../src/products/floor/selectors/selector-parser.ts";
import { VIEWS_MAX, ViewTable } from "../../../../../src/products/floor/selectors/view-table.ts";

interface View {
  readonly of: string;
}

function table() {
  const made: string[] = [];
  const views = new ViewTable<View>(({ text }) => {
    made.push(text);
    return { of: text };
  });
  const all = () => [...views.views()].map((view) => view.of);
  const ask = (text: string) => views.acquire(parseSelector(text));
  return { made, all, ask };
}

describe("products.md 8: views", () => {
  test("are shared by selectors that mean the same", () => {
    const { made, ask } = table();
    const [one, other] = [ask("b, a in (y,x)"), ask("a in (x,y),b")];
    expect(one.view).toBe(other.view);
    expect(made).toEqual(["a in (x,y),b"]);
    expect([one.clientFilters, other.clientFilters]).toEqual([false, false]);
  });

  test("are forgotten with their last subscriber, and made again", () => {
    const { made, all, ask } = table();
    const [one, other] = [ask("a"), ask("a")];
    one.release();
    one.release();
    expect(all()).toEqual(["a"]);
    other.release();
    expect(all()).toEqual([]);
    // What was released before is not released once more.
    const third = ask("a");
    other.release();
    expect(all()).toEqual(["a"]);
    expect(made).toEqual(["a", "a"]);
    expect(third.view).not.toBe(one.view);
  });

  test("are 64 at most; who comes later gets everything, and is told to filter", () => {
    const { all, ask } = table();
    const leases = Array.from({ length: VIEWS_MAX }, (_, i) => ask(`a=${i}`));
    expect(leases.every(({ clientFilters }) => !clientFilters)).toBe(true);
    const late = ask("a=late");
    expect(late).toMatchObject({ view: { of: "" }, clientFilters: true });
    expect(ask("a=0")).toMatchObject({ view: { of: "a=0" }, clientFilters: false });
    expect(ask("")).toMatchObject({ view: late.view, clientFilters: false });
    expect(all()).toHaveLength(VIEWS_MAX + 1);
    leases[1]?.release();
    expect(ask("a=late")).toMatchObject({ view: { of: "a=late" }, clientFilters: false });
    expect(ask("a=later")).toMatchObject({ view: { of: "" }, clientFilters: true });
  });

  test("of everything are not counted, whenever they are asked for", () => {
    const { ask, all } = table();
    const everything = ask("");
    for (let i = 0; i < VIEWS_MAX; i++) expect(ask(`a=${i}`).clientFilters).toBe(false);
    expect(ask("b").clientFilters).toBe(true);
    everything.release();
    // One more still holds it.
    expect(all()).toContain("");
  });
});
