import { defaultLimits } from "../../src/core/base/limits.ts";

/** What stock clients are let loose on: three members that speak the ZooKeeper client protocol. */
export interface ConformanceTarget extends AsyncDisposable {
  readonly name: "muster" | "zookeeper";
  /** Where each member serves ZooKeeper clients, host:port, the same over all its processes. */
  readonly hosts: readonly string[];
  /** A user of SASL DIGEST-MD5 the members know. */
  readonly sasl: SaslUser;
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

/** Time-outs a session may have, ms, at either target: the widest bounds a Muster member has. */
export const SESSION_TIMEOUT_MIN_MS = defaultLimits.sessionTimeoutMinMs;
export const SESSION_TIMEOUT_MAX_MS = defaultLimits.sessionTimeoutMaxMs;
/** ZooKeeper's tickTime at either target, ms: sessions expire at whole ticks. */
export const TICK_MS = 500;
export const SASL_USER: SaslUser = { username: "conformance", password: "a-secret-of-tests" };
