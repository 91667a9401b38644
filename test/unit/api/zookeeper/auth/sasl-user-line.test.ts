import { describe, expect, it } from "vitest";
import { parseSaslUserLine } from "../../../../../src/api/zookeeper/auth/sasl-user-line.ts";

describe("a line of a users file", () => {
  it.each([
    ["bob=secret", "bob", "secret"],
    ["  bob = secret  ", "bob", "secret"],
    ["bob=pass=word//x", "bob", "pass=word//x"],
    ['bob="pass word # \\" \\\\ ;"', "bob", 'pass word # " \\ ;'],
    ['bob="x" # a comment', "bob", "x"],
    ['bob="x"// a comment', "bob", "x"],
    ['"bob smith"="x"', "bob smith", "x"],
    ["bob/host@REALM=x", "bob/host@REALM", "x"],
    ["jürgen=pässwört", "jürgen", "pässwört"],
    ['       user_bob="secret"', "bob", "secret"],
    ['user_bob="secret";', "bob", "secret"],
    ['"user_bob@realm"="secret" ; // the last', "bob@realm", "secret"],
    ["user_bob=secret", "bob", "secret"],
    ["user_user_bob=secret", "user_bob", "secret"],
  ])("%j: %s with %j", (line, name, password) => expect(parseSaslUserLine(line)).toEqual({ name, password }));

  it.each(["", "   ", "# bob=secret", "  // bob=secret", "#"])("%j is nothing", (line) => {
    expect(parseSaslUserLine(line)).toBeUndefined();
  });

  it.each([
    ["bob", "is not user=password; write both"],
    ["=secret", "has no user before the =; write"],
    ["bob=", "has no password after the =; write"],
    ["bob= ;", "has no password after the =; write"],
    ['bob=""', "user bob has an empty password, with which anyone could come in; give it one"],
    ["user_=secret", "has no user name; write"],
    ['""=secret', "has no user name; write"],
    ["bob=secret word", "put the password in double quotes"],
    ["bob=secret #word", "put the password in double quotes"],
    ["bob=secret#word", "put the password in double quotes"],
    ["bob=secret;", "put the password in double quotes"],
    ["bob=sec\\ret", "put the password in double quotes"],
    ['bob="secret', "put the password in double quotes"],
    ['bob="secret"word', "put the password in double quotes"],
    ['bob="sec\\ret"', "double the backslash"],
    ['"b\\ob"=secret', "double the backslash"],
    ["a@b@c=secret", "user a@b@c is no name for an ACL; write a name without @"],
    ["a/b/c@d=secret", "is no name for an ACL"],
    ['"a\u0001b"=secret', "control character; remove it"],
    [`${"n".repeat(1025)}=secret`, "more than 1024 bytes; shorten it"],
    ["Server {", "is the frame of a JAAS section; keep only"],
    ["org.apache.zookeeper.server.auth.DigestLoginModule required", "is the frame of a JAAS section"],
    ["};", "is the frame of a JAAS section"],
  ])("%j is refused without telling the password: %s", (line, fault) => {
    const message = parseSaslUserLine(line);
    expect(message).toEqual(expect.stringContaining(fault));
    expect(message).not.toMatch(/secret|sec\\/);
  });

  it("takes the longest name", () => {
    const name = "n".repeat(1024);
    expect(parseSaslUserLine(`${name}=x`)).toEqual({ name, password: "x" });
  });
});
