import { readFileSync } from "node:fs";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createZookeeperDoor } from "../../../../src/api/zookeeper/zookeeper-door.ts";
import type { Request } from "../../../conformance/differential/request.ts";
import { CertificateFolder, hasOpenssl } from "../../transport/certificates.ts";
import { openGate } from "../open-gate.ts";
import { type Fixture, startDoor } from "./door-fixture.ts";
import { sampleFacts } from "./four-letter-words/sample-facts.ts";
import { TestClient } from "./test-client.ts";

describe("how many may connect", () => {
  test("of one address so many, and again so many when one has gone", async () => {
    const { client, session, door, until } = await startDoor({ limits: { connectionsPerAddressMax: 2 } });
    const one = await session();
    await session();
    expect(await (await client()).rest()).toHaveLength(0);
    expect(door.stats()).toMatchObject({ connections: 2, connectionsRejected: 1 });
    one.socket.destroy();
    await until(() => door.stats().connections === 1);
    await session();
  });

  test("in all so many", async () => {
    const limits = { connectionsMax: 1, connectionsPerAddressMax: 0 };
    const { client, session, door } = await startDoor({ limits });
    await session();
    expect(await (await client()).rest()).toHaveLength(0);
    expect(door.stats()).toMatchObject({ connections: 1, connectionsRejected: 1 });
  });

  test("0 is any number", async () => {
    const limits = { connectionsMax: 0, connectionsPerAddressMax: 0 };
    const { session, door } = await startDoor({ limits });
    await Promise.all(Array.from({ length: 100 }, () => session()));
    expect(door.stats()).toMatchObject({ connections: 100, connectionsRejected: 0 });
  });
});

test("stopping ends all connections, not their sessions, and takes no more; again is nothing", async () => {
  const { session, client, door, port } = await startDoor();
  const [one, two] = [await session(), await client()];
  const stopped = door.stop();
  await Promise.all([one.ended, two.ended]);
  await stopped;
  await door.stop();
  expect([port.last.detached, port.last.of("close")]).toEqual([true, []]);
  await expect(client()).rejects.toThrow("ECONNREFUSED");
});

test("an address that is taken is said, and leaves nothing open", async () => {
  const first = await startDoor();
  const silent = () => undefined;
  const second = createZookeeperDoor(
    {
      listen: { host: "127.0.0.1", port: first.listenPort },
      tlsListen: null,
      tls: null,
      words: new Set(),
      mayBeAnonymous: { plain: true, tls: true },
    },
    {
      coordination: first.port,
      log: { debug: silent, info: silent, warn: silent, error: silent },
      sources: { ...sampleFacts(), resetEnsemble: silent },
      auth: { superDigest: undefined, saslUsers: () => undefined },
      gatekeeper: openGate(),
    },
  );
  await expect(second.start()).rejects.toMatchObject({ code: "EADDRINUSE" });
  await second.stop();
});

