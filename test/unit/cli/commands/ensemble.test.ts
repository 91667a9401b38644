import { beforeEach, describe, expect, test } from "vitest";
import type { ChangeOutcome } from "../../../../src/coordination/port.ts";
import { type Fixture, startDoor } from "../../api/grpc/door-fixture.ts";
import { run } from "../captured-io.ts";

let door: Fixture;
let asked: unknown[];
let outcome: ChangeOutcome;

beforeEach(async () => {
  door = await startDoor();
  asked = [];
  outcome = { reason: undefined, detail: "", zxid: 2 ** 32 + 9 };
  door.port.reconfigure = (change, done) => {
    asked.push(change);
    done(outcome);
  };
  door.port.transferLeadership = (to, done) => {
    asked.push(to);
    done(outcome);
  };
});

const ensemble = (...args: string[]) => run(["ensemble", ...args, "--endpoints", door.address, "--timeout", "5s"]);

describe("a change", () => {
  test.for<[string[], unknown, string]>([
    [["add", "4"], { kind: "add", id: 4, role: "voter" }, "added member 4 as voter\n"],
    [
      ["add", "5", "--role", "observer", "--peer", "h:7402", "--weight", "0", "--group", "2"],
      { kind: "add", id: 5, role: "observer", peerAddress: "h:7402", weight: 0, group: 2 },
      "added member 5 as observer\n",
    ],
    [["remove", "3"], { kind: "remove", id: 3 }, "removed member 3\n"],
    [["promote", "3"], { kind: "change", id: 3, role: "voter" }, "member 3 is a voter\n"],
    [["demote", "3"], { kind: "change", id: 3, role: "observer" }, "member 3 is an observer\n"],
    [
      ["change", "3", "--peer", "[::1]:7402"],
      { kind: "change", id: 3, peerAddress: "[::1]:7402" },
      "changed member 3\n",
    ],
    [["change", "3", "--weight", "0"], { kind: "change", id: 3, weight: 0 }, "changed member 3\n"],
    [["transfer-leadership", "--to", "2"], 2, "member 2 leads\n"],
    [["transfer-leadership"], 0, "another member leads\n"],
  ])("%j is asked and told", async ([args, change, words]) => {
    expect(await ensemble(...args)).toEqual({ code: 0, stdout: words, stderr: "" });
    expect(asked).toEqual([change]);
  });

  test("as JSON names what was done and the configuration now in force", async () => {
    const { stdout } = await ensemble("add", "4", "--weight", "2", "-o", "json");
    expect(JSON.parse(stdout)).toEqual({ added: 4, role: "voter", weight: 2, configurationZxid: "0x100000009" });
    expect(JSON.parse((await ensemble("remove", "4", "-o", "json")).stdout)).toMatchObject({ removed: 4 });
  });

  test("refused is 1, with what is in the way and the way out", async () => {
    outcome = { reason: "INVALID_CONFIGURATION", detail: "member 1 is the last voter", zxid: 0 };
    const { code, stdout, stderr } = await ensemble("remove", "1");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^muster: \[INVALID_CONFIGURATION\] [^\n]*: member 1 is the last voter\n$/);
  });

  test("without a quorum is 3", async () => {
    outcome = { reason: "NO_QUORUM", detail: "", zxid: 0 };
    expect((await ensemble("remove", "1")).code).toBe(3);
  });

  test("whose outcome is lost is 4", async () => {
    door.port.reconfigure = () => undefined;
    const { code, stderr } = await run(["ensemble", "remove", "1", "--endpoints", door.address, "--timeout", "200ms"]);
    expect(code).toBe(4);
    expect(stderr).toContain("look before you do it again");
  });

  test.for<[string[], string]>([
    [["add"], "missing required argument 'id'"],
    [["add", "0"], 'ID: "0" is out of range; write a whole number from 1 to 255'],
    [["add", "4", "--role", "king"], "Allowed choices are voter, observer"],
    [["add", "4", "--weight", "1001"], '--weight: "1001" is out of range'],
    [["add", "4", "--peer", "h"], '--peer: "h" has no port'],
    [["add", "4", "--peer", "h:0"], '--peer: "h:0" has port 0'],
    [["change", "4"], "names nothing to change; add --peer, --weight or --group"],
    [["transfer-leadership", "--to", "x"], '--to: "x" is not a whole number'],
    [["recover"], "required option '--data-dir <path>' not specified"],
  ])("%j is misuse", async ([args, message]) => {
    const { code, stdout, stderr } = await ensemble(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(asked).toEqual([]);
  });
});

test("status is of the member asked", async () => {
  const { code, stdout } = await ensemble("status");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ 1 {2}leader {2}voter {3}1 /m);
  expect(JSON.parse((await ensemble("status", "-o", "json")).stdout)).toMatchObject({
    members: [{ id: 1, asked: true, leaderId: 1 }],
  });
});
