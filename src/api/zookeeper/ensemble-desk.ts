import type { Coordination } from "../../coordination/port.ts";
import type { Identity } from "../../core/tree/operation.ts";
import { emptyStat, type Stat } from "../../core/tree/stat.ts";
import type { ZookeeperDoorLog } from "./door-log.ts";
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

  /** What `getData` of `/zookeeper/config` answers: versions are not counted there, as in ZooKeeper. */
  configuration(): { readonly data: Buffer; readonly stat: Stat } {
    const status = this.coordination.status();
    const data = Buffer.from(configText(status));
    const stat = {
      ...emptyStat(),
      mzxid: status.configurationZxid,
      version: -1,
      aversion: -1,
      dataLength: data.length,
    };
    return { data, stat };
  }

  /**
   * Changes the ensemble, for `super` alone: whom the ACL of `/zookeeper/config`, as ZooKeeper makes it, lets do so.
   *
   * @param done called once, with what {@link reconfigReply} says and the zxid of the configuration if there is a new
   *   one
   */
  reconfigure(
    request: ReconfigRequest,
    identities: readonly Identity[],
    done: (reply: ReturnType<typeof reconfigReply>, zxid: number) => void,
  ): void {
    const plan = planReconfig(request, this.coordination.status());
    const isSuper = identities.some(({ scheme }) => scheme === "super");
    // ZooKeeper compares versions before it asks who one is.
    const isStale = plan.kind === "refused" && plan.code === zookeeperError.BAD_VERSION;
    if (!isSuper && !isStale) {
      done(zookeeperError.NO_AUTH, 0);
    } else if (plan.kind === "refused") {
      this.log.warn({ detail: plan.detail }, "a reconfig of a ZooKeeper client is refused");
      done(plan.code, 0);
    } else if (plan.kind === "nothing") {
      done(zookeeperError.OK, 0);
    } else {
      this.coordination.reconfigure(plan.change, (outcome) => {
        if (outcome.reason !== undefined) {
          this.log.warn({ reason: outcome.reason, detail: outcome.detail }, "a reconfig of a ZooKeeper client failed");
        }
        done(reconfigReply(outcome), outcome.zxid);
      });
    }
  }
}
