import { describe, expect, it } from "vitest";
import { compiledModule, workerFile } from "../../../src/storage/worker-file.ts";

describe("workerFile", () => {
  const root = new URL("file:///house/src/");

  it("maps a source module to its compiled twin", () => {
    const source = new URL("storage/journal/journal-worker.ts", root);
    expect(compiledModule(source, root).href).toBe("file:///house/dist/storage/journal/journal-worker.js");
  });

  it("leaves compiled modules, and modules of other trees, alone", () => {
    const compiled = new URL("file:///house/dist/storage/journal/journal-worker.js");
    expect(compiledModule(compiled, root)).toBe(compiled);
    const foreign = new URL("file:///elsewhere/worker.ts");
    expect(compiledModule(foreign, root)).toBe(foreign);
  });

  it("names the command that makes a missing worker", () => {
    const caller = new URL("../../../src/storage/worker-file.ts", import.meta.url).href;
    expect(() => workerFile("./no-such-worker", caller)).toThrow(/dist\/storage\/no-such-worker\.js.*npx tsc -b/);
  });
});
