import { Client, credentials, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import Router from "@koa/router";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Admissions } from "../../../../src/api/grpc/admissions.ts";
import { emptyCounters } from "../../../../src/api/grpc/door-counters.ts";
import { createHttpDoor } from "../../../../src/api/http/http-door.ts";
import { createMetrics } from "../../../../src/api/http/metrics.ts";
import { words } from "../../../../src/api/zookeeper/four-letter-words/words.ts";
import { opCode } from "../../../../src/api/zookeeper/op-code.ts";
import { errors } from "../../../../src/core/base/errors.ts";
import { isAllowed, permissions } from "../../../../src/products/floor/permission-table.ts";
import { anonymous } from "../../../../src/products/floor/principal.ts";
import { Rights, type Verb } from "../../../../src/products/floor/rights.ts";
import { Warrant } from "../../../../src/products/floor/warrant.ts";
import { framed } from "../../../support/zookeeper-frames.ts";
import { type Ending, endingOf, startDoor } from "../../api/grpc/door-fixture.ts";
import { openGate, somebody } from "../../api/open-gate.ts";
import { ScriptedCoordination } from "../../api/scripted-coordination.ts";
import { startDoor as startZookeeperDoor } from "../../api/zookeeper/door-fixture.ts";

const NO_AUTH = -102;

test("products.md 1: what is not in the table is refused to everybody", () => {
  expect(isAllowed(undefined, Rights.all)).toBe(false);
  expect(new Warrant(anonymous).allows("fly")).toBe(false);
});

/** Asks a method of any kind with one empty message; how it ended, or undefined once it answers. */
function ask(client: Client, path: string): Promise<Ending | undefined> {
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same);
    call.on("error", (error: ServiceError) => resolve(endingIn(error)));
    call.on("data", () => {
      resolve(undefined);
      call.cancel();
    });
    call.on("end", () => resolve(undefined));
    call.write(Buffer.alloc(0));
    call.end();
  });
}

/** Tools' services give no details. */
function endingIn(error: ServiceError): Ending {
  const hasDetails = (error.metadata?.get("grpc-status-details-bin").length ?? 0) > 0;
  return hasDetails ? endingOf(error) : { code: error.code, reason: "", domain: "", metadata: new Map() };
}

describe("products.md 1: the gRPC door", () => {
  async function served(...rights: Verb[]) {
    const register = vi.spyOn(Server.prototype, "register");
    const fixture = await startDoor({}, openGate(somebody(...rights)));
    const paths = register.mock.calls.map(([path]) => path);
    register.mockRestore();
    const client = new Client(fixture.address, credentials.createInsecure());
    onTestFinished(() => client.close());
    return { paths, client, fixture };
  }

  test("has a row for each method it serves, and serves each that has one", async () => {
    const { paths } = await served();
    expect([...paths].sort()).toEqual(Object.keys(permissions.grpc).sort());
  });

  test("refuses each of them to somebody without rights, but for health", async () => {
    const { paths, client, fixture } = await served();
    for (const path of paths) {
      const ending = await ask(client, path);
      if (path.startsWith("/grpc.health.v1.")) expect(ending?.reason, path).not.toBe("NO_PERMISSION");
      else expect(ending, path).toMatchObject({ code: errors.NO_PERMISSION.grpc, reason: "NO_PERMISSION" });
    }
    expect(fixture.port.connections).toEqual([]);
  });

  test("refuses a method without a row, although nobody has more rights", async () => {
    const server = new Server();
    const same = (bytes: Buffer) => bytes;
    const codec = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const fly = { path: "/muster.test.v1.Test/Fly", requestStream: false, responseStream: false, ...codec };
    new Admissions(openGate(), true, emptyCounters())
      .guarding(server)
      .addService(
        { fly },
        { fly: (_call: unknown, done: (error: null, value: Buffer) => void) => done(null, Buffer.of(1)) },
      );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    onTestFinished(() => {
      client.close();
      server.forceShutdown();
    });
    expect(await ask(client, fly.path)).toMatchObject({ reason: "NO_PERMISSION" });
  });

  const includeDirs = [new URL("../../../../proto/", import.meta.url).pathname];
  const described = loadSync("muster/coordination/v1/session.proto", { includeDirs, keepCase: true });
  const { type } = described["muster.coordination.v1.Operation"] as MessageTypeDefinition<object, object>;
  const { field } = type as { field: { name: string; oneofIndex?: number; type: string }[] };
  const operations = field.filter((each) => each.type === "TYPE_MESSAGE").map(({ name }) => name.replaceAll("_", "-"));

  test("has a row for each operation of a session stream, and refuses it without rights", () => {
    expect([...operations].sort()).toEqual(Object.keys(permissions.session).sort());
    for (const name of operations) {
      expect(new Warrant(somebody()).allows(name), name).toBe(false);
      expect(isAllowed(permissions.session[name], Rights.all), name).toBe(true);
    }
  });

  test("refuses a reader's writes in their places, and what is guarded; the rest is answered", async () => {
    const { fixture } = await served("read");
    fixture.port.data.set("/a", Buffer.from("x"));
    const stream = await fixture.stream().open();
    const path = "/muster/auth/tokens/1";
    const about = { minZxid: 0, linearizable: false };
    const asked = [
      { $case: "get", value: { path: "/a" } },
      { $case: "set", value: { path: "/a", data: Buffer.from("y") } },
      { $case: "get", value: { path } },
      { $case: "addWatch", value: { watchId: 1, path, mode: 4, afterZxid: 0 } },
      { $case: "get", value: { path: "/a" } },
    ] as const;
    const batch = asked.map((operation, index) => ({ number: index + 1, ...about, operation }));
    stream.send({ $case: "operations", value: { answeredBelow: 1, operations: batch as never } });
    const results: { number: number; reason: string | undefined }[] = [];
    while (results.length < asked.length) {
      const { results: some } = await stream.next("results");
      results.push(...some.map(({ number, failure }) => ({ number, reason: failure?.reason })));
    }
    const no = "NO_PERMISSION";
    expect(results).toEqual([undefined, no, no, no, undefined].map((reason, index) => ({ number: index + 1, reason })));
    expect(fixture.port.last.asked.map(({ kind }) => kind)).toEqual(["open", "read", "read"]);
    expect(fixture.port.last.identities).toContainEqual({ scheme: "sasl", id: "somebody" });
  });

  test("guards the tokens from unary calls, too, for whoever may not manage them", async () => {
    const { fixture } = await served("read", "edit");
    const deleted = await new Promise<ServiceError | null>((resolve) => {
      fixture.client.deleteZnode({ path: "/muster", recursive: true }, (error) => resolve(error));
    });
    expect(endingOf(deleted as ServiceError)).toMatchObject({ reason: "NO_PERMISSION" });
  });
});

