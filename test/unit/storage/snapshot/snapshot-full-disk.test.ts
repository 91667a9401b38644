import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compiledModule } from "../../../../src/storage/worker-file.ts";
import { temporaryDirectory } from "./snapshot-fixtures.ts";

const mount = (directory: string) => `mount -t tmpfs -o size=48m tmpfs "${directory}"`;
/** A small file system needs a mount namespace, which some containers do not allow. */
const canMount = spawnSync("unshare", ["-rm", "bash", "-c", mount("/mnt")]).status === 0;

describe("a full disk", () => {
  it.skipIf(!canMount)(
    `core.md 32: a round waits for room and goes on by itself${canMount ? "" : " (no mount namespaces here)"}`,
    () => {
      const directory = temporaryDirectory();
      const source = new URL(".", compiledModule(new URL("../../../../src/index.ts", import.meta.url))).href;
      const child = fileURLToPath(new URL("snapshot-full-disk-child.mjs", import.meta.url));
      const script = `${mount(directory)} && exec "$@"`;
      const run = spawnSync("unshare", ["-rm", "bash", "-c", script, "x", process.execPath, child, source, directory], {
        encoding: "utf8",
      });
      expect(run.stderr).toBe("");
      expect(JSON.parse(run.stdout)).toEqual({
        seen: [1, "waiting", 2, "waiting"],
        fatal: [],
        loaded: 8000,
        zxid: 2,
      });
    },
  );
});
