import { describe, expect, test } from "vitest";
import { BACKOFF_CAP_MS, backoffDelayMs } from "../src/backoff.ts";
import { EndpointList, parseEndpoints } from "../src/endpoints.ts";

describe("endpoints", () => {
  test("come as text, lists and comma lists; the port may be left out", () => {
    expect(parseEndpoints("a:1, b:2,")).toEqual(["a:1", "b:2"]);
    expect(parseEndpoints(["a", "b:2,c:3", "a:7400"])).toEqual(["a:7400", "b:2", "c:3"]);
    expect(parseEndpoints("[::1]:7400,[fe80::1%eth0]")).toEqual(["[::1]:7400", "[fe80::1%eth0]:7400"]);
  });

  test.for(["", " , ", "a:0", "a:65536", "a:b", "::1", "http://a:1", "a b:1"])("%j is none", (text) => {
    expect(() => parseEndpoints(text)).toThrow(/INVALID_ARGUMENT/);
  });

  test("are tried in turn, shuffled", () => {
    const list = new EndpointList(["a:1", "b:1", "c:1"], () => 0);
    const turn = [list.take(), list.take(), list.take(), list.take()];
    expect(turn).toEqual(["b:1", "c:1", "a:1", "b:1"]);
    expect(list.peek()).toBe("c:1");
  });

  test("discovered ones come behind the configured, and go when the server no longer names them", () => {
    const list = new EndpointList(["a:1"], () => 0);
    list.discover(["b:1", "a:1", ""], "a:1");
    expect(list.all).toEqual(["a:1", "b:1"]);
    expect(list.take()).toBe("b:1");
    list.discover(["c:1"], "b:1");
    expect(list.all).toEqual(["a:1", "c:1"]);
    expect(list.peek()).toBe("a:1");
  });
});

describe("backoff", () => {
  test("is nothing at first, then random below a bound that doubles up to the cap", () => {
    const most = (attempt: number) => backoffDelayMs(attempt, 1, () => 1);
    expect([1, 2, 3, 4].map(most)).toEqual([0, 50, 100, 200]);
    expect(most(1_000_000)).toBe(BACKOFF_CAP_MS);
    expect(backoffDelayMs(5, 1, () => 0)).toBe(0);
  });

  test("stays short until every endpoint has been tried once", () => {
    const bounds = (endpoints: number) =>
      [1, 2, 3, 4, 5, 6].map((attempt) => backoffDelayMs(attempt, endpoints, () => 1));
    expect(bounds(2)).toEqual([0, 50, 100, 200, 400, 800]);
    expect(bounds(3)).toEqual([0, 50, 50, 100, 200, 400]);
    expect(bounds(5)).toEqual([0, 50, 50, 50, 50, 100]);
  });
});