test("products.md 1: the HTTP door refuses every route without rights, but for health", async () => {
  const register = vi.spyOn(Router.prototype, "register");
  const metrics = createMetrics();
  const coordination = new ScriptedCoordination();
  const door = createHttpDoor(
    { listen: { host: "127.0.0.1", port: 0 }, insecure: false },
    {
      coordination,
      metrics,
      log: { error: () => undefined },
      gate: { gatekeeper: openGate(somebody()), mayBeAnonymous: true },
    },
  );
  const { port } = await door.start();
  onTestFinished(async () => {
    await door.stop();
    metrics.stop();
  });
  const call = async (method: string, path: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    await response.text();
    return response.status;
  };
  await call("GET", "/healthz");
  const routes = register.mock.calls.flatMap(([path, methods]) => {
    return methods.filter((method) => method !== "HEAD").map((method) => [method.toUpperCase(), String(path)] as const);
  });
  register.mockRestore();
  expect(routes.map(([method, path]) => `${method} ${path}`).sort()).toEqual(Object.keys(permissions.http).sort());
  for (const [method, path] of routes) {
    const isOpen = permissions.http[`${method} ${path}`] === "open";
    expect(await call(method, path), path).toBe(isOpen ? 200 : 403);
  }
});

describe("products.md 1: the ZooKeeper door", () => {
  /** Never sent by a client. */
  const servers = ["NOTIFICATION", "ERROR"];
  const codes = Object.entries(opCode);

  test("has a row for each operation that a client may ask, and each word", () => {
    expect(Object.keys(permissions.zookeeper).sort()).toEqual(
      codes
        .map(([name]) => name)
        .filter((name) => !servers.includes(name))
        .sort(),
    );
    expect(Object.keys(permissions.words).sort()).toEqual([...words].sort());
  });

  /** An operation's header, and nothing behind it. */
  function header(xid: number, code: number): Uint8Array {
    const payload = Buffer.alloc(8);
    payload.writeInt32BE(xid, 0);
    payload.writeInt32BE(code, 4);
    return framed(payload);
  }

  test("gives no session to somebody without rights, so every operation is refused", async () => {
    const { client, port } = await startZookeeperDoor({ principal: somebody() });
    const one = await client();
    one.hello().catch(() => undefined);
    await one.ended;
    expect(port.connections).toEqual([]);
  });

  const beyondReading = codes.filter(([name]) => !isAllowed(permissions.zookeeper[name], somebody("read").rights));

  test.for(beyondReading)("refuses %s to a reader", async ([, code]) => {
    const { session, port } = await startZookeeperDoor({ principal: somebody("read") });
    const one = await session();
    one.write(header(1, code));
    expect(await one.reply()).toMatchObject({ xid: 1, error: NO_AUTH });
    expect(port.last.asked.map(({ kind }) => kind)).toEqual(["open"]);
  });

  test("refuses guarded paths to whoever may not manage tokens, in reads, writes, and watches alike", async () => {
    const { session, port } = await startZookeeperDoor({ principal: somebody("read", "edit") });
    const one = await session();
    const path = "/muster/auth/tokens";
    one.ask({ op: "getData", path, watch: false });
    one.ask({ op: "exists", path, watch: true });
    one.ask({ op: "delete", path, version: -1 });
    one.ask({ op: "addWatch", path, mode: 0 } as never);
    for (let i = 0; i < 4; i++) expect(await one.reply()).toMatchObject({ error: NO_AUTH });
    expect(port.last.asked.map(({ kind }) => kind)).toEqual(["open"]);
  });

  test.for(words)("answers the word %s to somebody without rights only where it is open", async (word) => {
    const { client } = await startZookeeperDoor({ principal: somebody() });
    const answer = (await (await client()).write(Buffer.from(word)).rest()).toString();
    const refused = `${word} is not executed because its client has no right to it.\n`;
    if (permissions.words[word] === "open") expect(answer).not.toBe(refused);
    else expect(answer).toBe(refused);
  });
});
