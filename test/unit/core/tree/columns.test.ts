import { describe, expect, it } from "vitest";
import {
  Float64Column,
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
  it("core.md 37: keeps every row where it is when it grows, and new rows are zero", () => {
    const column = make();
    const rows: number[] = [];
    for (let chunk = 0; chunk < 3; chunk++) {
      column.grow();
      rows.push(chunk * ROWS_PER_CHUNK, chunk * ROWS_PER_CHUNK + 1, (chunk + 1) * ROWS_PER_CHUNK - 1);
      for (const row of rows.slice(-3)) expect(column.get(row)).toBe(0);
      for (const [at, row] of rows.entries()) column.set(row, values[at % values.length] as number);
      for (const [at, row] of rows.entries()) expect(column.get(row)).toBe(values[at % values.length]);
    }
  });

  it("has no row beyond what was grown: reading there fails instead of answering", () => {
    const column = make();
    column.grow();
    expect(() => column.get(ROWS_PER_CHUNK)).toThrow(TypeError);
    expect(() => column.set(ROWS_PER_CHUNK, 1)).toThrow(TypeError);
  });
});
