import { describe, expect, test } from "vitest";
import { dumpText } from "../../../../../src/api/zookeeper/four-letter-words/dump-text.ts";
import { sampleFacts } from "./sample-facts.ts";

const rest = `ephemeral nodes dump:
Sessions with Ephemerals (2):
0x1c7c210000:
	/app/e1
	/app/e2
0x1c7c210001:
	/app/e3
Connections dump:
Connections Sets (2)/(3):
2 expire at Mon Nov 30 14:59:20 UTC 2026:
	ip: /127.0.0.1:58326 sessionId: 0x1c7c210000
	ip: /[::1]:58004 sessionId: 0x0
1 expire at Mon Nov 30 14:59:30 UTC 2026:
	ip: /10.0.0.7:58336 sessionId: 0x1c7c210001
`;
const global = `SessionTracker dump:
Global Sessions(3):
0x1c7c20ffff	10000ms
0x1c7c210000	10000ms
0x1c7c210001	20000ms
`;

describe("dump", () => {
  test.for(["leader", "standalone"] as const)("of a %s tells when sessions end", (mode) => {
    expect(dumpText(sampleFacts({ mode }))).toBe(
      `SessionTracker dump:
Session Sets (2)/(3):
2 expire at Mon Nov 30 14:59:10 UTC 2026:
	0x1c7c20ffff
	0x1c7c210000
1 expire at Mon Nov 30 14:59:22 UTC 2026:
	0x1c7c210001
${rest}`,
    );
  });

  test.for(["follower", "observer", "read-only"] as const)("of a %s tells how long they may be silent", (mode) => {
    expect(dumpText(sampleFacts({ mode }))).toBe(global + rest);
  });

  test("does the same where it is not known when a session ends", () => {
    const known = sampleFacts().sessions();
    const sessions = known.map((session, index) => (index === 1 ? { ...session, expiresAt: undefined } : session));
    expect(dumpText(sampleFacts({ sessions: () => sessions }))).toBe(global + rest);
  });

  test("may be empty", () => {
    expect(dumpText(sampleFacts({ sessions: () => [], connections: () => [] }))).toBe(
      "SessionTracker dump:\nSession Sets (0)/(0):\nephemeral nodes dump:\nSessions with Ephemerals (0):\n" +
        "Connections dump:\nConnections Sets (0)/(0):\n",
    );
  });
});
