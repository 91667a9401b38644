import type { ConformanceTarget } from "./conformance-target.ts";
import { musterEnsemble } from "./muster-ensemble.ts";
import { zookeeperEnsemble } from "./zookeeper-ensemble.ts";

/** Whether the suite is held against Apache ZooKeeper itself (CONFORMANCE_PEER=zookeeper). */
export function isPeerAsked(): boolean {
  const peer = process.env["CONFORMANCE_PEER"] ?? "muster";
  if (peer !== "muster" && peer !== "zookeeper") {
    throw new Error(`CONFORMANCE_PEER must be "muster" or "zookeeper", not "${peer}"`);
  }
  return peer === "zookeeper";
}

export function startTarget(): Promise<ConformanceTarget> {
  return isPeerAsked() ? zookeeperEnsemble() : musterEnsemble();
}
