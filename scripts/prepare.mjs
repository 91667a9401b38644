#!/usr/bin/env node
// Makes a checkout runnable: installs, compiles the native module and builds, each only when missing or stale.
// Plain Node and no dependency, because it runs before anything is installed. `bin/muster.js` and `scripts/test.mjs`
// call `prepare()` first; when nothing is stale it only reads and stats files, takes no lock and writes nothing.
//
// All of its output goes to stderr: `muster znode get` must print the data alone, built just now or not.
//
// For `bin/muster.js`, which must also work where only the package is installed and nothing is there to prepare:
//   const script = new URL("../scripts/prepare.mjs", import.meta.url);
//   if (existsSync(script)) await (await import(script.href)).prepare();
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { withLock } from "./lock.mjs";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Oldest Node this project runs on; equals `engines` in package.json. */
const NODE_MIN = [20, 19];

/** Where sources come from, and where `tsc -b` puts what it makes of them. */
const builds = [
  { sources: "src", output: "dist" },
  { sources: "sdk/typescript/src", output: "sdk/typescript/dist" },
  { sources: "sdk/testing/src", output: "sdk/testing/dist" },
];
const buildSettings = [
  "tsconfig.base.json",
  "tsconfig.json",
  "src/tsconfig.json",
  "src/core/tsconfig.json",
  "sdk/typescript/tsconfig.json",
  "sdk/testing/tsconfig.json",
];

const inRoot = (/** @type {string[]} */ ...parts) => path.join(root, ...parts);
const nativeFolder = inRoot("node_modules", "better-sqlite3");
const nativeBinary = path.join(nativeFolder, "build", "Release", "better_sqlite3.node");
const nativeStamp = path.join(nativeFolder, "build", "Release", ".prepared");
const buildStamp = inRoot("dist", ".build-stamp");

/** Brings the checkout up to date. Rejects with a message for people when a step fails. */
export async function prepare() {
  checkNode();
  if (isPrepared()) return;
  await withLock(inRoot(".prepare.lock"), say, () =>
    stoppable(async () => {
      // Whoever held the lock before may have done it all.
      if (!isInstalled()) await install();
      if (!isNativeReady()) await readyNative();
      linkRoot();
      if (!isBuilt()) await build();
    }),
  );
}

function isPrepared() {
  return isInstalled() && isNativeReady() && isLinked() && isBuilt();
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [majorMin = 0, minorMin = 0] = NODE_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  throw new Error(`Muster needs Node ${NODE_MIN.join(".")} or later; this is ${process.versions.node}`);
}

// --- packages -------------------------------------------------------------------------------------------------------

/**
 * npm writes what it installed to node_modules/.package-lock.json, last: comparing the two lock files needs no stamp of
 * our own, holds after a plain `npm ci`, and sees an install that was cut short.
 */
function isInstalled() {
  const wanted = readJson(inRoot("package-lock.json"))?.packages;
  const present = readJson(inRoot("node_modules", ".package-lock.json"))?.packages;
  if (wanted === undefined || present === undefined) return false;
  for (const [where, entry] of Object.entries(wanted)) {
    // Optional packages are those of other platforms.
    if (!where.startsWith("node_modules/") || entry.optional || entry.devOptional || entry.peer) continue;
    const found = present[where];
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return false;
    if (!fs.existsSync(inRoot(where))) return false;
  }
  return true;
}

async function install() {
  // Install scripts stay off: newer npm blocks them unless approved one by one, and the only one needed here, the
  // native module's, is run by readyNative() in a way that no npm blocks.
  // NODE_ENV=production must not leave the compiler out.
  await step("installing packages (npm ci)", [npmCli(), "ci", "--ignore-scripts", "--include=dev", "--no-audit"]);
  if (!isInstalled()) throw new Error("npm ci ended well, yet node_modules differs from package-lock.json");
}

/**
 * npm puts dependencies into node_modules, but not the root package itself, which is looked for there too: `npx muster`
 * by its binary, `@muster/testing` by its name.
 */
const rootLinks = [
  { link: inRoot("node_modules", ".bin", "muster"), target: path.join("..", "..", "bin", "muster.js") },
  { link: inRoot("node_modules", "muster"), target: ".." },
];

