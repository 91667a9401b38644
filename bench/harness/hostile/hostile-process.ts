import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Attack, AttackOutcomes } from "./attack.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

/** A process whose connections do harm, apart from this one so that it does not hold up those that measure. */
export class HostileProcess<Kind extends Attack["kind"] = Attack["kind"]> {
  /** What came of it; for one that goes on for ever, that it is under way. Rejects when it ends without a word. */
  readonly outcome: Promise<AttackOutcomes[Kind]>;
  private readonly child: ChildProcess;

  constructor(attack: Attack & { readonly kind: Kind }) {
    this.child = fork(MAIN, [JSON.stringify(attack)]);
    const ended = once(this.child, "exit").then(([code, signal]) => {
      throw new Error(`the hostile process of ${attack.kind} ended (${signal ?? code})`);
    });
    this.outcome = Promise.race([once(this.child, "message").then(([message]) => message), ended]);
    // Whether anybody waits for it or not.
    this.outcome.catch(() => {});
  }

  /** From now on it does nothing, and what it has open stays open. */
  freeze(): void {
    this.child.kill("SIGSTOP");
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}
