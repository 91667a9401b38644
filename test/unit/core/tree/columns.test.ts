import { describe, expect, it } from "vitest";
import {
  FIRST_ROWS,
  Float64Column,
  grownRows,
  ROWS_PER_CHUNK,
  SparseInt32Column,
  SparseUint32Column,
  Uint8Column,
  Uint16Column,
  Uint32Column,
} from "../../../../src/core/tree/columns.ts";

describe.each([
  ["Float64Column", () => new Float64Column(), [0, Number.MAX_SAFE_INTEGER, -1.5]],
  ["Uint32Column", () => new Uint32Column(), [0, 2 ** 32 - 1]],
  ["SparseUint32Column", () => new SparseUint32Column(), [0, 2 ** 32 - 1, 1]],
  ["SparseInt32Column", () => new SparseInt32Column(), [0, -(2 ** 31), 2 ** 31 - 1]],
  ["Uint16Column", () => new Uint16Column(), [0, 65_535]],
  ["Uint8Column", () => new Uint8Column(), [0, 255]],
] as const)("%s", (_, make, values) => {
  it("core.md 37: keeps every row when it grows, from few rows to several chunks, and new rows are zero", () => {
    const column = make();
    const rows: number[] = [];
    for (let from = 0; from < 3 * ROWS_PER_CHUNK; from = grownRows(from)) {
      column.grow();
      rows.push(from, from + 1, grownRows(from) - 1);
      for (const row of rows.slice(-3)) expect(column.get(row)).toBe(0);
      for (const [at, row] of rows.entries()) column.set(row, values[at % values.length] as number);
      for (const [at, row] of rows.entries()) expect(column.get(row)).toBe(values[at % values.length]);
    }
  });

  it("has no row beyond its last chunk: reading there fails instead of answering", () => {
    const column = make();
    let rows = 0;
    while (rows < ROWS_PER_CHUNK) {
      column.grow();
      rows = grownRows(rows);
    }
    expect(() => column.get(ROWS_PER_CHUNK)).toThrow(TypeError);
    expect(() => column.set(ROWS_PER_CHUNK, 1)).toThrow(TypeError);
  });
});

describe("grownRows", () => {
  it("doubles up to a whole chunk, then adds chunks: no growth copies more than half a chunk", () => {
    const sizes = [0];
    while ((sizes.at(-1) as number) < 4 * ROWS_PER_CHUNK) sizes.push(grownRows(sizes.at(-1) as number));
    const doubled = Array.from({ length: Math.log2(ROWS_PER_CHUNK / FIRST_ROWS) + 1 }, (_, at) => FIRST_ROWS << at);
    expect(sizes).toEqual([0, ...doubled, 2 * ROWS_PER_CHUNK, 3 * ROWS_PER_CHUNK, 4 * ROWS_PER_CHUNK]);
  });
});
