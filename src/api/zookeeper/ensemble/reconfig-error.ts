import type { ChangeOutcome } from "../../../coordination/port.ts";
import { errors } from "../../../core/base/errors.ts";
import { zookeeperError } from "../zookeeper-error.ts";

/** KeeperException's ConnectionLoss: clients make it themselves of a connection that ends; no server sends it. */
const CONNECTION_LOSS = -4;

/**
 * What a client is told of the outcome of its `reconfig`: 0, a KeeperException code, or "end the connection". That is
 * for a change whose fate nobody knows and for a member that cannot have it decided: the client takes either for
 * ConnectionLoss, which is what it is to it - look at the configuration, perhaps at another member, and ask again.
 */
export function reconfigReply({ reason }: Pick<ChangeOutcome, "reason">): number | "end the connection" {
  if (reason === undefined) return zookeeperError.OK;
  const code = errors[reason].zookeeper;
  return code === CONNECTION_LOSS ? "end the connection" : code;
}
