#!/usr/bin/env node
// Generates the code of proto/ into a temporary folder and compares it with what is committed, file by file. Nothing in
// the checkout changes, so it says the same on a dirty tree as in CI.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "./prepare.mjs";

const folders = ["src/api/grpc/gen", "sdk/typescript/src/gen"];
const fresh = mkdtempSync(path.join(os.tmpdir(), "muster-generated-"));
try {
  const env = {
    ...process.env,
    PATH: `${path.join(root, "node_modules", ".bin")}${path.delimiter}${process.env["PATH"]}`,
  };
  execFileSync("buf", ["generate", "--output", fresh], { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  const stale = folders.flatMap((folder) => differences(folder));
  for (const line of stale) console.error(line);
  if (stale.length > 0) {
    console.error("generated code differs from proto/: run `npm run proto` and commit the result");
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}

function differences(/** @type {string} */ folder) {
  const wanted = filesOf(path.join(fresh, folder));
  const present = filesOf(path.join(root, folder));
  if (wanted.size === 0) return [`${folder}: nothing was generated`];
  return [...new Set([...wanted.keys(), ...present.keys()])].sort().flatMap((file) => {
    if (!present.has(file)) return [`${folder}/${file}: missing`];
    if (!wanted.has(file)) return [`${folder}/${file}: left over`];
    return wanted.get(file) === present.get(file) ? [] : [`${folder}/${file}: differs`];
  });
}

/** @returns {Map<string, string>} */
function filesOf(/** @type {string} */ folder) {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return new Map(names.map((file) => [file, readFileSync(path.join(folder, file), "utf8")]));
}
