import { resolve } from "node:path";
import type { Command } from "commander";
import { formatZxid } from "../../core/base/zxid.ts";
import type { RecoveredEnsemble, RecoveryPlan } from "../../server/recover-ensemble.ts";
import { CliError, usageError } from "../cli-error.ts";
import { confirmByTyping } from "../confirm.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, formatPairs, type OutputFormat, parseOutput, printable } from "../output.ts";

interface RecoverFlags {
  readonly dataDir: string;
  readonly force?: true;
  readonly yes?: true;
  readonly output: OutputFormat;
}

export function register(group: Command, io: CliIo): void {
  group
    .command("recover")
    .description("Make an ensemble of one from a stopped member whose quorum is lost for good. Loses data.")
    .requiredOption("--data-dir <path>", "the member's own directory, with muster.json in it")
    .option("--force", "really do it; without it only what would be done is shown")
    .option("--yes", "do not ask for the confirmation to be typed")
    .option("-o, --output <format>", "table, for people, or json", parseOutput, "table")
    .addHelpText(
      "after",
      "\nThe last resort: as long as a quorum of the members can be started again, start them instead.\n" +
        "Choose the member whose last zxid is the highest: muster verify shows it. Of the others, whichever had\n" +
        "more is lost. Afterwards start this member alone; empty the others' data directories, and add them anew.",
    )
    .action(async (flags: RecoverFlags) => {
      const { recoverEnsemble } = await import("../../server/recover-ensemble.ts");
      const directory = resolve(io.cwd, flags.dataDir);
      const recovered = await recoverEnsemble(directory, (plan) => confirm(io, flags, plan)).catch(explain);
      if (recovered === undefined) throw usageError("not confirmed: nothing was done");
      await write(
        io.stdout,
        flags.output === "json" ? formatJson(recoveredToJson(recovered)) : recoveredToText(recovered),
      );
    });
}

async function confirm(io: CliIo, flags: RecoverFlags, plan: RecoveryPlan): Promise<boolean> {
  if (flags.force !== true) {
    await write(io.stdout, flags.output === "json" ? formatJson(planToJson(plan)) : planToText(plan));
    throw usageError("nothing was done; add --force to recover this member");
  }
  io.stderr.write(planToText(plan));
  return flags.yes === true || (await confirmByTyping(io, phraseOf(plan)));
}

/** What has to be typed. */
function phraseOf({ memberId }: RecoveryPlan): string {
  return `recover member ${memberId}`;
}

export function planToText(plan: RecoveryPlan): string {
  const { lastZxid, currentEpoch, acceptedEpoch, newEpoch, otherMembers, znodes, sessions, findings } = plan;
  const others = otherMembers.join(", ");
  const pairs = formatPairs([
    ["member", plan.memberId],
    ["ensemble", plan.ensembleId],
    ["last zxid", formatZxid(lastZxid)],
    ["epoch", `${currentEpoch}, promised ${acceptedEpoch}, then ${newEpoch}`],
    ["kept", `${znodes} znodes, ${sessions} sessions, as of the last zxid, committed or not`],
    ["lost", `every change above ${formatZxid(lastZxid)} that other members had, acknowledged ones, too`],
    ["out", `members ${others}: they can only come back with empty data directories`],
    ["clients", "their sessions end: they belong to the old ensemble"],
  ]);
  return pairs + findings.map((finding) => `uncertain: ${printable(finding)}\n`).join("");
}

function planToJson(plan: RecoveryPlan): object {
  return { ...plan, lastZxid: formatZxid(plan.lastZxid) };
}

function recoveredToJson(recovered: RecoveredEnsemble): object {
  return { ...planToJson(recovered), recovered: true };
}

function recoveredToText({ memberId, directory, newEnsembleId }: RecoveredEnsemble): string {
  const start = printable(`muster server --id ${memberId} --data-dir ${directory}`);
  return `member ${memberId} is the ensemble ${newEnsembleId}; start it alone, without --ensemble:\n  ${start}\n`;
}

const directoryErrors = new Set([
  "RecoveryError",
  "DataDirError",
  "JournalDamagedError",
  "SnapshotError",
  "SnapshotChoiceError",
]);

/** What is wrong with the directory is the user's to read; a defect stays one. */
function explain(error: unknown): never {
  if (error instanceof Error && directoryErrors.has(error.name)) throw new CliError(error.message);
  throw error;
}
