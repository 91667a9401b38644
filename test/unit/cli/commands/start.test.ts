import { expect, test } from "vitest";
import { banner } from "../../../../src/cli/commands/dev.ts";
import { readyLine } from "../../../../src/cli/commands/server.ts";
import { resolveOptions } from "../../../../src/server/options.ts";

const at = (port: number) => ({ host: "127.0.0.1", port });
const addresses = { grpc: at(7400), http: at(7401), peer: null };
const { options } = resolveOptions({ command: "dev", flags: {}, env: {}, cwd: "/home/ann", terminal: false });

test("server's ready line is one line of JSON with the addresses bound", () => {
  const line = readyLine(3, 42, { ...addresses, peer: at(5) });
  expect(line.indexOf("\n")).toBe(line.length - 1);
  const doors = { grpc: "127.0.0.1:7400", http: "127.0.0.1:7401", peer: "127.0.0.1:5" };
  expect(JSON.parse(line)).toEqual({ ready: true, id: 3, pid: 42, ...doors });
});

test("dev's banner says where everything is and names three commands to try", () => {
  const text = banner(options, addresses, "/home/ann");
  for (const part of ["127.0.0.1:7400", "http://127.0.0.1:7401", "./.muster/member-1"]) expect(text).toContain(part);
  expect(text.match(/^ {4}npx muster znode /gm)).toHaveLength(3);
});

test("dev's commands to try reach the member on other ports too", () => {
  const text = banner(options, { ...addresses, grpc: at(9) }, "/elsewhere");
  expect(text.match(/^ {4}MUSTER_ENDPOINTS=127\.0\.0\.1:9 npx muster znode /gm)).toHaveLength(3);
  expect(text).toContain("/home/ann/.muster/member-1");
});
