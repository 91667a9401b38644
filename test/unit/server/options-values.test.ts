import { describe, expect, test } from "vitest";
import {
  parseBoolean,
  parseDuration,
  parseEnsemble,
  parseListen,
  parseSize,
} from "../../../src/server/options-values.ts";

describe("values as people write them", () => {
  test.for<[unknown, number]>([
    ["512MiB", 512 * 2 ** 20],
    ["1.5 GiB", 1.5 * 2 ** 30],
    ["2GB", 2e9],
    ["1048576", 2 ** 20],
    [1024, 1024],
    ["7B", 7],
  ])("a size: %s", ([text, bytes]) => expect(parseSize(text)).toBe(bytes));

  test.for(["", "MiB", "-1MiB", "1 mib", "1e9", "0x10", "1MiB!", true, null, {}, "99999999TiB"])(
    "not a size: %s",
    (raw) => {
      expect(() => parseSize(raw)).toThrow(/size|more than any machine/);
    },
  );

  test.for<[string, number]>([
    ["250ms", 250],
    ["10s", 10_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["2d", 172_800_000],
    ["0.5 s", 500],
  ])("a duration: %s", ([text, ms]) => expect(parseDuration(text)).toBe(ms));

  test.for(["10", 10, "s", "-1s", "1w", "1m30s", ""])("not a duration: %s", (raw) => {
    expect(() => parseDuration(raw)).toThrow("is not a duration");
  });

  test("booleans are true and false, nothing else", () => {
    expect([true, "true", false, "false"].map(parseBoolean)).toEqual([true, true, false, false]);
    for (const raw of [1, "1", "on", null]) expect(() => parseBoolean(raw)).toThrow("neither true nor false");
  });

  test("IPv6 hosts stand in brackets", () => {
    expect(parseListen("[::1]:7400")).toEqual({ host: "::1", port: 7400 });
    expect(() => parseListen("::1:7400")).toThrow("is an IPv6 address without brackets");
  });

  test("an ensemble may have spaces after its commas", () => {
    expect(parseEnsemble("1@a:1, 2@[::1]:2")).toEqual([
      { id: 1, host: "a", port: 1 },
      { id: 2, host: "::1", port: 2 },
    ]);
    expect(() => parseEnsemble("")).toThrow("is an empty list");
    expect(() => parseEnsemble("0@a:1")).toThrow("has the id 0, which is out of range");
    expect(() => parseEnsemble("1@a")).toThrow('has the part "1@a", which has no port');
    expect(() => parseEnsemble([{}])).toThrow("is not a member");
  });
});
