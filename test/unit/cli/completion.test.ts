import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { completionScript, shells } from "../../../src/cli/completion-script.ts";
import type { MemberInfo } from "../../../src/coordination/port.ts";
import { startDoor } from "../api/grpc/door-fixture.ts";
import { run } from "./captured-io.ts";

async function candidates(...words: string[]): Promise<string[]> {
  const { code, stdout } = await run(["__complete", "--", ...words], { MUSTER_ENDPOINTS: "127.0.0.1:1" });
  expect(code).toBe(0);
  return stdout.split("\n").slice(0, -1);
}

test.for<[string[], string[]]>([
  [["zn"], ["znode"]],
  [
    ["znode", "s"],
    ["set", "stat"],
  ],
  [
    ["ensemble", ""],
    ["add", "change", "demote", "help", "promote", "recover", "remove", "status", "transfer-leadership"],
  ],
  [["znode", "get", "--o"], ["--output"]],
  [
    ["znode", "watch", "/a", "--mode", "persistent"],
    ["persistent-recursive", "persistent"],
  ],
  [["completion", "z"], ["zsh"]],
  [["server", "--log-f"], ["--log-format"]],
  [["znode", "get", "--endpoints", "x:1", "--ti"], ["--timeout"]],
  [["znode", "get", "--endpoints=x:1", "--ti"], ["--timeout"]],
  [["znode", "get", ""], ["/"]],
  [["znode", "import", "x"], []],
  [["znode", "get", "--", "--o"], []],
])("completing %j", async ([words, expected]) => {
  expect(await candidates(...words)).toEqual(expected);
});

test("hidden commands are not offered", async () => {
  expect(await candidates("")).not.toContain("__complete");
  expect(await candidates("__")).toEqual([]);
});

test("without a member, a path has no candidates and no error", async () => {
  expect(await candidates("znode", "get", "/a")).toEqual([]);
});

test("an id is completed to those of members, for add to those that wait to join", async () => {
  const { address, port } = await startDoor();
  const { status } = port;
  port.status = () => {
    const known = status.call(port);
    const [first] = known.members as [MemberInfo];
    const joiner: MemberInfo = { ...first, id: 12, votingRole: "joining" };
    return { ...known, members: [first, { ...first, id: 22 }, joiner] };
  };
  const at = ["--endpoints", address];
  expect(await candidates("ensemble", "remove", ...at, "")).toEqual(["1", "22"]);
  expect(await candidates("ensemble", "remove", ...at, "2")).toEqual(["22"]);
  expect(await candidates("ensemble", "transfer-leadership", ...at, "--to", "")).toEqual(["1", "22"]);
  expect(await candidates("ensemble", "add", ...at, "")).toEqual(["12"]);
  expect(await candidates("ensemble", "remove", "")).toEqual([]);
});

test("each shell's script is printed by `completion`", async () => {
  for (const shell of shells) expect((await run(["completion", shell])).stdout).toBe(completionScript(shell));
});

test("bash loads the script and completes with what the program says", () => {
  const program = `
    muster() { printf '%s\\n' "$@" >&2; printf 'znode\\nzoo/\\n'; }
    ${completionScript("bash")}
    COMP_WORDS=(muster z); COMP_CWORD=1
    _muster
    printf '%s|' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", program], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "znode|zoo/|", stderr: "" });
});
