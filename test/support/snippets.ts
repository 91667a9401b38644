import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { checkout, readCheckout } from "./checkout.ts";

/** The built packages, as their users get them. */
const packages: Readonly<Record<string, string>> = {
  "@muster/client": path.join(checkout, "sdk/typescript/dist/index"),
  "@muster/testing": path.join(checkout, "sdk/testing/dist/index"),
};

/** The TypeScript of a page. */
export function snippetsOf(page: string): string[] {
  return [...readCheckout(page).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);
}

/** What is wrong with snippets, compiled as strictly as a user may; and the JavaScript of each. */
export function compileSnippets(snippets: readonly string[], folder: string): { problems: string; scripts: string[] } {
  const sources = snippets.map((_, i) => path.join(folder, `snippet-${i}.mts`));
  for (const [i, source] of sources.entries()) writeFileSync(source, snippets[i] as string);
  const program = ts.createProgram(sources, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
    types: ["node"],
    typeRoots: [path.join(checkout, "node_modules/@types")],
    paths: Object.fromEntries(Object.entries(packages).map(([name, built]) => [name, [`${built}.d.ts`]])),
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
  });
  const host = {
    getCanonicalFileName: (file: string) => file,
    getCurrentDirectory: () => folder,
    getNewLine: () => "\n",
  };
  const problems = ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host);
  program.emit();
  const scripts = sources.map((source) => readFileSync(source.replace(/mts$/, "mjs"), "utf8"));
  return { problems, scripts };
}

/** Writes a compiled snippet where Node can run it. */
export function writeScript(script: string, file: string): void {
  let text = script;
  for (const [name, built] of Object.entries(packages)) {
    text = text.replaceAll(`"${name}"`, JSON.stringify(pathToFileURL(`${built}.js`).href));
  }
  writeFileSync(file, text);
}
