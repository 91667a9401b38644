import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const manifest = (place: string) => JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8"));

test("the package goes with the server of its own version, and needs nothing else", () => {
  const { version, dependencies, peerDependencies } = manifest("../package.json");
  const server = manifest("../../../package.json");
  expect(dependencies).toBeUndefined();
  expect(peerDependencies).toEqual({ muster: version });
  expect([server.name, server.version]).toEqual(["muster", version]);
});
