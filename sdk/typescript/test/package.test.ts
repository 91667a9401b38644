import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { VERSION } from "../src/version.ts";

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

describe("the package", () => {
  const manifest = JSON.parse(read("package.json")) as { version: string; dependencies: Record<string, string> };

  test("says its own version", () => {
    expect(VERSION).toBe(manifest.version);
  });

  test("products.md 30: depends on grpc-js and the protobuf runtime, nothing else", () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(["@bufbuild/protobuf", "@grpc/grpc-js"]);
  });

  test("exports what its README uses", async () => {
    const exported = await import("../src/index.ts");
    const names = [...read("README.md").matchAll(/^import \{ (.*) \} from "@muster\/client";$/gm)].flatMap(
      ([, list]) => list?.split(", ") ?? [],
    );
    expect(new Set(names)).toEqual(new Set(["connect", "MusterError"]));
    for (const name of names) expect(exported).toHaveProperty(name);
  });
});
