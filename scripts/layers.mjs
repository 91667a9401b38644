#!/usr/bin/env node
// `npm run layers`: dependency-cruiser over the table in .dependency-cruiser.cjs, with a floor on what it saw. A cruise
// that sees nothing (a resolver or compiler it does not understand) reports no violation and would pass for ever.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { cruise } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { root } from "./prepare.mjs";

/** Share of the .ts files a trustworthy cruise has seen. */
const SEEN_SHARE_MIN = 0.9;
/** Imports per file it has seen at least; the least connected module of a program has about one. */
const IMPORTS_PER_FILE_MIN = 0.9;

const folders = ["src", "sdk/typescript/src", "sdk/testing/src"];

/**
 * Checks the folders of the current directory.
 * @returns {Promise<{ violations: string[], files: number, seen: number, imports: number }>}
 */
export async function checkLayers() {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts")),
  ).length;
  const config = createRequire(import.meta.url)("../.dependency-cruiser.cjs");
  const { output } = await cruise(
    folders,
    { ...config.options, validate: true, ruleSet: { forbidden: config.forbidden } },
    config.options.enhancedResolveOptions,
    { tsConfig: extractTSConfig(path.resolve(config.options.tsConfig.fileName)) },
  );
  if (typeof output === "string") throw new Error("dependency-cruiser answered with text");

  const ours = output.modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`)));
  const imports = ours.flatMap(({ dependencies }) => dependencies).length;
  const violations = output.summary.violations.map(({ rule, from, to }) => `${from} -> ${to}: ${rule.name}`);
  const unresolved = ours.flatMap(({ source, dependencies }) =>
    dependencies.filter((to) => to.couldNotResolve).map((to) => `${source} -> ${to.module}: not found`),
  );
  const blind =
    ours.length < files * SEEN_SHARE_MIN || imports < ours.length * IMPORTS_PER_FILE_MIN
      ? [`saw ${ours.length} of ${files} files and ${imports} imports: too few to mean anything`]
      : [];
  return { violations: [...violations, ...unresolved, ...blind], files, seen: ours.length, imports };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.chdir(root);
  const { violations, files, seen, imports } = await checkLayers();
  for (const line of violations) console.error(line);
  console.log(`layers: ${seen} of ${files} files, ${imports} imports, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}
