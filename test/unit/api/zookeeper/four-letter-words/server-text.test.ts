import { describe, expect, test } from "vitest";
import { serverText, statText } from "../../../../../src/api/zookeeper/four-letter-words/server-text.ts";
import { sampleEnsemble, sampleFacts } from "./sample-facts.ts";

const leaderText = `Zookeeper version: 3.8.0-muster-0.1.0, built on 02/03/2026 04:05 GMT
Latency min/avg/max: 0/4.2/13
Received: 6
Sent: 6
Connections: 3
Outstanding: 0
Zxid: 0x10000000f
Mode: leader
Node count: 12
Proposal sizes last/min/max: 36/36/120
`;
const withoutSizes = leaderText.replace(/Proposal.*\n/, "");

describe("srvr", () => {
  test("of a leader tells its proposals", () => {
    expect(serverText(sampleFacts())).toBe(leaderText);
  });

  test.for(["follower", "observer", "standalone"] as const)("of a %s does not", (mode) => {
    const facts = sampleFacts({ mode, ensemble: () => (mode === "standalone" ? undefined : sampleEnsemble(false)) });
    expect(serverText(facts)).toBe(withoutSizes.replace("leader", mode));
  });

  test("says that only reads are served", () => {
    const [version = "", ...rest] = withoutSizes.replace("leader", "read-only").split("\n");
    expect(serverText(sampleFacts({ mode: "read-only" }))).toBe(
      [version, "READ-ONLY mode; serving only read-only clients", ...rest].join("\n"),
    );
  });

  test("asks for nothing that costs something", () => {
    const connections = () => {
      throw new Error("the connections were listed");
    };
    expect(serverText(sampleFacts({ connections }))).toBe(leaderText);
  });
});

describe("stat", () => {
  test("has the clients after the version", () => {
    const [version = "", ...rest] = leaderText.split("\n");
    const clients = [
      "Clients:",
      " /127.0.0.1:58326[1](queued=0,recved=3,sent=3)",
      " /10.0.0.7:58336[1](queued=0,recved=2,sent=3)",
      " /[::1]:58004[0](queued=0,recved=1,sent=0)",
      "",
    ];
    expect(statText(sampleFacts())).toBe([version, ...clients, ...rest].join("\n"));
  });

  test("has them after the word that only reads are served", () => {
    const lines = statText(sampleFacts({ mode: "read-only" })).split("\n");
    expect(lines.slice(1, 3)).toEqual(["READ-ONLY mode; serving only read-only clients", "Clients:"]);
  });
});