describe("reference 1.4: without a quorum", () => {
  const get: Request = { op: "getData", path: "/a", watch: false };

  /** A door whose member has had no leader for too long. */
  async function lost(): Promise<Fixture> {
    const fixture = await startDoor({ limits: { quorumLostMs: 0, sessionTimeoutMinMs: 50 } });
    fixture.port.data.set("/a", Buffer.from("x"));
    const writer = await fixture.session();
    fixture.port.role = "looking";
    await writer.ended;
    return fixture;
  }

  test("whoever writes is sent away, its session left as it is", async () => {
    const { port, client } = await lost();
    expect([port.last.detached, port.last.of("close")]).toEqual([true, []]);
    for (const readOnly of [undefined, false]) {
      await expect((await client()).hello({ readOnly })).rejects.toThrow("the connection has ended with 0 bytes");
    }
    expect(port.connections).toHaveLength(1);
  });

  test("whoever only reads is served: reads, pings and the close, but nothing that changes anything", async () => {
    const { port, client } = await lost();
    const one = await client();
    const welcome = await one.hello({ readOnly: true });
    expect(welcome.readOnly).toBe(true);
    expect([welcome.sessionId > 0n, welcome.password.length]).toEqual([true, 16]);
    const refused: Request[] = [
      { op: "create", path: "/b", data: "", acl: [], flags: 0 },
      { op: "delete", path: "/a", version: -1 },
      { op: "setData", path: "/a", data: "", version: -1 },
      { op: "multi", operations: [] },
      { op: "sync", path: "/a" },
      { op: "reconfig", joining: null },
    ];
    one.ask(get, ...refused, get);
    expect((await one.outcomes(8)).map(([, error]) => error)).toEqual([0, ...Array(6).fill(-119), 0]);
    expect(await one.ask({ op: "ping" }).outcomes(1)).toEqual([[-2, 0]]);
    expect((await one.ask({ op: "closeSession" }).reply()).error).toBe(0);
    await one.ended;
    expect(port.last.asked.filter(({ kind }) => kind !== "read")).toEqual([]);
  });

  test("a session somebody had keeps its id and password, whoever gave them", async () => {
    const { client } = await lost();
    const password = new Uint8Array(16).fill(9);
    const welcome = await (await client()).hello({ readOnly: true, sessionId: 2n ** 60n + 1n, password });
    expect(welcome).toMatchObject({ sessionId: 2n ** 60n + 1n, password });
  });

  test("a reader that is silent for its time-out is let go", async () => {
    const { client } = await lost();
    const one = await client();
    await one.hello({ readOnly: true, timeoutMs: 50 });
    await one.ended;
  });

  test("with a quorum again readers are sent to find one, and writers are taken", async () => {
    const { port, client, session } = await lost();
    const one = await client();
    await one.hello({ readOnly: true, timeoutMs: 40_000 });
    port.role = "follower";
    await one.ended;
    expect(await (await session()).ask(get).outcomes(1)).toEqual([[1, 0]]);
  });
});

describe.skipIf(!hasOpenssl())("TLS", () => {
  let folder: CertificateFolder;
  beforeAll(() => {
    folder = new CertificateFolder();
    folder.authority("ca");
  });
  afterAll(() => folder[Symbol.dispose]());

  function pemOf(id: number, commonName: string) {
    const { cert, key, ca } = folder.member(id, "ca", { names: "IP:127.0.0.1", commonName });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8"), ca: readFileSync(ca, "utf8") };
  }

  async function connected(port: number, options: object): Promise<TLSSocket> {
    const socket = connectTls({ host: "127.0.0.1", port, ...options });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return socket;
  }

  test("a client over TLS is a client like others", async () => {
    const { cert, key, ca } = pemOf(1, "server");
    const { tlsPort, port } = await startDoor({ tls: { cert, key, clientCa: undefined } });
    port.data.set("/a", Buffer.alloc(300_000));
    const one = new TestClient(await connected(tlsPort, { ca }));
    await one.hello();
    const request: Request = { op: "getData", path: "/a", watch: false };
    expect(await one.ask(request, request, request).outcomes(3)).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    one.socket.destroy();
  });

  test("with an authority for clients, one without its certificate is refused", async () => {
    const { cert, key, ca } = pemOf(1, "server");
    const own = pemOf(2, "client");
    const { tlsPort, port } = await startDoor({ tls: { cert, key, clientCa: ca } });
    const stranger = new TestClient(await connected(tlsPort, { ca }));
    await expect(stranger.hello()).rejects.toThrow("the connection has ended");
    expect(port.connections).toEqual([]);
    const known = new TestClient(await connected(tlsPort, { ca, cert: own.cert, key: own.key }));
    await known.hello();
    known.socket.destroy();
  });

  test("new certificates are for new connections; those there are go on", async () => {
    const [before, after] = [pemOf(1, "before"), pemOf(2, "after")];
    const { tlsPort, door } = await startDoor({ tls: { ...before, clientCa: undefined } });
    const old = await connected(tlsPort, { ca: before.ca });
    door.setTls({ ...after, clientCa: undefined });
    const fresh = await connected(tlsPort, { ca: before.ca });
    expect([old, fresh].map((socket) => socket.getPeerCertificate().subject.CN)).toEqual(["before", "after"]);
    const one = new TestClient(old);
    await one.hello();
    for (const socket of [old, fresh]) socket.destroy();
  });
});
