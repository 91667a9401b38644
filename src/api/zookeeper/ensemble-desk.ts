import type { Coordination } from "../../coordination/port.ts";
import type { Identity } from "../../core/tree/operation.ts";
import type { ZookeeperDoorLog } from "./door-context.ts";
import { configText } from "./ensemble/config-text.ts";
import { reconfigReply } from "./ensemble/reconfig-error.ts";
import { planReconfig, type ReconfigRequest } from "./ensemble/reconfig-request.ts";
import type { JuteReader } from "./jute-reader.ts";
import { zookeeperError } from "./zookeeper-error.ts";

export function readReconfig(reader: JuteReader): ReconfigRequest {
  return {
    joiningServers: reader.optionalString() ?? null,
    leavingServers: reader.optionalString() ?? null,
    newMembers: reader.optionalString() ?? null,
    curConfigId: reader.i64(),
  };
}

/** The ensemble as ZooKeeper's clients know it: `/zookeeper/config`, and `reconfig`. */
export class EnsembleDesk {
  private readonly coordination: Coordination;
  private readonly log: ZookeeperDoorLog;

  constructor(coordination: Coordination, log: ZookeeperDoorLog) {
    this.coordination = coordination;
    this.log = log;
  }

  /** The content of `/zookeeper/config`. */
  configuration(): Buffer {
    return Buffer.from(configText(this.coordination.status()));
  }

  /**
   * Changes the ensemble, for `super` alone: whom the ACL of `/zookeeper/config`, as ZooKeeper makes it, lets do so.
   *
   * @param done called once, with what {@link reconfigReply} says
   */
  reconfigure(
    request: ReconfigRequest,
    identities: readonly Identity[],
    done: (reply: ReturnType<typeof reconfigReply>) => void,
  ): void {
    if (!identities.some(({ scheme }) => scheme === "super")) {
      done(zookeeperError.NO_AUTH);
      return;
    }
    const plan = planReconfig(request, this.coordination.status());
    if (plan.kind === "refused") {
      this.log.warn({ detail: plan.detail }, "a reconfig of a ZooKeeper client is refused");
      done(plan.code);
    } else if (plan.kind === "nothing") {
      done(zookeeperError.OK);
    } else {
      this.coordination.reconfigure(plan.change, (outcome) => {
        if (outcome.reason !== undefined) {
          this.log.warn({ reason: outcome.reason, detail: outcome.detail }, "a reconfig of a ZooKeeper client failed");
        }
        done(reconfigReply(outcome));
      });
    }
  }
}
