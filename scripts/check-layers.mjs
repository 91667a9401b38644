#!/usr/bin/env node
// `npm run layers`: dependency-cruiser over the table in .dependency-cruiser.cjs, with a floor on what it saw. A cruise
// that sees nothing (a resolver or compiler it does not understand) reports no violation and would pass for ever.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { cruise } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { root } from "./prepare.mjs";

/** Share of our .ts files a trustworthy cruise has seen, and of them that import something. */
const SEEN_SHARE_MIN = 0.9;

process.chdir(root);
const folders = ["src", "sdk/typescript/src"];
const sources = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.join(folder, file)),
);

const config = createRequire(import.meta.url)("../.dependency-cruiser.cjs");
const { output } = await cruise(
  folders,
  { ...config.options, validate: true, ruleSet: { forbidden: config.forbidden } },
  { ...config.options.enhancedResolveOptions },
  { tsConfig: extractTSConfig(path.join(root, config.options.tsConfig.fileName)) },
);
if (typeof output === "string") throw new Error("dependency-cruiser answered with text");

const ours = output.modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`)));
const links = ours.flatMap(({ dependencies }) => dependencies).length;
for (const { rule, from, to } of output.summary.violations) console.error(`${from} -> ${to}: ${rule.name}`);
const unresolved = ours.flatMap(({ source, dependencies }) =>
  dependencies.filter((to) => to.couldNotResolve).map((to) => `${source} -> ${to.module}: not found`),
);
for (const line of unresolved) console.error(line);
console.log(`layers: ${ours.length} of ${sources.length} modules, ${links} imports seen`);

const trusted = ours.length >= sources.length * SEEN_SHARE_MIN && links >= ours.length * SEEN_SHARE_MIN;
if (!trusted) console.error("layers: too few modules or imports seen for the result to mean anything");
if (output.summary.error > 0 || unresolved.length > 0 || !trusted) process.exitCode = 1;
