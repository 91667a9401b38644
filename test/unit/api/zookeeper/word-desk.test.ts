import { describe, expect, test } from "vitest";
import { startDoor } from "./door-fixture.ts";

/** What a word is answered with, until the end of the connection. */
async function answerTo(word: string, fixture: Awaited<ReturnType<typeof startDoor>>): Promise<string> {
  return (await (await fixture.client()).write(Buffer.from(word)).rest()).toString();
}

describe("reference 2.6: a word is answered on the clients' port, without a frame, and ends the connection", () => {
  test("ruok", async () => {
    const fixture = await startDoor();
    expect(await answerTo("ruok", fixture)).toBe("imok");
    await fixture.until(() => fixture.door.stats().connections === 0);
    expect(fixture.port.connections).toEqual([]);
  });

  test("whatever follows it, and however it comes", async () => {
    const fixture = await startDoor();
    expect(await answerTo("ruok\r\n", fixture)).toBe("imok");
    const one = await fixture.client();
    for (const letter of "ruok") {
      one.write(Buffer.from(letter));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await one.rest()).toString()).toBe("imok");
  });

  test("one that is not allowed is refused in ZooKeeper's words", async () => {
    const fixture = await startDoor({ words: ["ruok"] });
    const text = (await answerTo("mntr", fixture)).trim();
    expect(text).toBe("mntr is not executed because it is not in the whitelist.");
  });

  test("behind the handshake it is a frame like any other, of a length nobody takes", async () => {
    const { session, port, until } = await startDoor();
    const one = (await session()).write(Buffer.from("ruok"));
    expect(await one.rest()).toHaveLength(0);
    await until(() => port.last.detached);
  });

  test("what is no word is the length of a frame", async () => {
    const fixture = await startDoor();
    expect(await answerTo("what", fixture)).toBe("");
  });
});

describe("what words tell", () => {
  test("srvr: of the door's own traffic, the tree and the mode", async () => {
    const fixture = await startDoor();
    const one = await fixture.session();
    await one.ask({ op: "whoAmI" }, { op: "whoAmI" }).outcomes(2);
    const lines = (await answerTo("srvr", fixture)).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "Connections: 2",
        "Outstanding: 0",
        "Zxid: 0x300000001",
        "Mode: standalone",
        "Node count: 5",
      ]),
    );
    // Its connect request, the two, and the word.
    expect(lines).toContain("Received: 4");
  });

  test("mntr: the watches and sessions of the port", async () => {
    const fixture = await startDoor();
    const text = await answerTo("mntr", fixture);
    expect(text).toMatch(/^zk_znode_count\t5$/m);
    expect(text).toMatch(/^zk_server_state\tstandalone$/m);
    expect(text).toMatch(/^zk_num_alive_connections\t1$/m);
  });

  test("cons: each connection with its session and its last request", async () => {
    const fixture = await startDoor();
    const one = await fixture.session({ timeoutMs: 9_000 });
    await one.ask({ op: "whoAmI" }).reply();
    const lines = (await answerTo("cons", fixture)).split("\n").filter((line) => line !== "");
    const mine = lines.find((line) => line.includes(`:${one.socket.localPort}[1]`));
    expect(lines).toHaveLength(2);
    expect(mine).toContain("sid=0x300000001");
    expect(mine).toContain("to=9000");
  });

  test("dump: sessions of the ensemble, and when those end whose clients are here", async () => {
    const fixture = await startDoor();
    const { port } = fixture;
    await fixture.session({ timeoutMs: 9_000 });
    port.sessionInfos = [
      { sessionId: port.last.sessionId, timeoutMs: 9_000, ephemerals: ["/here"] },
      { sessionId: 0x1234, timeoutMs: 5_000, ephemerals: ["/elsewhere"] },
    ];
    const text = await answerTo("dump", fixture);
    for (const part of ["0x300000001", "0x1234", "/here", "/elsewhere"]) expect(text).toContain(part);
  });

  test("wchp: the paths watched, by session", async () => {
    const fixture = await startDoor();
    fixture.port.data.set("/watched", Buffer.from("x"));
    const one = await fixture.session();
    await one
      .ask({ op: "getData", path: "/watched", watch: true }, { op: "addWatch", path: "/more", kind: 1 })
      .outcomes(2);
    const text = await answerTo("wchp", fixture);
    expect(text).toContain("/watched\n\t0x300000001");
    expect(text).toContain("/more\n\t0x300000001");
    expect(await answerTo("wchs", fixture)).toMatch(/^1 connections watching 2 paths\nTotal watches:2/);
  });

  test("hash: the digests of the port", async () => {
    const fixture = await startDoor();
    fixture.port.digestInfos = [{ zxid: 0x300000001, digest: "00112233aabbccdd" }];
    expect(await answerTo("hash", fixture)).toContain("00112233aabbccdd");
  });

  test("a member without a leader says so, and a read-only one what it is", async () => {
    const fixture = await startDoor({ limits: { quorumLostMs: 1_000_000 } });
    fixture.port.role = "looking";
    expect(await answerTo("srvr", fixture)).toContain("not currently serving requests");
    const readOnly = await startDoor({ limits: { quorumLostMs: 0 } });
    readOnly.port.role = "looking";
    await expect.poll(() => answerTo("isro", readOnly)).toBe("ro");
    expect(await answerTo("isro", await startDoor())).toBe("rw");
  });
});

test("srst begins the door's counts anew, crst those of its connections", async () => {
  const fixture = await startDoor();
  const one = await fixture.session();
  await one.ask({ op: "whoAmI" }).reply();
  await answerTo("srst", fixture);
  expect(fixture.ensembleResets).toHaveLength(1);
  expect(await answerTo("srvr", fixture)).toContain("\nReceived: 1\n");
  expect(await answerTo("cons", fixture)).toContain(`:${one.socket.localPort}[1](queued=0,recved=2,sent=2`);
  await answerTo("crst", fixture);
  expect(await answerTo("cons", fixture)).toContain(`:${one.socket.localPort}[1](queued=0,recved=0,sent=0`);
});

test("a reset that is not allowed resets nothing", async () => {
  const fixture = await startDoor({ words: ["srvr"] });
  await fixture.session();
  await answerTo("srst", fixture);
  expect(await answerTo("srvr", fixture)).toContain("\nReceived: 3\n");
});
