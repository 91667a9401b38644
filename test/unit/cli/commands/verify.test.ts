import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reportToJson, reportToText } from "../../../../src/cli/commands/verify.ts";
import type { VerifyReport } from "../../../../src/storage/verify.ts";
import { run } from "../captured-io.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "muster-verify-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("a directory that is not there is an error that names it and the fix", async () => {
  const { code, stdout, stderr } = await run(["verify", join(home, "gone")]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(stdout).toContain(`error: ${join(home, "gone")}: broken rule: the data directory exists; name the directory`);
});

test("an empty directory is no data directory, and stays empty", async () => {
  const { code, stdout } = await run(["verify", home, "-o", "json"]);
  expect(code).toBe(1);
  const report = JSON.parse(stdout) as { ok: boolean; directory: string; findings: object[] };
  expect(report).toMatchObject({ ok: false, directory: home });
  expect(report.findings.length).toBeGreaterThan(0);
  expect(readdirSync(home)).toEqual([]);
});

const sound: VerifyReport = {
  directory: "/d",
  findings: [],
  identity: undefined,
  snapshot: undefined,
  journal: { segments: 1, records: 3, lastZxid: 2 ** 32 + 2 },
  state: { zxid: 2 ** 32 + 2, digest: [10, 255] },
};

test("a sound directory says what was looked at and how far it replays", () => {
  expect(reportToText(sound)).toBe(
    "snapshot  none\njournal   3 records, segments: 1, up to zxid 0x100000002\n" +
      "state     loads and replays to zxid 0x100000002\n/d: sound\n",
  );
  expect(reportToJson(sound)).toMatchObject({ ok: true, state: { zxid: "0x100000002", digest: ["a", "ff"] } });
});

test("a warning does not make a directory unsound; an error is counted", () => {
  const warning = { severity: "warning", file: "/d/x", where: "", rule: "r", fix: "f" } as const;
  expect(reportToText({ ...sound, findings: [warning] })).toMatch(/warning: \/d\/x: broken rule: r; f\n\/d: sound\n$/);
  const error = { ...warning, severity: "error", where: "offset 5" } as const;
  const text = reportToText({ ...sound, findings: [warning, error] });
  expect(text).toMatch(/error: \/d\/x, offset 5: broken rule: r; f\n\/d: 1 error\n$/);
  expect(reportToJson({ ...sound, findings: [error] })).toMatchObject({ ok: false });
});
