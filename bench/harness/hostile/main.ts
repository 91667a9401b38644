import type { Attack } from "./attack.ts";
import { connectBurst } from "./connect-burst.ts";
import { dribble, openSilent } from "./idle-connections.ts";
import { sendMutatedFrames } from "./send-mutated-frames.ts";

/** A hostile process: does what its argument says, tells its parent the outcome, and lives until it is killed. */
async function main(): Promise<void> {
  const attack: Attack = JSON.parse(process.argv[2] ?? "");
  const outcome = await launch(attack);
  process.send?.(outcome ?? {});
}

function launch(attack: Attack): Promise<unknown> {
  switch (attack.kind) {
    case "mutated-frames":
      return sendMutatedFrames(attack);
    case "burst":
      return connectBurst(attack);
    case "silent":
      return openSilent(attack);
    case "slow-loris":
      dribble(attack);
      return Promise.resolve();
  }
}

// Without the parent nobody ends this process.
process.on("disconnect", () => process.exit());
await main();
