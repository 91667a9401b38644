import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDataDir, readIdentity } from "../../../../src/storage/data-dir.ts";
import { DataDirError } from "../../../../src/storage/data-dir-error.ts";
import { readPid, tryLock } from "../../../../src/storage/data-dir-lock.ts";
import { compiledModule } from "../../../../src/storage/worker-file.ts";

/** Real processes: a slow machine is not a failure, a hang is. */
vi.setConfig({ testTimeout: 120_000 });

let parent: string;
let directory: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "muster-data-dir-"));
  directory = join(parent, "member");
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

const open = (options: { ensembleId?: string; memberId?: number; lockWaitMs?: number } = {}) =>
  openDataDir(directory, { memberId: 1, lockWaitMs: 0, ...options });
const mode = (path: string) => statSync(path).mode & 0o777;
const identityFile = () => join(directory, "muster.json");

/** Changes fields of `muster.json` behind Muster's back. */
async function edit(change: (identity: Record<string, unknown>) => void): Promise<void> {
  (await open()).close();
  const identity = JSON.parse(readFileSync(identityFile(), "utf8"));
  change(identity);
  writeFileSync(identityFile(), JSON.stringify(identity));
}

describe("a data directory", () => {
  it("is created with its parents, for its owner alone", async () => {
    directory = join(parent, "a", "b", "member");
    const opened = await open({ memberId: 7 });
    expect(opened.created).toBe(true);
    expect(opened.identity).toMatchObject({ format: 1, memberId: 7 });
    expect(readdirSync(directory).sort()).toEqual(["journal", "lock", "muster.json", "muster.pid"]);
    expect([mode(directory), mode(opened.journalDirectory), mode(identityFile())]).toEqual([0o700, 0o700, 0o600]);
    expect(mode(join(directory, "muster.pid"))).toBe(0o644);
    opened.close();
  });

  it("keeps its identity across starts, and every directory has another", async () => {
    const first = await open();
    first.close();
    const second = await open();
    expect(second.created).toBe(false);
    expect(second.identity).toEqual(first.identity);
    second.close();
    rmSync(directory, { recursive: true });
    const third = await open();
    expect(third.identity.ensembleId).not.toBe(first.identity.ensembleId);
    expect(third.identity.incarnation).not.toBe(first.identity.incarnation);
    third.close();
  });

  it("joins the ensemble it is told, and stays in it", async () => {
    const ensembleId = "0123456789abcdef".repeat(2);
    const opened = await open({ ensembleId });
    expect(opened.identity.ensembleId).toBe(ensembleId);
    opened.close();
    await expect(open({ ensembleId: "f".repeat(32) })).rejects.toThrow(
      `muster.json: the data directory belongs to ensemble ${ensembleId}, not to ${"f".repeat(32)}`,
    );
    (await open({ ensembleId })).close();
  });

  it("refuses another member, and says how to start its own", async () => {
    (await open({ memberId: 1 })).close();
    await expect(open({ memberId: 2 })).rejects.toThrow(
      /muster\.json: the data directory belongs to member 1, not to member 2 \(start it with --id 1/,
    );
    const lock = tryLock(directory);
    expect(lock).toBeDefined();
    lock?.release();
  });

  it.for([0, 256, 1.5])("refuses member id %s", async (memberId) => {
    await expect(open({ memberId })).rejects.toThrow(/memberId: .*\(give the member another id\)/);
    expect(existsSync(identityFile())).toBe(false);
  });

  it("core.md 5: refuses a newer format by name", async () => {
    await edit((identity) => {
      identity["format"] = 2;
      identity["unknownField"] = true;
    });
    await expect(open()).rejects.toThrow(/muster\.json: the data directory has format 2; .* knows format 1/);
  });

  it.for([
    ["ensembleId", "xyz"],
    ["incarnation", undefined],
    ["memberId", "1"],
    ["createdTime", "yesterday"],
    ["format", 0],
  ] as const)("names a damaged %s", async ([field, value]) => {
    await edit((identity) => {
      identity[field] = value;
    });
    await expect(open()).rejects.toThrow(new RegExp(`muster\\.json: ${field}: .*restore the file from a backup`));
  });

  it("names a field that does not belong there, and a file that is no JSON", async () => {
    await edit((identity) => {
      identity["memberid"] = 1;
    });
    await expect(open()).rejects.toThrow(/muster\.json: .*memberid/);
    for (const text of ["", "{", "null", "[]"]) {
      writeFileSync(identityFile(), text);
      await expect(open()).rejects.toThrow(DataDirError);
    }
  });

  it("does not found a new ensemble over data that lost its identity", async () => {
    const opened = await open();
    writeFileSync(join(opened.journalDirectory, "0000000000000001.journal"), "");
    opened.close();
    rmSync(identityFile());
    await expect(open()).rejects.toThrow(/muster\.json: the file is missing although the directory holds data \(0000/);
    rmSync(join(directory, "journal"), { recursive: true });
    writeFileSync(join(directory, "snapshot-0000000000000000.db"), "");
    await expect(open()).rejects.toThrow(/holds data \(snapshot-/);
  });

  it("starts over after a crash at each step of its creation", async () => {
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, "muster.json.tmp"), "{");
    const opened = await open();
    expect(opened.created).toBe(true);
    expect(existsSync(`${identityFile()}.tmp`)).toBe(false);
    opened.close();
    rmSync(join(directory, "journal"), { recursive: true });
    const again = await open();
    expect(existsSync(again.journalDirectory)).toBe(true);
    again.close();
  });

  it("names a directory that cannot be created", async () => {
    writeFileSync(directory, "a file");
    directory = join(directory, "below");
    await expect(open()).rejects.toThrow(/the data directory cannot be created: .*ENOTDIR/);
  });

  it("reads an identity without opening anything", async () => {
    expect(readIdentity(directory)).toBeUndefined();
    const opened = await open();
    expect(readIdentity(directory)).toEqual(opened.identity);
    opened.close();
  });
});

describe("the lock of a data directory", () => {
  const children: ChildProcessWithoutNullStreams[] = [];
  const module = compiledModule(new URL("../../../../src/storage/data-dir.ts", import.meta.url)).href;

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** Starts another process on the directory; resolves with its first line. */
  async function startOther(): Promise<{ child: ChildProcessWithoutNullStreams; said: string }> {
    const script = fileURLToPath(new URL("data-dir-child.mjs", import.meta.url));
    const child = spawn(process.execPath, [script, module, directory]);
    children.push(child);
    const [line] = await once(child.stdout, "data");
    return { child, said: String(line).trim() };
  }

  it("keeps a second opening in the same process off", async () => {
    const opened = await open();
    await expect(open()).rejects.toThrow(`the data directory is in use by the process with pid ${process.pid}`);
    opened.close();
    opened.close();
    (await open()).close();
  });

  it("keeps another process off, naming this one's pid", async () => {
    const opened = await open();
    const { said } = await startOther();
    expect(said).toMatch(
      new RegExp(`^error: ${directory}: the data directory is in use by the process with pid ${process.pid} \\(`),
    );
    opened.close();
  });

  it("is given back by the kernel when its process is killed", async () => {
    const { child, said } = await startOther();
    expect(said).toBe("open");
    expect(readPid(directory)).toBe(child.pid);
    await expect(open()).rejects.toThrow(`in use by the process with pid ${child.pid}`);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(readPid(directory)).toBe(child.pid);
    const opened = await open();
    expect(readPid(directory)).toBe(process.pid);
    opened.close();
  });

  it("waits for a predecessor that is just exiting", async () => {
    const { child, said } = await startOther();
    expect(said).toBe("open");
    const opening = open({ lockWaitMs: 30_000 });
    child.stdin.end();
    const opened = await opening;
    expect(readPid(directory)).toBe(process.pid);
    opened.close();
  });

  it("muster.pid goes with a clean stop", async () => {
    const opened = await open();
    expect(readFileSync(join(directory, "muster.pid"), "utf8")).toBe(`${process.pid}\n`);
    opened.close();
    expect(readdirSync(directory).sort()).toEqual(["journal", "lock", "muster.json"]);
  });

  it("a muster.pid without a number names nobody", async () => {
    const opened = await open();
    writeFileSync(join(directory, "muster.pid"), "soon\n");
    await expect(open()).rejects.toThrow("in use by another process");
    opened.close();
  });

  it("names a lock file that cannot be one", async () => {
    (await open()).close();
    writeFileSync(join(directory, "lock"), "something somebody put here ".repeat(20));
    await expect(open()).rejects.toThrow(/lock: the lock file cannot be used: .*if the file has content, remove it/);
  });
});
