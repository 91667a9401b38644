import type { WorldOptions } from "./ensemble/ensemble-world.ts";
import { playSeed } from "./seed-report.ts";

// Begun by `seed-processes.ts`: plays what it is told to, one seed after the other, until it is not needed any more.
process.on("message", (options: WorldOptions) => process.send?.(playSeed(options)));
