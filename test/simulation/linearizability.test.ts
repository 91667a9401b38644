import { describe, expect, it } from "vitest";
import { isLinearizable, type RegisterOperation } from "./linearizability.ts";

function set(data: string, version: number | undefined, from: number, until: number): RegisterOperation {
  return { kind: "set", data, version, from, until };
}

function get(data: string, version: number, from: number, until: number): RegisterOperation {
  return { kind: "get", data, version, from, until };
}

const NEVER = Number.POSITIVE_INFINITY;

describe("a search for an order that explains what was seen of one znode", () => {
  it("finds one where there is one", () => {
    expect(isLinearizable([set("a", 1, 0, 2), get("a", 1, 3, 4), set("b", 2, 5, 9), get("a", 1, 6, 7)])).toBe(true);
    expect(isLinearizable([set("b", 2, 0, 9), set("a", 1, 0, 9), get("b", 2, 10, 11)])).toBe(true);
  });

  it("finds none where a read misses a write that had been answered", () => {
    expect(isLinearizable([set("a", 1, 0, 2), set("b", 2, 3, 4), get("a", 1, 5, 6)])).toBe(false);
  });

  it("finds none where one read goes back behind another", () => {
    const write = set("b", 2, 3, 20);
    expect(isLinearizable([set("a", 1, 0, 2), write, get("b", 2, 4, 5), get("a", 1, 6, 7)])).toBe(false);
    expect(isLinearizable([set("a", 1, 0, 2), write, get("a", 1, 4, 5), get("b", 2, 6, 7)])).toBe(true);
  });

  it("finds none where a write was applied twice", () => {
    expect(isLinearizable([set("a", 1, 0, 2), set("b", 2, 3, 4), get("b", 3, 5, 6)])).toBe(false);
  });

  it("takes a write without an answer for done, or not, at any time", () => {
    const lost = set("x", undefined, 1, NEVER);
    expect(isLinearizable([set("a", 1, 0, 0), lost, get("a", 1, 2, 3), get("x", 2, 4, 5)])).toBe(true);
    expect(isLinearizable([set("a", 1, 0, 0), lost, get("x", 2, 2, 3), get("a", 1, 4, 5)])).toBe(false);
  });

  it("does not search what is too much at once", () => {
    expect(isLinearizable(Array.from({ length: 13 }, (_, at) => set("a", at + 1, 0, 9)))).toBeUndefined();
  });
});
