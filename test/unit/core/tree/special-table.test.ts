import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { SpecialList, SpecialTable } from "../../../../src/core/tree/special-table.ts";

function rowsOf(table: SpecialTable, list: SpecialList): number[] {
  const rows: number[] = [];
  for (let row = list.first; row !== 0; row = table.following(row)) rows.push(row);
  expect(list.size).toBe(rows.length);
  expect(list.last).toBe(rows.at(-1) ?? 0);
  return rows;
}

describe("SpecialTable", () => {
  it("keeps each list in the order its rows joined, through removals undone in reverse", () => {
    const random = new Prng(8);
    const table = new SpecialTable();
    const lists = [new SpecialList(), new SpecialList(), new SpecialList()];
    const models: number[][] = [[], [], []];
    for (let step = 0; step < 4_000; step++) {
      const at = random.below(3);
      const [list, model] = [lists[at] as SpecialList, models[at] as number[]];
      if (random.chance(0.55)) {
        const row = table.add(step + 1, step * 2 ** 22, step * 3);
        expect(models.flat()).not.toContain(row);
        table.append(list, row);
        model.push(row);
        expect([table.node.get(row), table.owner.get(row), table.ttlMs.get(row)]).toEqual([
          step + 1,
          step * 2 ** 22,
          step * 3,
        ]);
      } else {
        const gone: { row: number; place: number }[] = [];
        for (let i = random.below(4); i >= 0 && model.length > 0; i--) {
          const place = random.below(model.length);
          const [row] = model.splice(place, 1) as [number];
          gone.push({ row, place });
          table.takeOut(list, row);
        }
        const undone = random.chance(0.5);
        for (const { row, place } of gone.reverse()) {
          if (undone) {
            table.putBack(list, row);
            model.splice(place, 0, row);
          } else {
            table.free(row);
          }
        }
      }
      if (step % 100 === 0) expect(lists.map((each) => rowsOf(table, each))).toEqual(models);
    }
  });

  it("reuses freed rows, and a freed row names no znode", () => {
    const table = new SpecialTable();
    const list = new SpecialList();
    const row = table.add(7, 8, 9);
    table.append(list, row);
    table.takeOut(list, row);
    table.free(row);
    expect(table.node.get(row)).toBe(0);
    expect(table.add(70, 80, 90)).toBe(row);
    expect([table.node.get(row), table.owner.get(row), table.ttlMs.get(row)]).toEqual([70, 80, 90]);
  });
});
