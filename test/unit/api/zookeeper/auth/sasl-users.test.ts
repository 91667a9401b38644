import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  HASHED_SECRET_BYTES,
  openSaslUsers,
  parseSaslUsers,
  SaslUsersError,
} from "../../../../../src/api/zookeeper/auth/sasl-users.ts";

function md5(...parts: readonly Buffer[]): Buffer {
  return createHash("md5").update(Buffer.concat(parts)).digest();
}

describe("the users of a text", () => {
  it("are those of its lines, in either way of writing them, whatever its line ends", () => {
    const users = parseSaslUsers('# who\r\n\r\nbob=secret\r\n  user_carol="other";\r\n', "users");
    expect(users.count).toBe(2);
    expect(users.secretsOf("bob", true)).toEqual([md5(Buffer.from("bob:zk-sasl-md5:secret"))]);
    expect(users.secretsOf("carol", false)).toEqual([md5(Buffer.from("carol:zk-sasl-md5:other"))]);
    expect([users.secretsOf("dave", false), users.secretsOf("Bob", true)]).toEqual([[], []]);
    expect(users.secretsOf("bob", true)[0]).toHaveLength(HASHED_SECRET_BYTES);
  });

  it("RFC 2831, 2.1.2.1: are hashed in ISO 8859-1 where that can be, each part for itself; and in UTF-8 too", () => {
    const users = parseSaslUsers("é=ü\né€=ü\nbob=€", "users");
    const [realm, latin1, utf8] = [Buffer.from(":zk-sasl-md5:"), "latin1", "utf8"] as const;
    const first = md5(Buffer.from("é", latin1), realm, Buffer.from("ü", latin1));
    expect(users.secretsOf("é", true)).toEqual([first]);
    expect(users.secretsOf("é", false)).toEqual([first, md5(Buffer.from("é", utf8), realm, Buffer.from("ü", utf8))]);
    expect(users.secretsOf("é€", true)).toEqual([md5(Buffer.from("é€", utf8), realm, Buffer.from("ü", latin1))]);
    expect(users.secretsOf("bob", false)).toEqual([md5(Buffer.from("bob"), realm, Buffer.from("€", utf8))]);
  });

  it("are kept without their passwords", () => {
    const users = parseSaslUsers("bob=secret-of-bob", "users");
    expect(JSON.stringify([users, users.secretsOf("bob", false)])).not.toContain("secret-of-bob");
  });

  it.each([
    ["bob=x\n\nbob=y", "users, line 3: user bob is in line 1 already; remove one of them"],
    ['bob=x\nuser_bob="y"', "users, line 2: user bob is in line 1 already; remove one of them"],
    ["# nobody\n", "users: has no user; write a line user=password, or leave the option out"],
    ["\n\nbob", "users, line 3: is not user=password; write both, or begin a comment with #"],
    [
      Array.from({ length: 10_001 }, (_, at) => `u${at}=x`).join("\n"),
      "users, line 10001: is beyond 10000 users; remove those that are not needed",
    ],
  ])("are refused with file, line and fix", (text, message) => {
    expect(() => parseSaslUsers(text, "users")).toThrow(new SaslUsersError(message));
  });
});

describe("a users file", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sasl-users-"));
    file = join(folder, "users");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(content: string | Uint8Array, mode = 0o600): void {
    writeFileSync(file, content);
    chmodSync(file, mode);
  }

  function refusal(): string {
    try {
      openSaslUsers(file);
    } catch (error) {
      if (error instanceof SaslUsersError) return error.message;
      throw error;
    }
    return "it was taken";
  }

  it("is read, and read again on demand", () => {
    write("\ufeffbob=secret\n");
    const opened = openSaslUsers(file);
    const before = opened.users;
    expect(before.secretsOf("bob", true)).toHaveLength(1);
    write("carol=other\n", 0o400);
    expect(opened.users).toBe(before);
    opened.reload();
    expect([opened.users.count, opened.users.secretsOf("bob", true).length]).toEqual([1, 0]);
    expect(before.secretsOf("bob", true)).toHaveLength(1);
  });

  it("keeps the users it had where a reload fails", () => {
    write("bob=secret\n");
    const opened = openSaslUsers(file);
    const before = opened.users;
    for (const spoil of [() => write("bob"), () => write("bob=new", 0o644), () => rmSync(file)]) {
      spoil();
      expect(() => opened.reload()).toThrow(SaslUsersError);
      expect(opened.users).toBe(before);
    }
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o777])("is refused with mode %o", (mode) => {
    write("bob=secret\n", mode);
    const octal = `0${mode.toString(8)}`;
    expect(refusal()).toBe(`${file}: is open to other users (mode ${octal}); run: chmod 600 ${file}`);
  });

  it("is refused where it is none, not there, not text, or too large", () => {
    expect(refusal()).toBe(`${file}: does not exist; create it with mode 0600, a line user=password for each user`);
    write(Uint8Array.of(0x62, 0x3d, 0xff));
    expect(refusal()).toBe(`${file}: is not UTF-8; save it as UTF-8`);
    write(`#${"x".repeat(1024 * 1024)}`);
    expect(refusal()).toBe(`${file}: is larger than 1048576 bytes; shorten it`);
    rmSync(file);
    mkdirSync(file);
    expect(refusal()).toBe(`${file}: is not a file; name a text file with a user per line`);
  });
});
