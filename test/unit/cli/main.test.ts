import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { run } from "./captured-io.ts";

/** A port where nothing listens: one the system gave away a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("exit codes", () => {
  test("help that is asked for is a success, on standard output", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of ["dev", "server", "znode", "ensemble", "version", "completion"])
      expect(stdout).toContain(`  ${name} `);
    expect(stdout).not.toContain("__complete");
    expect(stdout).toContain("  3  no member could be reached");
  });

  test.for<[string, string[], string]>([
    ["nothing at all", [], "Usage: muster"],
    ["a group without a command", ["znode"], "Usage: muster znode"],
    ["an unknown command, with the one meant", ["serve"], "muster: unknown command 'serve'\n(Did you mean server?)"],
    ["an unknown option", ["version", "--nope"], "muster: unknown option '--nope'"],
    ["a missing argument", ["znode", "get"], "muster: missing required argument 'path'"],
    ["too many arguments", ["znode", "get", "/a", "/b"], "muster: too many arguments"],
    ["a shell that is not known", ["completion", "tcsh"], "Allowed choices are bash, zsh, fish"],
    [
      "an output format that is none",
      ["znode", "get", "/a", "-o", "xml"],
      'muster: -o: "xml" is not an output format; write table or json',
    ],
    [
      "an option of the server",
      ["server", "--id", "x"],
      'muster: --id: "x" is not a whole number; write a whole number from 1 to 255',
    ],
    ["an ensemble of two", ["dev", "--members", "2"], "Allowed choices are 1, 3, 5, 7"],
    [
      "what several members cannot share",
      ["dev", "--members", "3", "--id", "2"],
      "muster: --id: is each member's own, and --members 3 sets it; leave it out",
    ],
    [
      "a contradiction",
      ["znode", "delete", "/a", "-r", "--version", "1"],
      "muster: --version: says nothing of what is below",
    ],
    [
      "two kinds of znode at once",
      ["znode", "create", "/a", "-e", "-c"],
      "muster: --ephemeral, --container and --ttl: a znode is one of these",
    ],
    ["a file that is not there", ["znode", "import", "/nowhere/x"], "muster: /nowhere/x: cannot be read: ENOENT"],
    ["a secret without a scheme", ["znode", "get", "/a", "--auth", "hunter2"], "muster: --auth: is not scheme:secret"],
  ])("2 for %s", async ([, args, message]) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n {4}at |hunter2/);
  });

  test("3 when no member can be reached, said in one line", async () => {
    const endpoint = `127.0.0.1:${await freePort()}`;
    const flags = ["--timeout", "300ms", "--endpoints", endpoint];
    for (const args of [
      ["znode", "get", "/a", ...flags],
      ["ensemble", "status", ...flags],
    ]) {
      const { code, stdout, stderr } = await run(args);
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(stderr).toMatch(/^muster: cannot reach a member at [^\n]*\n$/);
    }
  });
});

test("version is one line, or JSON", async () => {
  expect((await run(["version"])).stdout).toMatch(/^muster \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+\)\n$/);
  expect(JSON.parse((await run(["version", "-o", "json"])).stdout)).toEqual({
    version: expect.stringMatching(/^\d/),
    node: process.versions.node,
  });
});

test("data from standard input beyond what a znode holds is refused before anything is asked", async () => {
  const { code, stderr } = await run(["znode", "set", "/a", "-"], {}, "x".repeat(2 ** 20 + 1));
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "muster: standard input: is more than the 1048576 bytes a znode may hold; store less, or split it\n",
  });
});
