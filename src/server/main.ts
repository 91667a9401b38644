import { startMember } from "./compose.ts";
import { createLog } from "./logging.ts";
import { decodeOptions } from "./options-handover.ts";
import { linkToParent } from "./parent-link.ts";

/** The entry of a member's process: `muster server` and `muster dev` start it with its options as one argument. */
const options = decodeOptions(process.argv[2]);
const log = createLog({ level: options.logLevel, format: options.logFormat, memberId: options.id });

/** A broken invariant or a failed disk: never serve doubt. */
function die(error: unknown): never {
  log.fatal({ err: error }, "the member stops: it cannot go on safely");
  process.exit(1);
}
process.on("uncaughtException", die);
process.on("unhandledRejection", die);
// Whoever has files to read again listens besides; one that has none must not end of it.
process.on("SIGHUP", () => log.info("SIGHUP: what can be read again without a restart is"));

const starting = startMember(options, log, die);
let isServing = false;
const link = linkToParent(options, (why) => {
  log.info({ why }, "stopping");
  // It may wait for other members for ever. Nobody has been promised anything yet that is not on disk.
  if (!isServing) process.exit(0);
  starting
    .then((member) => member.stop())
    .then(
      () => process.exit(0),
      (error: unknown) => die(error),
    );
});
try {
  const { addresses } = await starting;
  isServing = true;
  link.ready(addresses);
} catch (error) {
  link.failed(error);
  process.exit(1);
}
