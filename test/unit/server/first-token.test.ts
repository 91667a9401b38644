import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LocalCoordination } from "../../../src/coordination/local-coordination.ts";
import { provesToken, tokenIdOf } from "../../../src/products/floor/token.ts";
import type { TokenRecord } from "../../../src/products/floor/token-record.ts";
import { TokenStore } from "../../../src/products/floor/token-store.ts";
import { FIRST_TOKEN_FILE, needsFirstToken, provideFirstToken } from "../../../src/server/first-token.ts";
import type { Log } from "../../../src/server/logging.ts";
import { resolveOptions } from "../../../src/server/options.ts";
import { SoloMember } from "../../support/solo-member.ts";

let directory: string;
let solo: SoloMember;
let tokens: TokenStore;
let coordination: LocalCoordination;
let logged: unknown[];
beforeEach(() => {
  vi.useFakeTimers();
  directory = mkdtempSync(join(tmpdir(), "muster-first-token-"));
  solo = SoloMember.leading();
  coordination = new LocalCoordination(solo.member, (error) => {
    throw error;
  });
  tokens = new TokenStore(coordination);
  logged = [];
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

function provide(folder = directory): () => void {
  const say = (fields: object, message: string) => void logged.push({ ...fields, message });
  const log = { warn: say, error: say } as unknown as Log;
  return provideFirstToken({ directory: folder, tokens, coordination, log });
}

/** The next looks, each with what it asked for done. */
function look(times = 3): void {
  for (let i = 0; i < times; i++) {
    vi.advanceTimersByTime(250);
    solo.settle();
  }
}

function found(id: string): TokenRecord | undefined {
  let record: TokenRecord | undefined;
  tokens.find(id, (known) => {
    record = known;
  });
  return record;
}

test("products.md 1: the first token is in a file of its owner's, and the log says where alone", () => {
  const stop = provide();
  look();
  stop();
  const file = join(directory, FIRST_TOKEN_FILE);
  const text = readFileSync(file, "utf8").trim();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const record = found(tokenIdOf(text) ?? "");
  expect(record).toMatchObject({ name: "admin", createdBy: "first start" });
  expect(provesToken(text, record?.sha256 ?? "")).toBe(true);
  expect(logged).toEqual([{ file, message: expect.stringContaining("first token is in this file") }]);
  expect(JSON.stringify(logged)).not.toContain(text);
});

test("of several members one makes it, and a later start makes none", () => {
  const other = mkdtempSync(join(tmpdir(), "muster-first-token-"));
  const stops = [provide(), provide(other)];
  look();
  for (const stop of stops) stop();
  expect(logged).toHaveLength(1);
  const files = [directory, other].map((folder) => statSync(join(folder, FIRST_TOKEN_FILE), { throwIfNoEntry: false }));
  expect(files.filter((file) => file !== undefined)).toHaveLength(1);
  rmSync(other, { recursive: true, force: true });

  const file = join(directory, FIRST_TOKEN_FILE);
  writeFileSync(file, "kept\n");
  const stop = provide();
  look();
  stop();
  expect([readFileSync(file, "utf8"), logged.length]).toEqual(["kept\n", 1]);
});

test("where there are tokens already none is made", () => {
  const grants = [{ verbs: ["admin" as const], spaces: ["*"] }];
  const about = { sha256: "a".repeat(64), name: "a", createdMs: 1, createdBy: "anonymous", expiresMs: undefined };
  tokens.create({ id: "0123456789abcdef", grants, ...about }, () => undefined);
  solo.settle();
  const stop = provide();
  look();
  stop();
  expect(statSync(join(directory, FIRST_TOKEN_FILE), { throwIfNoEntry: false })).toBeUndefined();
});

test("it is for doors with TLS that others can reach, where no file says who is who", () => {
  const needs = (flags: Record<string, unknown>): boolean =>
    needsFirstToken(resolveOptions({ command: "server", flags, env: {}, cwd: directory, terminal: false }).options);
  const open = { grpcListen: "0.0.0.0:7400", tlsCert: "c", tlsKey: "k" };
  expect(needs(open)).toBe(true);
  expect(needs({})).toBe(false);
  expect(needs({ tlsCert: "c", tlsKey: "k" })).toBe(false);
  expect(needs({ ...open, authFile: "f" })).toBe(false);
  expect(needs({ ...open, insecure: true })).toBe(false);
});
