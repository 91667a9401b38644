import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { openDataDir } from "../../../../src/storage/data-dir.ts";
import { openJournal } from "../../../../src/storage/journal/journal.ts";
import { run } from "../captured-io.ts";

let directory: string;

/** The directory of member 2 of two, which has nothing but its configuration. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "muster-recover-"));
  const dataDir = await openDataDir(directory, { memberId: 2 });
  const { journal } = await openJournal(
    { directory: dataDir.journalDirectory },
    { onDurable: () => undefined, onSpaceChange: () => undefined, onFatal: (error) => expect.unreachable(`${error}`) },
  );
  const member = { role: "voter", weight: 1, group: 0 } as const;
  const members = [
    { ...member, id: 1, incarnation: "1", peerAddress: "a:1" },
    { ...member, id: 2, incarnation: dataDir.identity.incarnation, peerAddress: "b:1" },
  ];
  const body = encodeConfiguration({ ensembleId: "ab".repeat(16), members });
  journal.append({ type: recordType.CONFIGURATION, firstZxid: 0, lastZxid: 0, body });
  await journal.close();
  dataDir.close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const identity = () => readFileSync(join(directory, "muster.json"), "utf8");
const recover = (args: string[], stdin = "", terminal = false) =>
  run(["ensemble", "recover", "--data-dir", directory, ...args], {}, stdin, terminal);

describe("recover", () => {
  test("without --force shows what would be lost, and does nothing", async () => {
    const before = identity();
    const { code, stdout, stderr } = await recover(["--yes"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "muster: nothing was done; add --force to recover this member\n",
    });
    for (const part of ["last zxid  0x0", "members 1:", "acknowledged ones, too"]) expect(stdout).toContain(part);
    const json = JSON.parse((await recover(["-o", "json"])).stdout);
    expect(json).toMatchObject({ memberId: 2, ensembleId: "ab".repeat(16), lastZxid: "0x0", otherMembers: [1] });
    expect(identity()).toBe(before);
  });

  test.for([
    ["something else", "yes\n", true, "not confirmed: nothing was done"],
    ["nothing", "", true, "not confirmed: nothing was done"],
    ["nothing where nobody can be asked", "recover member 2\n", false, "add --yes"],
  ] as const)("with --force and %s typed does nothing", async ([, stdin, terminal, message]) => {
    const before = identity();
    const { code, stderr } = await recover(["--force"], stdin, terminal);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(identity()).toBe(before);
  });

  test.for([
    ["the phrase typed", ["--force"], "recover member 2\n", true],
    ["--yes", ["--force", "--yes"], "", false],
  ] as const)("with --force and %s recovers, and says how to go on", async ([, args, stdin, terminal]) => {
    const before = identity();
    const { code, stdout, stderr } = await recover([...args], stdin, terminal);
    expect(code).toBe(0);
    expect(stderr).toContain("members 1:");
    expect(stdout).toMatch(
      /^member 2 is the ensemble [0-9a-f]{32}; start it alone, without --ensemble:\n {2}muster server /,
    );
    expect(identity()).not.toBe(before);
    const again = await recover(["--force", "--yes"]);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^muster: member 2 is a quorum by itself[^\n]*\n$/);
  });

  test("as JSON", async () => {
    const { stdout } = await recover(["--force", "--yes", "-o", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({ recovered: true, memberId: 2, otherMembers: [1] });
  });
});
