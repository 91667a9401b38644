import { expect, onTestFinished } from "vitest";
import type { AuthOptions } from "../../../../src/api/zookeeper/auth-desk.ts";
import { type Word, words } from "../../../../src/api/zookeeper/four-letter-words/words.ts";
import {
  createZookeeperDoor,
  type ZookeeperDoor,
  type ZookeeperTls,
} from "../../../../src/api/zookeeper/zookeeper-door.ts";
import type { ZookeeperLimits } from "../../../../src/api/zookeeper/zookeeper-limits.ts";
import type { Principal } from "../../../../src/products/floor/principal.ts";
import type { Hello } from "../../../support/zookeeper-frames.ts";
import { openGate } from "../open-gate.ts";
import { ScriptedCoordination } from "../scripted-coordination.ts";
import { sampleFacts } from "./four-letter-words/sample-facts.ts";
import { TestClient } from "./test-client.ts";

export interface Logged {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

export interface Fixture {
  readonly port: ScriptedCoordination;
  readonly door: ZookeeperDoor;
  readonly listenPort: number;
  /** 0 without TLS. */
  readonly tlsPort: number;
  readonly logged: Logged[];
  /** One for each time the ensemble's counts were to begin anew. */
  readonly ensembleResets: readonly number[];
  /** Connected, and nothing said yet. */
  client(): Promise<TestClient>;
  /** With a session. */
  session(hello?: Hello): Promise<TestClient>;
  /** Resolves once the condition holds; looks again after every turn of the loop. */
  until(holds: () => boolean): Promise<void>;
}

export interface FixtureOptions {
  readonly limits?: Partial<ZookeeperLimits>;
  readonly words?: readonly Word[];
  readonly auth?: Partial<AuthOptions>;
  readonly tls?: ZookeeperTls;
  /** Who every client is; by default nobody, with every right. */
  readonly principal?: Principal;
}

/** A door on a free port of loopback before a scripted port. Stopped after the test. */
export async function startDoor(options: FixtureOptions = {}): Promise<Fixture> {
  const port = new ScriptedCoordination();
  const logged: Logged[] = [];
  const ensembleResets: number[] = [];
  const at = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message });
  const door = createZookeeperDoor(
    {
      listen: { host: "127.0.0.1", port: 0 },
      tlsListen: options.tls === undefined ? null : { host: "127.0.0.1", port: 0 },
      tls: options.tls ?? null,
      words: new Set(options.words ?? words),
      mayBeAnonymous: { plain: true, tls: true },
      limits: { lingerMs: 60_000, ...options.limits },
    },
    {
      coordination: port,
      log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
      sources: { ...sampleFacts(), resetEnsemble: () => void ensembleResets.push(1) },
      gatekeeper: openGate(options.principal),
      auth: { superDigest: undefined, saslUsers: () => undefined, ...options.auth },
    },
  );
  const { plain, tls } = await door.start();
  const listenPort = plain?.port ?? 0;
  const clients: TestClient[] = [];
  onTestFinished(async () => {
    for (const { socket } of clients) socket.destroy();
    await door.stop();
    // Nothing that clients do is a defect of the door.
    expect(logged.filter(({ level }) => level === "error")).toEqual([]);
  });
  const client = async (): Promise<TestClient> => {
    const connected = await TestClient.at(listenPort);
    clients.push(connected);
    return connected;
  };
  const session = async (hello?: Hello): Promise<TestClient> => {
    const connected = await client();
    await connected.hello(hello);
    return connected;
  };
  return { port, door, listenPort, tlsPort: tls?.port ?? 0, logged, ensembleResets, client, session, until };
}

/** Bounded by the test's own time-out. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
