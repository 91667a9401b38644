import { resolve } from "node:path";
import type { Command } from "commander";
import { formatZxid } from "../../core/base/zxid.ts";
import type { VerifyReport } from "../../storage/verify.ts";
import type { VerifyFinding } from "../../storage/verify-finding.ts";
import { exitCode } from "../exit-codes.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, type OutputFormat, parseOutput, printable } from "../output.ts";

export function register(program: Command, io: CliIo): void {
  program
    .command("verify")
    .description("Check the data directory of a stopped member: every record, row and checksum. Changes nothing.")
    .argument("<data-dir>", "the member's own directory, with muster.json in it")
    .option("-o, --output <format>", "table, for people, or json", parseOutput, "table")
    .addHelpText(
      "after",
      "\nThe exit code is 1 when there is an error: a member would not start on it, or show wrong data.",
    )
    .action(async (directory: string, { output }: { output: OutputFormat }) => {
      const { verifyDataDir } = await import("../../storage/verify.ts");
      const { loadVerifiedState } = await import("../../server/verify-state.ts");
      const report = await verifyDataDir(resolve(io.cwd, directory), { loadState: loadVerifiedState });
      await write(io.stdout, output === "json" ? formatJson(reportToJson(report)) : reportToText(report));
      if (!isSound(report)) io.exitCode = exitCode.FAILED;
    });
}

function isSound(report: VerifyReport): boolean {
  return report.findings.every(({ severity }) => severity !== "error");
}

export function reportToJson({ directory, findings, identity, snapshot, journal, state }: VerifyReport): object {
  return {
    directory,
    ok: findings.every(({ severity }) => severity !== "error"),
    findings,
    identity,
    snapshot: snapshot && { file: snapshot.file, zxid: snapshot.meta && formatZxid(snapshot.meta.zxid) },
    journal: journal && { ...journal, lastZxid: formatZxid(journal.lastZxid) },
    state: state && { zxid: formatZxid(state.zxid), digest: state.digest.map((lane) => lane.toString(16)) },
  };
}

/** What was looked at, then each finding: file, place, rule, and what to do. */
export function reportToText(report: VerifyReport): string {
  const upTo = formatZxid(report.journal?.lastZxid ?? 0);
  const { directory, findings, snapshot, journal, state } = report;
  const at = snapshot?.meta === undefined ? "" : ` of zxid ${formatZxid(snapshot.meta.zxid)}`;
  const lines = [
    snapshot === undefined ? "snapshot  none" : `snapshot  ${snapshot.file}${at}`,
    journal === undefined
      ? "journal   not read"
      : `journal   ${journal.records} records, segments: ${journal.segments}, up to zxid ${upTo}`,
  ];
  if (state !== undefined) lines.push(`state     loads and replays to zxid ${formatZxid(state.zxid)}`);
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const verdict = `${directory}: ${errors === 0 ? "sound" : `${errors} error${errors === 1 ? "" : "s"}`}`;
  return `${[...lines, ...findings.map(findingText), verdict].map(printable).join("\n")}\n`;
}

function findingText({ severity, file, where, rule, fix }: VerifyFinding): string {
  return `${severity}: ${file}${where === "" ? "" : `, ${where}`}: broken rule: ${rule}; ${fix}`;
}
