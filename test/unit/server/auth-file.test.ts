import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AuthFileError, parseAuthFile, readAuthFile } from "../../../src/server/auth-file.ts";
import { newListedToken } from "../../../src/server/listed-token.ts";

const hash = "a".repeat(64);
const entry = (lines: readonly string[]) => `principals:\n  - ${lines.join("\n    ")}\n`;

describe("products.md 1: the file of principals", () => {
  test("takes what `token create --offline` prints", () => {
    const made = newListedToken({ name: "ci", verbs: ["read", "edit"], spaces: ["shop"], ttlMs: 60_000 });
    if ("problem" in made) throw new Error(made.problem);
    const { tokens } = parseAuthFile(`principals:\n${made.entry}`, "p.yaml");
    expect(tokens.get(made.id)).toMatchObject({ name: "ci", grants: [{ verbs: ["read", "edit"], spaces: ["shop"] }] });
    expect(made.entry).not.toContain(made.secret.slice(-43));
  });

  test("refuses names, verbs and spaces before a token is made of them", () => {
    const good = { name: "ci", verbs: ["read"], spaces: ["*"], ttlMs: undefined };
    expect(newListedToken({ ...good, name: "super" })).toMatchObject({ problem: expect.stringMatching(/^<name>: /) });
    expect(newListedToken({ ...good, verbs: ["fly"] })).toMatchObject({ problem: expect.stringMatching(/^--verbs: /) });
    expect(newListedToken({ ...good, spaces: [""] })).toMatchObject({ problem: expect.stringMatching(/^--spaces: /) });
  });

  test.for([
    ["no YAML", "principals: [", "is not valid YAML"],
    ["nothing", "", "has no list of principals; write a line `principals:`"],
    ["no mapping", "principals: [7]", "principals[0]: is not a mapping"],
    ["a key nobody knows", entry(["name: a", "role: x"]), "role: is not known; the keys are name, token"],
    ["no name", entry(["verbs: [read]"]), "name: is no name"],
    ["a verb that is none", entry(["name: a", "verbs: [fly]"]), 'verbs: has "fly", which is no verb'],
    ["no proof", entry(["name: a", "verbs: [read]"]), "token: is not the public id of a token"],
    ["no hash", entry(["name: a", "verbs: [read]", 'token: "0123456789abcdef"']), "sha256: is not a hash"],
    [
      "an end that is no time",
      entry(["name: a", "verbs: [read]", 'token: "0123456789abcdef"', `sha256: ${hash}`, "expires: soon"]),
      "expires: is no date; write for example 2030-01-31T00:00:00Z",
    ],
    [
      "two proofs",
      entry(["name: a", "verbs: [read]", 'token: "0123456789abcdef"', "certificate: CN=a"]),
      "has a certificate and a token",
    ],
    ["an alias bomb", "a: &a [x]\nprincipals: [*a, *a]", "cannot be used"],
  ] as const)("names the entry, the rule and the fix of %s", ([, text, message]) => {
    expect(() => parseAuthFile(text, "p.yaml")).toThrow(AuthFileError);
    expect(() => parseAuthFile(text, "p.yaml")).toThrow(`p.yaml: `);
    expect(() => parseAuthFile(text, "p.yaml")).toThrow(message);
  });

  test("lists nobody twice", () => {
    const one = ["name: a", "verbs: [read]", 'token: "0123456789abcdef"', `sha256: ${hash}`];
    const text = `${entry(one)}${entry(one).replace("principals:\n", "")}`;
    expect(() => parseAuthFile(text, "p.yaml")).toThrow("principals[1]: lists the token 0123456789abcdef twice");
  });
});

describe("on disk", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "muster-auth-file-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("a file that others may change, or that is not there, is refused with what to do", () => {
    const file = join(folder, "p.yaml");
    expect(() => readAuthFile(file)).toThrow(`${file}: does not exist; create it, or leave the option out`);
    writeFileSync(file, "principals: []\n");
    chmodSync(file, 0o644);
    expect(readAuthFile(file).tokens.size).toBe(0);
    chmodSync(file, 0o664);
    expect(() => readAuthFile(file)).toThrow(`run: chmod go-w ${file}`);
  });
});