function isLinked() {
  return rootLinks.every(leadsThere);
}

function leadsThere(/** @type {{ link: string, target: string }} */ { link, target }) {
  try {
    return fs.readlinkSync(link) === target;
  } catch {
    return false;
  }
}

function linkRoot() {
  for (const { link, target } of rootLinks.filter((each) => !leadsThere(each))) {
    fs.rmSync(link, { force: true });
    fs.symlinkSync(target, link);
  }
}

// --- the native module ----------------------------------------------------------------------------------------------

/** What a compiled module fits: this Node ABI on this platform, and the very file that was tried out. */
function nativeMark() {
  const stat = fs.statSync(nativeBinary, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return [process.versions.modules, process.platform, process.arch, stat.size, stat.mtimeMs].join(" ");
}

function isNativeReady() {
  const mark = nativeMark();
  return mark !== undefined && readText(nativeStamp) === mark;
}

async function readyNative() {
  if (!(await nativeWorks())) {
    const script = [npmCli(), "run", "build-release"];
    const hint = "it needs python3, make and a C++ compiler (Debian: apt-get install python3 make g++)";
    // As the package's own script it gets npm's node-gyp, tries no download of a binary, and no npm blocks it.
    await step("compiling better-sqlite3 (about a minute)", script, {
      cwd: nativeFolder,
      env: headers(),
      hint,
      quiet: true,
    });
    if (!(await nativeWorks())) throw new Error("better-sqlite3 was compiled, but this Node cannot load it");
  }
  fs.writeFileSync(nativeStamp, nativeMark() ?? "");
}

/**
 * Where Node's headers are installed beside it, node-gyp need not download them.
 * @returns {NodeJS.ProcessEnv}
 */
function headers() {
  const prefix = path.dirname(path.dirname(process.execPath));
  const found = fs.existsSync(path.join(prefix, "include", "node", "node.h"));
  return found ? { npm_config_nodedir: process.env["npm_config_nodedir"] ?? prefix } : {};
}

/** In a process of its own: a binary for another libc may take the process down that loads it. */
async function nativeWorks() {
  if (!fs.existsSync(nativeBinary)) return false;
  const trial = 'const Database = require("better-sqlite3"); new Database(":memory:").close();';
  const { code } = await run(["-e", trial], { output: "ignore" });
  return code === 0;
}

// --- the build ------------------------------------------------------------------------------------------------------

/** One line per input; an edit, an addition and a removal each change it. */
function buildMark() {
  const hash = createHash("sha256");
  hash.update(`${readJson(inRoot("node_modules", "typescript", "package.json"))?.version}\n`);
  const inputs = [...buildSettings, ...builds.flatMap(({ sources }) => filesUnder(sources, ".ts"))];
  for (const file of inputs) {
    const stat = fs.statSync(inRoot(file), { throwIfNoEntry: false });
    hash.update(`${file} ${stat?.size} ${stat?.mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function isBuilt() {
  if (readText(buildStamp) !== buildMark()) return false;
  return builds.every(({ sources, output }) =>
    filesUnder(sources, ".ts").every((file) => fs.existsSync(inRoot(outputOf(file, sources, output)))),
  );
}

async function build() {
  const mark = buildMark();
  const missing = builds.filter(({ output }) => !fs.existsSync(inRoot(output, ".tsbuildinfo")));
  // tsc believes its .tsbuildinfo: with outputs deleted under it, only --force brings them back.
  const force = missing.length === 0 && isOutputMissing() ? ["--force"] : [];
  await step("building (tsc -b)", [inRoot("node_modules", "typescript", "bin", "tsc"), "-b", ...force]);
  for (const { sources, output } of builds) removeOrphans(sources, output);
  fs.writeFileSync(buildStamp, mark);
}

function isOutputMissing() {
  return builds.some(({ sources, output }) =>
    filesUnder(sources, ".ts").some((file) => !fs.existsSync(inRoot(outputOf(file, sources, output)))),
  );
}

/** @param {string} file @param {string} sources @param {string} output */
function outputOf(file, sources, output) {
  return `${output}${file.slice(sources.length, -".ts".length)}.js`;
}

/** tsc leaves the output of a deleted source behind, where an import would still find it. */
function removeOrphans(/** @type {string} */ sources, /** @type {string} */ output) {
  const kept = new Set(filesUnder(sources, ".ts").map((file) => outputOf(file, sources, output)));
  for (const ending of [".js", ".d.ts", ".js.map", ".d.ts.map"]) {
    for (const file of filesUnder(output, ending)) {
      if (!kept.has(`${file.slice(0, -ending.length)}.js`)) fs.rmSync(inRoot(file));
    }
  }
}

// --- small things ---------------------------------------------------------------------------------------------------

/** Paths relative to the root, sorted, with forward slashes. */
function filesUnder(/** @type {string} */ folder, /** @type {string} */ ending) {
  /** @type {string[]} */
  const found = [];
  /** @type {string[]} */
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    let entries;
    try {
      entries = fs.readdirSync(inRoot(at), { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      if (entry.isDirectory()) folders.push(`${at}/${entry.name}`);
      else if (entry.name.endsWith(ending)) found.push(`${at}/${entry.name}`);
    }
  }
  return found.sort();
}

/** @returns {any} */
function readJson(/** @type {string} */ file) {
  const text = readText(file);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readText(/** @type {string} */ file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function say(/** @type {string} */ message) {
  process.stderr.write(`muster: ${message}\n`);
}

/** The npm of this very Node: one found by name might run under another Node and compile for that one. */
function npmCli() {
  const given = process.env["npm_execpath"];
  const beside = path.join(path.dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js");
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  const byName = folders.map((folder) => path.join(folder, "npm")).find((file) => fs.existsSync(file));
  const candidates = [given, beside, byName && fs.realpathSync(byName)];
  const found = candidates.find(
    (file) => file !== undefined && path.basename(file) === "npm-cli.js" && fs.existsSync(file),
  );
  if (found === undefined) throw new Error("npm is not found; it comes with Node");
  return found;
}

/**
 * @param {string} what
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, hint?: string, quiet?: boolean }} [options]
 */
async function step(what, args, { cwd = root, env = {}, hint, quiet = false } = {}) {
  say(`${what} ...`);
  const begin = performance.now();
  const { code, text } = await run(args, { cwd, env, output: quiet ? "collect" : "pass" });
  if (code !== 0) {
    process.stderr.write(text);
    throw new Error(`${what} failed with exit code ${code}${hint === undefined ? "" : `; ${hint}`}`);
  }
  say(`${what} took ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

/**
 * The process a step runs just now, and the signal that asked us to stop.
 * @type {{ child?: import("node:child_process").ChildProcess | undefined, signal?: NodeJS.Signals }}
 */
const running = {};

/**
 * While `work` runs, a signal goes on to the step's process, whose end then ends the work: neither a lock nor a child
 * is left.
 * @param {() => Promise<void>} work
 */
async function stoppable(work) {
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    running.signal = signal;
    running.child?.kill(signal);
  };
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const signal of signals) process.on(signal, stop);
  try {
    await work();
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

/**
 * Runs this Node with `args`.
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, output: "pass" | "collect" | "ignore" }} options
 * @returns {Promise<{ code: number, text: string }>}
 */
function run(args, { cwd = root, env = {}, output }) {
  const to = output === "pass" ? 2 : output === "collect" ? "pipe" : "ignore";
  // Scripts that begin with `#!/usr/bin/env node` must get this Node, not another one.
  const binaries = `${path.dirname(process.execPath)}${path.delimiter}${process.env["PATH"] ?? ""}`;
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env, PATH: binaries },
    stdio: ["ignore", to, to],
  });
  let text = "";
  child.stdout?.on("data", (chunk) => (text += chunk));
  child.stderr?.on("data", (chunk) => (text += chunk));
  running.child = child;
  if (running.signal !== undefined) child.kill(running.signal);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      running.child = undefined;
      if (running.signal !== undefined) reject(new Error(`stopped by ${running.signal}`));
      else resolve({ code: code ?? 1, text });
    });
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  prepare().catch((error) => {
    say(error.message);
    process.exitCode = 1;
  });
}
