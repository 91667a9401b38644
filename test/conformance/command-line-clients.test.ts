import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { followTranscript } from "./follow-transcript.ts";
import type { Dialect } from "./transcript-client.ts";
import { CLI_MT, needClient, useTarget, ZKCLI } from "./use-target.ts";

const target = useTarget();

const zkcli: Dialect = {
  command: (hosts) => [ZKCLI, "-server", hosts],
  end: (count) => ({ command: `stat /no-such-${count}`, printed: `Node does not exist: /no-such-${count}` }),
  event: (line) => {
    if (line === "WATCHER::" || /^(SLF4J: |Connecting to |Welcome to ZooKeeper!|JLine support)/.test(line)) return "";
    const [, state, type, at] = /^WatchedEvent state:(\S+) type:(\S+) path:(.*)$/.exec(line) ?? [];
    return type === "None" ? state : type && `${type} ${at}`;
  },
};

const climt: Dialect = {
  command: (hosts) => [CLI_MT, hosts],
  // Asynchronous: its answer is printed by the thread that prints those of other commands, and so after them.
  end: (count) => ({ command: `adelete /no-such-${count}`, printed: `/no-such-${count}: rc = -101` }),
  event: (line) => {
    // Session ids, times it took, and that it quits.
    if (/^(Got a new session id: |Quitting\.\.\.|time = \d+ msec)/.test(line)) return "";
    const [, type, state, at] = /^Watcher (\S+) state = (\S+)(?: for path (.*))?$/.exec(line) ?? [];
    return type === "SESSION_EVENT" ? state : type && `${type} ${at}`;
  },
};

describe.each([
  ["zkCli.sh", "zkcli", zkcli],
  ["cli_mt", "cli-mt", climt],
] as const)("%s", (client, folder, dialect) => {
  const place = new URL(folder, import.meta.url).pathname;
  const files = readdirSync(place);

  test("has transcripts", () => expect(files.length).toBeGreaterThan(0));

  for (const file of files) {
    test(file, async (context) => {
      needClient(context, client);
      await followTranscript(await target(), dialect, path.join(place, file));
    });
  }
});
