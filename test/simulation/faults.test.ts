import { expect, it } from "vitest";
import { examineSeed } from "./failure.ts";
import { ensembleFaults, type Fault, faults } from "./faults.ts";
import { runWorld } from "./world-run.ts";

/** Seeds until one has to notice. */
const SEEDS = 500;
const PATIENCE_MS = 240_000;
const ENSEMBLE = 3;

/** The rules by which each defect may be noticed; what fails by itself fails "nothing fails". */
const noticedBy: Record<Fault, readonly string[]> = {
  "acknowledge-before-sync": [
    "core.md 23: committed is what a quorum has on disk",
    "a leader is established by a quorum's disks",
  ],
  "forget-epochs": ["a leader is established by a quorum's disks"],
  "lose-events": [
    "core.md 14: events before what reveals them",
    "core.md 14: events as they happened",
    "core.md 17: a resumed watch misses nothing",
  ],
  "forget-requests": ["the digest is that of the whole history", "answers are the model's"],
  "lose-snapshot-rows": ["nothing fails"],
  "lying-disk": ["what was synced is there again, and nothing from nowhere", "nothing fails"],
  "impatient-leader": ["core.md 11: no session expires before its time"],
  "overtaking-answers": ["core.md 14: requests are answered in order"],
  "prune-too-early": ["nothing fails"],
  "enter-epoch-unsynced": ["a leader is established by a quorum's disks"],
  "skip-promise": ["core.md 19: the epoch entered is the one promised"],
  "commit-alone": ["core.md 23: committed is what a quorum has on disk"],
  "instant-barrier": ["core.md 16: a read is as fresh as asked"],
  "keep-tail": [
    "nothing fails",
    "ProcessConsistency: a synchronised log is a prefix of the leader's",
    "logs that share an entry share what is before it",
  ],
  "swallow-truncation": [
    "what was synced is there again, and nothing from nowhere",
    "the digest is that of the whole history",
    "nothing fails",
  ],
  "keep-incarnation": [
    "LeaderLogCompleteness: a leader has all that is committed",
    "core.md 19: an epoch is promised to one leader, and no earlier one after it",
    "a zxid means one batch for ever",
    "Leadership1 and 2: one leader per epoch",
    "PrimaryIntegrity: a primary has what was delivered of earlier epochs",
  ],
  "cut-at-hole": ["what was synced is there again, and nothing from nowhere"],
};

it.each(faults)("the checker notices %s", { timeout: PATIENCE_MS }, (fault) => {
  const members = ensembleFaults.includes(fault) ? ENSEMBLE : 1;
  let rule: string | undefined;
  for (let seed = 1; seed <= SEEDS && rule === undefined; seed++) {
    rule = runWorld({ seed, fault, members }).violation?.rule;
  }
  expect(noticedBy[fault]).toContain(rule);
});

it("a failure names the seed and the rule, shows how it came, and how to see it again", () => {
  const text = examineSeed({ seed: 1, fault: "overtaking-answers" });
  expect(text).toMatch(/^seed 1 breaks "core\.md 14: requests are answered in order"\n/);
  expect(text).toMatch(/\nagain: npm run simulate -- --seed 1 .*--fault overtaking-answers$/);
  expect(text?.split("\n").length).toBeLessThan(80);
});
