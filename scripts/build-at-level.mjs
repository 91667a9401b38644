#!/usr/bin/env node
// A test tool: the present build as a program that knows a lower feature level. It stands for an older release in
// tests of upgrades (test/ensemble/upgrade.test.ts); nothing but the number differs.
//
//   node scripts/build-at-level.mjs <level> <folder>      then: node <folder>/bin/muster.js ...
import * as fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

const copied = ["bin", "dist", "proto", "package.json"];
const levelFile = path.join("dist", "core", "tree", "feature-level.js");
const levelLine = /^(export const FEATURE_LEVEL = )(\d+);$/m;

/**
 * Copies the build into a new folder, where it knows no level above `level`.
 * @param {number} level below the present one
 * @param {string} folder
 * @returns {Promise<string>} its program, as bin/muster.js is the present one's
 */
export async function buildAtLevel(level, folder) {
  await prepare();
  if (fs.existsSync(folder)) throw new Error(`${folder} is there already`);
  fs.mkdirSync(folder, { recursive: true });
  for (const name of copied) fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const file = path.join(folder, levelFile);
  const text = fs.readFileSync(file, "utf8");
  const present = Number(levelLine.exec(text)?.[2] ?? 0);
  if (!(level >= 1 && level < present)) throw new Error(`level ${level} is not below the present one, ${present}`);
  fs.writeFileSync(file, text.replace(levelLine, `$1${level};`));
  return path.join(folder, "bin", "muster.js");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  const [level = "", folder = ""] = process.argv.slice(2);
  buildAtLevel(Number(level), path.resolve(folder)).then(
    (program) => process.stdout.write(`${program}\n`),
    (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    },
  );
}
