import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CONTAINER_SWEEP_MS } from "../../src/core/member/reaper.ts";
import { ADDRESSES_FILE } from "../../src/server/options-handover.ts";
import { MusterHome } from "../integration/cli/muster-process.ts";
import { ServerGroup } from "../integration/cli/server-group.ts";
import {
  type ConformanceTarget,
  SASL_USER,
  SESSION_TIMEOUT_MAX_MS,
  SESSION_TIMEOUT_MIN_MS,
  TICK_MS,
} from "./conformance-target.ts";

const MEMBERS = 3;
const LOG_CHARACTERS_SHOWN = 4_000;

/** Three `muster server` processes on free ports, with the door for ZooKeeper clients open. */
export async function musterEnsemble(): Promise<ConformanceTarget> {
  const home = new MusterHome();
  // Clients look for a member that was killed where it was before, so its first free port stays its own.
  const doors = new Map<number, string>();
  const users = path.join(home.directory, "sasl-users");
  writeFileSync(users, `${SASL_USER.username}=${SASL_USER.password}\n`, { mode: 0o600 });
  const group = new ServerGroup(home, (id) => [
    ...["--zookeeper-listen", doors.get(id) as string, "--zookeeper-tick-time", `${TICK_MS}ms`],
    ...["--zookeeper-session-timeout-min", `${SESSION_TIMEOUT_MIN_MS}ms`],
    ...["--zookeeper-session-timeout-max", `${SESSION_TIMEOUT_MAX_MS}ms`],
    ...["--zookeeper-connections-per-address", "0", "--zookeeper-sasl-users", users],
  ]);
  for (let id = 1; id <= MEMBERS; id++) doors.set(id, await group.freeAddress());
  try {
    await group.found(MEMBERS);
  } catch (error) {
    const logs = [...group.members.values()].map(({ log }) => log).join("\n");
    await home.dispose();
    throw new Error(`the Muster ensemble did not start: ${(error as Error).message}\n${logs}`);
  }
  const hosts = [...group.members.values()].map(({ dataDir }) => boundDoor(dataDir));
  return {
    name: "muster",
    hosts,
    sasl: SASL_USER,
    containerSweepMs: CONTAINER_SWEEP_MS,
    kill: (host) => group.kill(hosts.indexOf(host) + 1),
    revive: async () => {
      const running = new Set(group.running.map(({ id }) => id));
      const killed = [...group.members.keys()].filter((id) => !running.has(id));
      await Promise.all(killed.map((id) => group.start(id, group.peers())));
      await group.until(() => group.settled([...group.members.keys()]), "all members lead or follow");
    },
    logs: () => {
      const shown = [...group.members.values()].map(({ id, log }) => `--- member ${id}\n${tail(log)}`);
      return shown.join("\n");
    },
    [Symbol.asyncDispose]: () => home.dispose(),
  };
}

function tail(log: string): string {
  return log.slice(-LOG_CHARACTERS_SHOWN);
}

/** The address a member says it has bound for ZooKeeper clients. */
function boundDoor(dataDir: string): string {
  const file = path.join(dataDir, ADDRESSES_FILE);
  const { zookeeper } = JSON.parse(readFileSync(file, "utf8")) as { readonly zookeeper?: string };
  if (zookeeper === undefined) throw new Error(`${file} names no address for ZooKeeper clients`);
  return zookeeper;
}
