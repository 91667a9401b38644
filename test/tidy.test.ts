import { existsSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import vitestConfig from "../vitest.config.ts";
import { checkout, committedFiles, readCheckout } from "./support/checkout.ts";

/** What no other tool checks: one rule of the house per test, each naming every place that breaks it. */

const LINE_COLUMNS_MAX = 120;
const FILE_LINES_MAX = 400;

/**
 * Files over the limit, each with the length it may not exceed. The list only shrinks: an entry goes when its file is
 * short enough, and a new entry needs a reason beside it.
 */
const longFiles: Readonly<Record<string, number>> = {};

const all = committedFiles();
const isGenerated = (file: string): boolean => /(^|\/)gen\//.test(file) || file === "package-lock.json";
const isVendored = (file: string): boolean => file.startsWith("proto/google/");
const own = all.filter((file) => !isGenerated(file) && !isVendored(file));
const code = own.filter((file) => /^(src|sdk|test|scripts|bench|bin)\/.*\.(ts|mjs|cjs|js)$/.test(file));
const core = code.filter((file) => file.startsWith("src/core/"));
const markdown = own.filter((file) => file.endsWith(".md"));
const text = own.filter((file) => !file.startsWith("test/golden/") && !/\.(png|ico|gz|db|bin)$/.test(file));

/** `file:line: what` for every line that `find` objects to. */
function inLines(files: readonly string[], find: (line: string) => string | undefined): string[] {
  return files.flatMap((file) =>
    readCheckout(file)
      .split("\n")
      .flatMap((line, index) => {
        const what = find(line);
        return what === undefined ? [] : [`${file}:${index + 1}: ${what}`];
      }),
  );
}

/** A Markdown file's lines with those inside code fences blanked. */
function prose(file: string): string[] {
  let fenced = false;
  return readCheckout(file)
    .split("\n")
    .map((line) => {
      const isFence = /^\s*(```|~~~)/.test(line);
      if (isFence) fenced = !fenced;
      return fenced || isFence ? "" : line;
    });
}

describe("the list of files", () => {
  it("is not empty, or all of this proves nothing", () => {
    expect(code.length).toBeGreaterThan(50);
    expect(core.length).toBeGreaterThan(10);
  });
});

describe("core", () => {
  // The compiler refuses what its lib does not have (test/core-purity.test.ts); these are in every lib.
  const banned = new Set([
    "Promise",
    "Date",
    "crypto",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Intl",
    "WeakRef",
    "FinalizationRegistry",
    "Atomics",
    "localeCompare",
    "toLocaleString",
    "toLocaleLowerCase",
    "toLocaleUpperCase",
    "globalThis",
    "eval",
  ]);

  function impurity(node: ts.Node): string | undefined {
    if (node.kind === ts.SyntaxKind.AsyncKeyword) return "async";
    if (ts.isAwaitExpression(node)) return "await";
    if (ts.isBigIntLiteral(node)) return `BigInt literal ${node.text}`;
    if (ts.isForInStatement(node)) return "for-in, an order no format promises";
    if (node.kind === ts.SyntaxKind.DeclareKeyword) return "declare, which would name what is not there";
    if (ts.isIdentifier(node) && banned.has(node.text)) return node.text;
    if (ts.isPropertyAccessExpression(node) && /^Math\s*\.\s*random$/.test(node.getText())) return "Math.random";
    return undefined;
  }

  function impurities(file: string, source: string): string[] {
    const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      const what = impurity(node);
      if (what !== undefined) {
        found.push(`${file}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
    // Ways around the compiler, all of them comments.
    for (const [way] of source.matchAll(/@ts-[a-z-]+|^\/\/\/\s*<reference/gm)) found.push(`${file}: ${way}`);
    return found;
  }

  it("knows no promise, clock, chance, locale or BigInt", () => {
    expect(core.flatMap((file) => impurities(file, readCheckout(file)))).toEqual([]);
  });

  it.each([
    "async function f() {}",
    "const f = async () => 1;",
    "async function f() { await 1; }",
    "let p: Promise<void>;",
    "const t = new Date();",
    "const n = Math.random();",
    "const r = Math\n  .random;",
    "const n = 1n;",
    "for (const key in {}) key;",
    "declare const process: { pid: number };",
    "globalThis;",
    "// @ts-expect-error\nsetTimeout();",
    '/// <reference types="node" />',
    "['b', 'a'].sort((a, b) => a.localeCompare(b));",
  ])("would be caught: %s", (planted) => {
    expect(impurities("planted.ts", planted)).not.toEqual([]);
  });

  it("may speak of these in comments, strings and longer names", () => {
    expect(impurities("fine.ts", '// Date, await\nconst updateDate = "Promise"; // Math.random')).toEqual([]);
  });
});

describe("code", () => {
  it(`has no line over ${LINE_COLUMNS_MAX} columns`, () => {
    expect(inLines(code, (line) => ([...line].length > LINE_COLUMNS_MAX ? "too long" : undefined))).toEqual([]);
  });

  it(`has no file over ${FILE_LINES_MAX} lines, but for those listed, which only shrink`, () => {
    const lengths = code.map((file) => ({ file, lines: readCheckout(file).trimEnd().split("\n").length }));
    const wrong = lengths.flatMap(({ file, lines }) => {
      const listed = longFiles[file];
      if (listed !== undefined && lines <= FILE_LINES_MAX) return [`${file}: ${lines} lines, take it off the list`];
      const max = listed ?? FILE_LINES_MAX;
      return lines > max ? [`${file}: ${lines} lines, at most ${max}`] : [];
    });
    const gone = Object.keys(longFiles).filter((file) => !code.includes(file));
    expect([...wrong, ...gone.map((file) => `${file}: listed, but gone`)]).toEqual([]);
  });

  it("has kebab-case names, folders too", () => {
    const segment = /^[a-z0-9]+(-[a-z0-9]+)*$/;
    const wrong = code.filter((file) => {
      const parts = file.split("/");
      const name = parts.pop()?.replace(/(\.(test|test-d|bench|config|d))?\.[cm]?[jt]s$/, "") ?? "";
      return ![...parts, name].every((part) => segment.test(part));
    });
    expect(wrong).toEqual([]);
  });

  it("leaves nothing to be done later", () => {
    const marks = new RegExp(
      `\\b(${["FIX", "TO"].map((half) => `${half}${half === "TO" ? "DO" : "ME"}`).join("|")})\\b`,
    );
    expect(inLines(text, (line) => marks.exec(line)?.[0])).toEqual([]);
  });

  it("has a DESIGN.md or FORMAT.md in each folder of core and storage", () => {
    const folders = new Set(code.map((file) => /^src\/(core|storage)\/[^/]+(?=\/)/.exec(file)?.[0]));
    const bare = [...folders].filter(
      (folder) => folder !== undefined && !all.includes(`${folder}/DESIGN.md`) && !all.includes(`${folder}/FORMAT.md`),
    );
    expect(bare).toEqual([]);
  });
});

describe("tests", () => {
  const tests = all.filter((file) => file.endsWith(".test.ts"));

  it("belong to exactly one vitest project each, so that none is left out", () => {
    const projects = (vitestConfig.test?.projects ?? []) as { test: { name: string; include: string[] } }[];
    const patterns = projects.flatMap(({ test: { include } }) => include.map(globToRegExp));
    expect(patterns.length).toBeGreaterThan(0);
    const astray = tests.filter((file) => patterns.filter((pattern) => pattern.test(file)).length !== 1);
    expect(astray).toEqual([]);
  });

  it("of the unit kind stand where their sources stand", () => {
    const folders = new Set(all.map((file) => path.posix.dirname(file)));
    const units = tests.filter((file) => file.startsWith("test/unit/"));
    const astray = units.filter((file) => {
      const place = path.posix.dirname(file).replace(/^test\/unit/, "src");
      // A source whose tests fill several files has a folder of its own name for them.
      return !folders.has(place) && !all.includes(`${place}.ts`);
    });
    expect(astray).toEqual([]);
  });

  /** Only what the configuration uses: `**` for any folders and `*` within a name. */
  function globToRegExp(glob: string): RegExp {
    const source = glob
      .split(/(\*\*\/|\*)/)
      .map((part) => (part === "**/" ? "(?:.*/)?" : part === "*" ? "[^/]*" : part.replace(/[.\\+]/g, "\\$&")))
      .join("");
    return new RegExp(`^${source}$`);
  }
});

describe("Markdown", () => {
  it("has one title, at the top", () => {
    const wrong = markdown.filter((file) => {
      const headings = prose(file).filter((line) => /^#+ /.test(line));
      return headings.filter((line) => line.startsWith("# ")).length !== 1 || !headings[0]?.startsWith("# ");
    });
    expect(wrong).toEqual([]);
  });

  it("links only to files that are there", () => {
    const dead = markdown.flatMap((file) =>
      [
        ...prose(file)
          .join("\n")
          .matchAll(/\]\(([^)\s#]+)(#[^)]*)?\)/g),
      ]
        .map(([, target]) => target as string)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(path.join(checkout, path.dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it("names only npm scripts that exist", () => {
    const scripts = Object.keys(JSON.parse(readCheckout("package.json")).scripts);
    const unknown = markdown.flatMap((file) =>
      [...readCheckout(file).matchAll(/\bnpm run ([a-z][a-z:-]*)/g)]
        .map(([, name]) => name as string)
        .filter((name) => !scripts.includes(name))
        .map((name) => `${file}: npm run ${name}`),
    );
    expect(unknown).toEqual([]);
  });
});

describe("what is committed", () => {
  it("names no registry and no path of a machine", () => {
    const places = [
      "registry.npm" + "js",
      "registry.yarn" + "pkg",
      "/work/" + "main",
      "/work/" + "shared",
      "/root" + "/.",
    ];
    expect(inLines([...text, "package-lock.json"], (line) => places.find((place) => line.includes(place)))).toEqual([]);
  });

  const lock = JSON.parse(readCheckout("package-lock.json")).packages as Record<string, LockEntry>;

  it("locks packages without naming a host", () => {
    expect(Object.keys(lock).filter((name) => /^[a-z+]+:/.test(lock[name]?.resolved ?? ""))).toEqual([]);
  });

  it("locks the optional packages of every platform, without which npm ci refuses", () => {
    const missing = Object.entries(lock).flatMap(([where, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => lock[`node_modules/${name}`] === undefined && lock[`${where}/node_modules/${name}`] === undefined,
      ),
    );
    expect(missing).toEqual([]);
  });

  it("pins every dependency to one version, the same in all packages", () => {
    const manifests = all.filter((file) => /(^|\/)package\.json$/.test(file));
    const pins = new Map<string, string>();
    const wrong = manifests.flatMap((file) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(readCheckout(file));
      return Object.entries<string>({ ...dependencies, ...devDependencies }).flatMap(([name, version]) => {
        const other = pins.get(name) ?? version;
        pins.set(name, version);
        return /^\d+\.\d+\.\d+$/.test(version) && other === version ? [] : [`${file}: ${name} ${version}`];
      });
    });
    expect(manifests.length).toBeGreaterThan(1);
    expect(wrong).toEqual([]);
  });

  it("decides for every package with an install script whether it may run", () => {
    const { allowScripts } = JSON.parse(readCheckout("package.json"));
    const withScript = Object.keys(lock).filter((where) => lock[where]?.hasInstallScript && !lock[where]?.os);
    expect(withScript.map((where) => where.replace(/^.*node_modules\//, "")).sort()).toEqual(
      Object.keys(allowScripts).sort(),
    );
  });
});

interface LockEntry {
  readonly resolved?: string;
  readonly os?: readonly string[];
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
