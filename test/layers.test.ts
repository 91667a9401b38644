import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkLayers } from "../scripts/layers.mjs";
import { checkout } from "./support/checkout.ts";

/**
 * The layer table, tried on a house of planted files: what breaks a rule is named, what keeps to them is not. The
 * sources themselves are checked by `npm run layers`.
 */
const allowed: readonly (readonly [string, string])[] = [
  ["src/core/zab/a", "src/core/base/b"],
  ["src/core/tree/a", "src/core/base/b"],
  ["src/core/member/a", "src/core/zab/a"],
  ["src/core/member/a2", "src/core/tree/a"],
  ["src/storage/journal/a", "src/core/zab/a"],
  ["src/runtime/a", "src/storage/journal/a"],
  ["src/coordination/local-coordination", "src/runtime/a"],
  ["src/coordination/port", "src/core/tree/operation"],
  ["src/products/config/a", "src/coordination/port"],
  ["src/products/config/a2", "src/products/floor/a"],
  ["src/api/grpc/a", "src/products/config/a"],
  ["src/api/http/a", "src/core/tree/stat"],
  ["src/server/a", "src/api/grpc/a"],
  ["src/cli/a", "src/server/a"],
  ["src/cli/a2", "src/storage/verify/a"],
  ["src/products/floor/workers/content/a2", "src/products/floor/workers/content/a"],
];

const forbidden: readonly (readonly [string, string])[] = [
  ["src/core/base/x", "src/core/tree/operation"],
  ["src/core/zab/x", "src/core/tree/operation"],
  ["src/core/tree/x", "src/core/zab/a"],
  ["src/core/tree/x2", "src/core/member/a"],
  ["src/core/member/x", "src/storage/journal/a"],
  ["src/storage/x", "src/runtime/a"],
  ["src/transport/x", "src/storage/journal/a"],
  ["src/runtime/x", "src/coordination/port"],
  ["src/coordination/x", "src/storage/journal/a"],
  ["src/coordination/x2", "src/products/config/a"],
  ["src/products/config/x", "src/products/registry/a"],
  ["src/products/floor/x", "src/products/config/a"],
  ["src/products/config/x2", "src/core/member/a"],
  ["src/products/config/x3", "src/core/tree/a"],
  ["src/products/config/x4", "src/coordination/local-coordination"],
  ["src/products/config/x5", "src/api/http/a"],
  ["src/api/grpc/x", "src/api/http/a"],
  ["src/api/http/x", "src/storage/journal/a"],
  ["src/api/http/x2", "src/core/tree/a"],
  ["src/products/floor/workers/x", "src/products/floor/workers/content/a"],
  ["src/server/x", "src/cli/a"],
  ["src/server/x2", "src/products/floor/workers/content/a"],
  ["src/cli/x", "src/storage/journal/a"],
  ["src/cli/x2", "src/api/grpc/a"],
  ["src/elsewhere/x", "src/core/base/b"],
  ["sdk/typescript/src/x", "src/core/base/b"],
  ["sdk/testing/src/x", "src/server/a"],
  ["sdk/testing/src/x2", "sdk/typescript/src/x"],
];

const lone = ["src/core/base/b", "src/core/tree/operation", "src/core/tree/stat", "src/products/floor/a"];
const own = ["src/storage/verify/a", "src/products/registry/a", "src/products/floor/workers/content/a"];
const leaves = [...lone, ...own];

/** What may be imported by the content worker only, as it is imported. */
const parsers = [
  "ajv/dist/2020.js",
  "ajv-formats/dist/formats.js",
  "jsonc-parser",
  "properties-file/parser",
  "re2js",
  "saxes",
  "smol-toml",
  "yaml",
  "yauzl",
];

let house: string;
let violations: readonly string[];
let before: string;

