import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Where a worker thread's entry module lies as JavaScript. Node runs no TypeScript in a worker, and tests import the
 * sources directly: so a module under `src/` answers with its compiled twin under `dist/`, one that is compiled
 * already with its neighbour.
 *
 * @param name the entry module relative to the caller, without extension: `./journal-worker`
 * @param caller the caller's `import.meta.url`
 * @throws Error when the compiled file is missing, with the command that makes it
 */
export function workerFile(name: string, caller: string): URL {
  const url = compiledModule(new URL(`${name}${caller.endsWith(".ts") ? ".ts" : ".js"}`, caller));
  if (!existsSync(fileURLToPath(url))) throw new Error(`${fileURLToPath(url)} is missing: run "npx tsc -b" first`);
  return url;
}

/** Maps `<root>/src/<path>.ts` to `<root>/dist/<path>.js`; any other URL stays as it is. */
export function compiledModule(module: URL, sourceRoot: URL = new URL("../", import.meta.url)): URL {
  if (!module.pathname.endsWith(".ts") || !module.href.startsWith(sourceRoot.href)) return module;
  const path = module.href.slice(sourceRoot.href.length).replace(/\.ts$/, ".js");
  return new URL(`../dist/${path}`, sourceRoot);
}
