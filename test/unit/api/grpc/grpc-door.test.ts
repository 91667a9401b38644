import { createRequire } from "node:module";
import { dirname } from "node:path";
import {
  type Client,
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath as healthProto } from "grpc-health-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { createGrpcDoor } from "../../../../src/api/grpc/grpc-door.ts";
import { ListenError } from "../../../../src/api/grpc/listen-address.ts";
import { TokenStore } from "../../../../src/products/floor/token-store.ts";
import { openGate } from "../open-gate.ts";
import { FIRST_ZXID, ScriptedCoordination } from "../scripted-coordination.ts";
import { outcome, startDoor } from "./door-fixture.ts";

const SERVICE = "muster.coordination.v1.CoordinationService";
const ENSEMBLE_SERVICE = "muster.ensemble.v1.EnsembleService";
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function connect<T extends Client>(name: string, address: string, ...files: string[]): T {
  const definition = loadPackageDefinition(loadSync(files, { enums: String }));
  let found: unknown = definition;
  for (const part of name.split(".")) found = (found as Record<string, unknown>)[part];
  const client = new (found as ServiceClientConstructor)(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return client as unknown as T;
}

interface HealthClient extends Client {
  check(request: { service: string }, done: (error: ServiceError | null, response: { status: string }) => void): void;
}

interface ReflectionResponse {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
}
interface ReflectionClient extends Client {
  ServerReflectionInfo(): ClientDuplexStream<object, ReflectionResponse>;
}

describe("beside the service", () => {
  test.for(["", SERVICE, ENSEMBLE_SERVICE])("grpc.health.v1 of '%s' follows readiness", async (service) => {
    const { address, port } = await startDoor({ healthPollMs: 5 });
    const client = connect<HealthClient>("grpc.health.v1.Health", address, healthProto);
    const status = async () => (await outcome<{ status: string }>((done) => client.check({ service }, done))).response;
    expect(await status()).toEqual({ status: "SERVING" });
    port.notReady = ["no quorum"];
    await expect.poll(status).toEqual({ status: "NOT_SERVING" });
    port.notReady = [];
    await expect.poll(status).toEqual({ status: "SERVING" });
  });

  test("reflection names the services and describes ours", async () => {
    const { address } = await startDoor();
    const resolve = createRequire(import.meta.url).resolve;
    const file = `${dirname(resolve("@grpc/reflection/package.json"))}/build/proto/grpc/reflection/v1/reflection.proto`;
    const client = connect<ReflectionClient>("grpc.reflection.v1.ServerReflection", address, file);
    const stream = client.ServerReflectionInfo();
    onTestFinished(() => stream.cancel());
    stream.on("error", () => {});
    const ask = (request: object) =>
      new Promise<ReflectionResponse>((done) => {
        stream.once("data", done);
        stream.write(request);
      });
    const { listServicesResponse } = await ask({ listServices: "" });
    expect(listServicesResponse?.service.map(({ name }) => name)).toEqual(
      expect.arrayContaining([SERVICE, ENSEMBLE_SERVICE, "grpc.health.v1.Health"]),
    );
    const described = await ask({ fileContainingSymbol: SERVICE });
    const files = described.fileDescriptorResponse?.fileDescriptorProto ?? [];
    expect(files.some((bytes) => bytes.includes("ListZnodes"))).toBe(true);
    const ensemble = await ask({ fileContainingSymbol: ENSEMBLE_SERVICE });
    const others = ensemble.fileDescriptorResponse?.fileDescriptorProto ?? [];
    expect(others.some((bytes) => bytes.includes("TransferLeadership"))).toBe(true);
  });
});

describe("listening", () => {
  test("ARCHITECTURE 15: an address others can reach is refused unless it is accepted loudly", async () => {
    const port = new ScriptedCoordination();
    const door = createGrpcDoor(
      { listen: "0.0.0.0:0", version: "", mayBeAnonymous: true },
      { coordination: port, log: silent, gate: openGate(), tokens: new TokenStore(port) },
    );
    await expect(door.start()).rejects.toThrow(ListenError);
    const loud = createGrpcDoor(
      { listen: "0.0.0.0:0", version: "", insecure: true, mayBeAnonymous: true },
      { coordination: port, log: silent, gate: openGate(), tokens: new TokenStore(port) },
    );
    expect((await loud.start()).address).toMatch(/^0\.0\.0\.0:\d+$/);
    await loud.stop(0);
  });

  test("a port that is taken is an error of start", async () => {
    const { address } = await startDoor();
    const port = new ScriptedCoordination();
    const door = createGrpcDoor(
      { listen: address, version: "", mayBeAnonymous: true },
      { coordination: port, log: silent, gate: openGate(), tokens: new TokenStore(port) },
    );
    await expect(door.start()).rejects.toThrow(/EADDRINUSE/);
  });
});

describe("stopping", () => {
  test("what was asked is answered, then streams end with STOPPING and sessions live on", async () => {
    const { door, port, stream } = await startDoor();
    const client = await stream().open();
    port.autoAnswer = false;
    const get = { $case: "get" as const, value: { path: "/a" } };
    const operation = { number: 1, minZxid: 0, linearizable: false, operation: get };
    client.send({ $case: "operations", value: { answeredBelow: 1, operations: [operation] } });
    await expect.poll(() => port.last.of("read").length).toBe(1);
    const stopped = door.stop(60_000);
    port.last.answer({ number: 1, zxid: FIRST_ZXID });
    port.last.turnEnd();
    expect((await client.next("results")).results[0]?.number).toBe(1);
    expect(await client.ended).toMatchObject({ code: 14, reason: "STOPPING" });
    await stopped;
    expect(port.last.of("close")).toEqual([]);
    expect(port.last.detached).toBe(true);
  });

  test("a stream whose answers do not come ends with STOPPING when the grace is over", async () => {
    const { door, port, stream } = await startDoor();
    const client = await stream().open();
    port.autoAnswer = false;
    client.send({
      $case: "operations",
      value: {
        answeredBelow: 1,
        operations: [{ number: 1, minZxid: 0, linearizable: false, operation: { $case: "sync", value: {} } }],
      },
    });
    await expect.poll(() => port.last.of("sync").length).toBe(1);
    await door.stop(1);
    expect(await client.ended).toMatchObject({ code: 14 });
    expect(door.stats().streams).toBe(0);
  });

  test("stopping twice is stopping once", async () => {
    const { door } = await startDoor();
    await Promise.all([door.stop(0), door.stop(0)]);
  });

  test("a client that neither reads nor goes does not keep the door open", async () => {
    const { door, port, stream } = await startDoor();
    const client = await stream().open();
    client.pause();
    const event = { type: 3 as const, path: `/${"x".repeat(1_000_000)}`, zxid: FIRST_ZXID, encoded: undefined };
    for (let i = 0; i < 10; i++) port.last.events([{ watchId: 1, event }], FIRST_ZXID + i);
    await door.stop(1);
    expect(door.stats()).toMatchObject({ streams: 0, unsentBytes: 0 });
  });
});

test("counters tell streams, messages, operations and bytes", async () => {
  const { door, stream } = await startDoor();
  const client = await stream().open();
  const sync = { number: 1, minZxid: 0, linearizable: false, operation: { $case: "sync" as const, value: {} } };
  client.send({ $case: "operations", value: { answeredBelow: 1, operations: [sync] } });
  await client.next("results");
  const stats = door.stats();
  expect(stats).toMatchObject({ streams: 1, streamsOpened: 1, messagesReceived: 2, messagesSent: 2, operations: 1 });
  expect(stats.bytesReceived).toBeGreaterThan(4);
  expect(stats.bytesSent).toBeGreaterThan(32);
});