beforeAll(async () => {
  house = mkdtempSync(path.join(os.tmpdir(), "muster-layers-"));
  const write = (file: string, source: string): void => {
    mkdirSync(path.dirname(path.join(house, file)), { recursive: true });
    writeFileSync(path.join(house, file), source);
  };
  const relative = (from: string, to: string): string => {
    const way = path.posix.relative(path.posix.dirname(from), `${to}.ts`);
    return way.startsWith(".") ? way : `./${way}`;
  };
  for (const leaf of leaves) write(`${leaf}.ts`, "export type Word = 1;\n");
  // Types only: knowing a type from above is knowing what is above.
  for (const [from, to] of [...allowed, ...forbidden]) {
    write(`${from}.ts`, `import type { Word as It } from "${relative(from, to)}";\nexport type Word = It;\n`);
  }
  const parsing = parsers.map((name) => `import type {} from "${name}";\n`).join("");
  write("src/products/config/parsing.ts", parsing);
  write("src/products/floor/workers/content/parsing.ts", parsing);
  write("src/server/options-sources.ts", 'import type {} from "yaml";\n');
  write("src/runtime/round.ts", 'import "./trip.ts";\n');
  write("src/runtime/trip.ts", 'import "./round.ts";\n');
  write("src/core/base/node.ts", 'import "node:fs";\n');
  write("src/core/tree/package.ts", 'import "koa";\n');
  write("src/server/sqlite.ts", 'import "better-sqlite3";\n');
  write("sdk/typescript/dist/index.d.ts", "export type Word = 1;\n");
  write("src/cli/client.ts", 'import "../../sdk/typescript/dist/index.js";\n');
  write("src/server/client.ts", 'import "../../sdk/typescript/dist/index.js";\n');
  write("src/server/lost.ts", 'import "./nowhere.ts";\n');
  write("src/tsconfig.json", '{ "compilerOptions": { "module": "nodenext", "allowImportingTsExtensions": true } }\n');
  write("package.json", '{ "type": "module" }\n');
  symlinkSync(path.join(checkout, "node_modules"), path.join(house, "node_modules"));
  before = process.cwd();
  process.chdir(house);
  ({ violations } = await checkLayers());
}, 60_000);

afterAll(() => {
  process.chdir(before);
  rmSync(house, { recursive: true, force: true });
});

const named = (from: string): string[] => violations.filter((line) => line.startsWith(`${from}.ts -> `));

describe("the layer table", () => {
  it.each(forbidden)("refuses %s -> %s", (from, to) => {
    expect(named(from)).toContainEqual(expect.stringContaining(`-> ${to}.ts`));
  });

  it.each(allowed)("allows %s -> %s", (from) => {
    expect(named(from)).toEqual([]);
  });

  it.each(["runtime/round", "core/base/node", "core/tree/package", "server/sqlite", "server/client", "server/lost"])(
    "refuses what %s does",
    (from) => {
      expect(named(`src/${from}`)).not.toEqual([]);
    },
  );

  it("products.md 9: the floor and the products know the port, the tree's words, and nothing else of the core", () => {
    const ways = forbidden.filter(([from]) => from.startsWith("src/products/"));
    for (const way of ["src/core/member/", "src/core/tree/a", "src/coordination/local-coordination", "src/api/"]) {
      const tried = ways.find(([, to]) => to.startsWith(way));
      expect(tried, way).toBeDefined();
      expect(named(tried?.[0] ?? ""), way).not.toEqual([]);
    }
  });

  it.each(parsers)("products.md 4: leaves %s to the content worker", (name) => {
    const [folder] = name.split("/");
    expect(named("src/products/config/parsing")).toContainEqual(expect.stringContaining(`node_modules/${folder}/`));
    expect(named("src/products/floor/workers/content/parsing")).toEqual([]);
    expect(named("src/server/options-sources")).toEqual([]);
  });

  it("allows the command line to use the built SDK", () => {
    expect(named("src/cli/client")).toEqual([]);
  });
});
