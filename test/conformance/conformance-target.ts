import { defaultLimits } from "../../src/core/base/limits.ts";
import { musterEnsemble } from "./muster-ensemble.ts";
import { zookeeperEnsemble } from "./zookeeper-ensemble.ts";

/** What stock clients are let loose on: three members that speak the ZooKeeper client protocol. */
export interface ConformanceTarget extends AsyncDisposable {
  readonly name: "muster" | "zookeeper";
  /** Where each member serves ZooKeeper clients, host:port, the same over all its processes. */
  readonly hosts: readonly string[];
  /** A user of SASL DIGEST-MD5 the members know; undefined where they speak no SASL. */
  readonly sasl: SaslUser | undefined;
  /** How often childless containers are looked for, ms. */
  readonly containerSweepMs: number;
  /** kill -9 of the member that serves at this host. */
  kill(host: string): Promise<void>;
  /** Starts every member that was killed; resolves when all of them serve. */
  revive(): Promise<void>;
  /** The ends of the members' logs, for people who look for the cause of a failure. */
  logs(): string;
}

export interface SaslUser {
  readonly username: string;
  readonly password: string;
}

/** Time-outs a session may have, ms: those of a Muster member, and the peer is configured alike. */
export const SESSION_TIMEOUT_MIN_MS = defaultLimits.sessionTimeoutMinMs;
export const SESSION_TIMEOUT_MAX_MS = defaultLimits.sessionTimeoutMaxMs;

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
