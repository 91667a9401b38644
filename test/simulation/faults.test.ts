import { expect, it } from "vitest";
import { examineSeed } from "./failure.ts";
import { type Fault, faults } from "./faults.ts";
import { runWorld } from "./world-run.ts";

/** Seeds until one has to notice. */
const SEEDS = 30;
const PATIENCE_MS = 60_000;

/** The rules by which each defect may be noticed; what fails by itself fails "nothing fails". */
const noticedBy: Record<Fault, readonly string[]> = {
  "acknowledge-before-sync": ["nothing acknowledged is lost"],
  "forget-epochs": ["an epoch is led once", "a zxid means one command"],
  "lose-events": ["core.md 14: events before what reveals them", "core.md 14: events as they happened"],
  "forget-requests": ["the digest is that of the whole history", "answers are the model's"],
  "lose-snapshot-rows": ["nothing fails"],
  "lying-disk": ["nothing acknowledged is lost"],
  "impatient-leader": ["core.md 11: no session expires before its time"],
  "overtaking-answers": ["core.md 14: requests are answered in order"],
  "prune-too-early": ["nothing fails"],
};

it.each(faults)("the checker notices %s", { timeout: PATIENCE_MS }, (fault) => {
  let rule: string | undefined;
  for (let seed = 1; seed <= SEEDS && rule === undefined; seed++) rule = runWorld({ seed, fault }).violation?.rule;
  expect(noticedBy[fault]).toContain(rule);
});

it("a failure names the seed and the rule, shows how it came, and how to see it again", () => {
  const text = examineSeed({ seed: 1, fault: "overtaking-answers" });
  expect(text).toMatch(/^seed 1 breaks "core\.md 14: requests are answered in order"\n/);
  expect(text).toMatch(/\nagain: npm run simulate -- --seed 1 .*--fault overtaking-answers$/);
  expect(text?.split("\n").length).toBeLessThan(80);
});
