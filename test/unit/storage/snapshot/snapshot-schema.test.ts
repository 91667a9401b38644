import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { currentSnapshot, type SnapshotFile } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { metaChecksum } from "../../../../src/storage/snapshot/snapshot-meta.ts";
import { SNAPSHOT_FORMAT, snapshotTables } from "../../../../src/storage/snapshot/snapshot-schema.ts";
import { meta, smallMeta, smallTree } from "./snapshot-fixtures.ts";
import { sqliteRig } from "./snapshot-rig.ts";

const document = readFileSync(new URL("../../../../src/storage/snapshot/FORMAT.md", import.meta.url), "utf8");
const queries = [...document.matchAll(/```sql\n(.*?)```/gs)].map((match) => match[1] as string);

/** The stock shell, on a snapshot whose member is still running; a read-only connection, as FORMAT.md says. */
function shell(file: string, query: string): string[] {
  const run = spawnSync("sqlite3", ["-batch", `file:${file}?mode=ro`], { input: query, encoding: "utf8" });
  expect(run.stderr).toBe("");
  return run.stdout.trim().split("\n");
}

const hasShell = spawnSync("sqlite3", ["--version"]).status === 0;
/** Without the binary there is nothing to run; in CI its absence is a failure. */
const skip = !hasShell && process.env["CI"] === undefined;

describe("the schema", () => {
  it("is in FORMAT.md to the letter", () => {
    for (const table of Object.values(snapshotTables(SNAPSHOT_FORMAT)))
      expect(document).toContain(`\`\`\`\n${table}\n\`\`\``);
  });

  it("FORMAT.md documents three queries", () => {
    expect(queries).toHaveLength(3);
  });

  it.skipIf(skip)(
    `the documented queries run in the stock sqlite3 shell${skip ? " (no sqlite3 binary here)" : ""}`,
    async () => {
      const rig = sqliteRig();
      const opened = await rig.open();
      await opened.round(smallTree, smallMeta);
      const { file } = currentSnapshot(rig.directory) as SnapshotFile;
      const [byPath, biggest, ephemerals] = queries as [string, string, string];

      expect(shell(file, byPath)).toEqual(["3|0x0|0x0|4|7|port=80"]);
      expect(shell(file, byPath.replace("/app/config", "/app/größe"))).toEqual(["4|0x0|0x0|0|2|12"]);
      expect(shell(file, byPath.replace("/app/config", "/app/none"))).toEqual([""]);
      expect(shell(file, byPath.replace("/app/config", "/app"))).toEqual(["2|0x100000001|0x100000001|0|0|"]);
      expect(shell(file, biggest)).toEqual([
        "/|6|13|0",
        "/app|4|13|0",
        "/app/config|1|7|7",
        "/app/worker-0000000000|1|4|4",
        "/app/größe|1|2|2",
        "/lease|1|0|0",
      ]);
      expect(shell(file, ephemerals)).toEqual(["0x100000002|10000|1|worker-0000000000", "0x100000003|30000|0|"]);
      await opened.store.close();
    },
  );

  it("the meta row's checksum depends on every field", () => {
    const changes = [
      { zxid: 2 },
      { digest: [1, 0] as const },
      { digest: [0, 1] as const },
      { featureLevel: 2 },
      { nextSerial: 2 },
      { time: 2 },
      { limits: "{}" },
      { quotas: "[]" },
      { nodeCount: 2 },
      { sessionCount: 2 },
      { configurationZxid: 2 },
      { configuration: Uint8Array.of(0) },
      { history: Uint8Array.of(0) },
    ];
    const base = { digest: [0, 0] as const, limits: "", quotas: "", nextSerial: 1, time: 1 };
    const checksums = [{}, ...changes].map((change) => metaChecksum(meta({ ...base, ...change }), SNAPSHOT_FORMAT));
    expect(new Set(checksums).size).toBe(checksums.length);
  });
});
