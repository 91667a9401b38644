import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout } from "./support/checkout.ts";

/**
 * `src/core` is pure because its tsconfig leaves nothing impure to name. A copy of core gets one planted file per way
 * out, and is compiled once: each plant must be an error, and the same file without it must not.
 */
const plants: Readonly<Record<string, string>> = {
  "node-module": 'import { readFileSync } from "node:fs";\nexport const x = readFileSync;',
  "node-module-without-prefix": 'import fs from "fs";\nexport const x = fs;',
  "dynamic-node-module": 'export const x = import("node:fs");',
  require: 'export const x = require("node:fs");',
  timer: "export const x = setTimeout(() => {}, 1);",
  interval: "export const x = setInterval(() => {}, 1);",
  immediate: "export const x = setImmediate(() => {});",
  microtask: "queueMicrotask(() => {});\nexport const x = 1;",
  process: "export const x = process.pid;",
  buffer: 'export const x = Buffer.from("x");',
  "text-encoder": "export const x = new TextEncoder();",
  "text-decoder": "export const x = new TextDecoder();",
  performance: "export const x = performance.now();",
  crypto: "export const x = crypto.randomUUID();",
  console: 'console.log("x");\nexport const x = 1;',
  fetch: 'export const x = fetch("http://localhost");',
  storage: 'import { planted } from "../../storage/value.ts";\nexport const x = planted;',
  "storage-type": 'import type { Planted } from "../../storage/type.ts";\nexport const x: Planted = 1;',
};

let copy: string;
let output: string;

beforeAll(() => {
  copy = mkdtempSync(path.join(os.tmpdir(), "muster-core-"));
  cpSync(path.join(checkout, "src/core"), path.join(copy, "src/core"), { recursive: true });
  for (const file of ["tsconfig.base.json", "package.json"]) cpSync(path.join(checkout, file), path.join(copy, file));
  // With the real packages beside it: @types/node must be there to be left out.
  symlinkSync(path.join(checkout, "node_modules"), path.join(copy, "node_modules"));
  mkdirSync(path.join(copy, "src/core/planted"));
  mkdirSync(path.join(copy, "src/storage"));
  // One each: the compiler names a file outside the project once, where it is first imported.
  writeFileSync(path.join(copy, "src/storage/value.ts"), "export const planted = 1;\n");
  writeFileSync(path.join(copy, "src/storage/type.ts"), "export type Planted = number;\n");
  for (const [name, source] of Object.entries(plants)) {
    writeFileSync(path.join(copy, `src/core/planted/${name}.ts`), `${source}\n`);
  }
  writeFileSync(path.join(copy, "src/core/planted/pure.ts"), "export const x = Math.max(1, 2);\n");
  const compiler = path.join(checkout, "node_modules/typescript/bin/tsc");
  output = spawnSync(process.execPath, [compiler, "-p", "src/core", "--noEmit", "--pretty", "false"], {
    cwd: copy,
    encoding: "utf8",
  }).stdout;
}, 60_000);

afterAll(() => rmSync(copy, { recursive: true, force: true }));

describe("in src/core, the compiler refuses", () => {
  it.each(Object.keys(plants))("%s", (name) => {
    const codes = output.split("\n").flatMap((line) => {
      const [, file, code] = /^src\/core\/planted\/(.+)\.ts\(.*?: error (TS\d+)/.exec(line) ?? [];
      return file === name ? [code] : [];
    });
    const outside = name.startsWith("storage") ? /^TS(6307|6059)$/ : /^TS(2304|2307|2580|2584|2591)$/;
    expect(codes).toContainEqual(expect.stringMatching(outside));
  });

  it("and nothing else of a planted file", () => {
    expect(output).not.toContain("pure.ts");
  });
});
