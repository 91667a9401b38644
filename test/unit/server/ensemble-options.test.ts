import { describe, expect, test } from "vitest";
import { OptionsError, type ResolvedOptions, resolveOptions } from "../../../src/server/options.ts";

function resolveGiven({ flags }: { flags: Record<string, unknown> }): ResolvedOptions {
  return resolveOptions({ command: "server", flags, env: {}, cwd: "/home/ann", terminal: false });
}

function problemsOf(given: { flags: Record<string, unknown> }): readonly string[] {
  try {
    resolveGiven(given);
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

describe("an ensemble of several", () => {
  const local = "1@127.0.0.1:7402,2@127.0.0.1:7412,3@127.0.0.1:7422";
  const far = "1@db1.example:7402,2@db2.example:7402";
  const tls = { peerTlsCa: "a", peerTlsCert: "b", peerTlsKey: "c" };

  test.for<[string, Record<string, unknown>]>([
    ["on one machine", { ensemble: local }],
    ["where another member is at a port of its own", { ensemble: local, id: "2", peerListen: "127.0.0.1:7412" }],
    ["on several, with TLS", { ensemble: far, ...tls, peerListen: "0.0.0.0:7402" }],
    ["on several, by their own addresses", { ensemble: far, ...tls, peerListen: "10.0.0.1:7402" }],
    ["on several, in plain text if that is accepted", { ensemble: far, insecure: true, peerListen: "[::]:7402" }],
    [
      "behind a translated port",
      { ensemble: far, ...tls, peerAdvertise: "DB1.example:7402", peerListen: "127.0.0.1:9" },
    ],
  ])("is accepted %s", ([, flags]) => {
    expect(problemsOf({ flags })).toEqual([]);
    expect(resolveGiven({ flags }).options.ensemble.length).toBeGreaterThan(1);
  });

  test.for<[string, Record<string, unknown>, RegExp]>([
    [
      "at another port",
      { ensemble: local, id: "2" },
      /has this member at 127\.0\.0\.1:7412, but it listens on .*:7402/,
    ],
    ["at a port nobody knows", { ensemble: local, peerListen: "127.0.0.1:0" }, /but it listens on 127\.0\.0\.1:0/],
    [
      "where only this machine reaches it",
      { ensemble: far, ...tls },
      /it listens on 127\.0\.0\.1:7402; .*--peer-advertise db1/,
    ],
    [
      "at another address",
      { ensemble: "1@10.0.0.1:7402,2@10.0.0.2:7402", ...tls, peerListen: "10.0.0.3:7402" },
      /listens on 10/,
    ],
    [
      "elsewhere than --peer-advertise",
      { ensemble: local, peerAdvertise: "127.0.0.1:9" },
      /^--peer-advertise: "127\.0\.0\.1:9" is not where --ensemble has this member, 127\.0\.0\.1:7402$/,
    ],
    ["that lists an address twice", { ensemble: "1@h:1,2@H:1" }, /members 1 and 2 are both at h:1/],
    ["that lists port 0", { ensemble: "1@127.0.0.1:7402,2@127.0.0.1:0" }, /member 2 has port 0/],
    [
      "too large",
      { ensemble: Array.from({ length: 8 }, (_, index) => `${index + 1}@127.0.0.1:${7402 + index}`).join() },
      /^--ensemble: lists 8 members, but an ensemble begins with at most 7, all of them voters; .*observers; .*itself$/,
    ],
  ])("is refused %s", ([, flags, message]) => {
    expect(problemsOf({ flags })).toEqual([expect.stringMatching(message)]);
  });

  test("decision 15: members on other machines need TLS between them, or the loud flag", () => {
    const flags = { ensemble: far, peerListen: "10.0.0.1:7402" };
    expect(problemsOf({ flags })).toEqual([
      '--peer-listen: "10.0.0.1:7402" is reachable from other machines, which needs TLS and authentication; give the ' +
        "three --peer-tls files, or accept the risk with --insecure",
      "--ensemble: has members on other machines (2 at db2.example:7402), which needs TLS between members; give the " +
        "three --peer-tls files, or accept the risk with --insecure",
    ]);
    expect(resolveGiven({ flags: { ...flags, ...tls } }).warnings).toEqual([]);
    expect(resolveGiven({ flags: { ...flags, insecure: true } }).warnings).toEqual([
      "INSECURE: 10.0.0.1:7402 serve other machines without encryption or authentication",
    ]);
  });

  test("a lone member is at --peer-advertise, if there is one", () => {
    const { options } = resolveGiven({ flags: { peerAdvertise: "h:9" } });
    expect(options.ensemble).toEqual([{ id: 1, host: "h", port: 9 }]);
  });
});
