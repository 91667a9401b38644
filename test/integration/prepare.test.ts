import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkout } from "../support/checkout.ts";

/** `scripts/prepare.mjs` in a small checkout of its own, which borrows the packages of this one. */
let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "muster-prepare-"));
  const settings = ["tsconfig.base.json", "tsconfig.json", "src/tsconfig.json", "src/core/tsconfig.json"];
  const packages = ["sdk/typescript/tsconfig.json", "sdk/testing/tsconfig.json"];
  const borrowed = [...settings, ...packages, "package.json", "package-lock.json", "scripts"];
  for (const file of borrowed) fs.cpSync(path.join(checkout, file), path.join(folder, file), { recursive: true });
  fs.symlinkSync(path.join(checkout, "node_modules"), path.join(folder, "node_modules"));
  write("src/core/base/one.ts", "export const one = 1;\n");
  write("src/server/two.ts", 'import { one } from "../core/base/one.ts";\n\nexport const two: number = one + 1;\n');
  write("sdk/typescript/src/index.ts", "export const client = 1;\n");
  write("sdk/testing/src/index.ts", "export const testing = 1;\n");
});

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const at = (file: string): string => path.join(folder, file);
const isThere = (file: string): boolean => fs.existsSync(at(file));

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(at(file)), { recursive: true });
  fs.writeFileSync(at(file), text);
}

function prepare(): { code: number | null; said: string; out: string } {
  const { status, stderr, stdout } = spawnSync(process.execPath, [at("scripts/prepare.mjs")], { encoding: "utf8" });
  return { code: status, said: stderr, out: stdout };
}

const silence = { code: 0, said: "", out: "" };

describe("preparing a checkout", () => {
  it("builds what is missing, says so on stderr only, and then has nothing to do or to say", () => {
    const first = prepare();
    expect(first).toMatchObject({ code: 0, out: "" });
    expect(first.said).toContain("building (tsc -b) took");
    expect(
      ["dist/core/base/one.js", "dist/server/two.js", "sdk/typescript/dist/index.js"].filter(isThere),
    ).toHaveLength(3);
    expect(prepare()).toEqual(silence);
  });

  it("builds again after an edit, and takes the output of a deleted source away", () => {
    prepare();
    write("src/server/three.ts", "export const three = 3;\n");
    write("src/core/base/one.ts", "export const one = 1_000;\n");
    expect(prepare().code).toBe(0);
    expect(fs.readFileSync(at("dist/core/base/one.js"), "utf8")).toContain("1_000");
    expect(isThere("dist/server/three.js")).toBe(true);
    fs.rmSync(at("src/server/three.ts"));
    expect(prepare().code).toBe(0);
    expect(["js", "js.map", "d.ts", "d.ts.map"].filter((ending) => isThere(`dist/server/three.${ending}`))).toEqual([]);
    expect(prepare()).toEqual(silence);
  });

  it("restores an output that was deleted, alone or with its whole folder", () => {
    prepare();
    fs.rmSync(at("dist/server/two.js"));
    expect(prepare().code).toBe(0);
    expect(isThere("dist/server/two.js")).toBe(true);
    fs.rmSync(at("sdk/typescript/dist"), { recursive: true });
    expect(prepare().code).toBe(0);
    expect(isThere("sdk/typescript/dist/index.js")).toBe(true);
    expect(prepare()).toEqual(silence);
  });

  it("fails on a type error with the compiler's words, and again until it is mended", () => {
    write("src/server/two.ts", 'export const two: number = "two";\n');
    for (const attempt of [prepare(), prepare()]) {
      expect(attempt).toMatchObject({ code: 1, out: "" });
      expect(attempt.said).toContain("TS2322");
    }
    write("src/server/two.ts", "export const two: number = 2;\n");
    expect(prepare().code).toBe(0);
  });

  it("is done once when several begin together", async () => {
    const together = await Promise.all([start(), start(), start()].map(finished));
    expect(together.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(together.filter(({ said }) => said.includes("building (tsc -b) took"))).toHaveLength(1);
    expect(fs.readdirSync(folder).filter((name) => name.startsWith(".prepare.lock"))).toEqual([]);
  });

  it("takes over the lock of a process that was killed", async () => {
    const victim = start();
    const [said] = await once(victim.stderr as NodeJS.ReadableStream, "data");
    expect(String(said)).toContain("building");
    victim.kill("SIGKILL");
    await once(victim, "exit");
    expect(isThere(".prepare.lock")).toBe(true);
    expect(prepare().code).toBe(0);
    expect(isThere(".prepare.lock")).toBe(false);
    expect(prepare()).toEqual(silence);
  });

  it("leaves no lock behind when it is asked to stop", async () => {
    const asked = start();
    await once(asked.stderr as NodeJS.ReadableStream, "data");
    asked.kill("SIGTERM");
    expect((await finished(asked)).code).toBe(1);
    expect(isThere(".prepare.lock")).toBe(false);
  });
});

function start(): ChildProcess {
  return spawn(process.execPath, [at("scripts/prepare.mjs")], { stdio: ["ignore", "ignore", "pipe"] });
}

async function finished(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, "close");
  return { code, said };
}
