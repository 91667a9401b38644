import { describe, expect, test } from "vitest";
import { connectWith } from "../src/connect.ts";
import { Stat } from "../src/gen/muster/coordination/v1/znode.ts";
import { FakeEnvironment } from "./support/fake-environment.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

const stat = (fields: Partial<Stat> = {}): Stat => Stat.fromPartial(fields as Stat);

describe("session", () => {
  test("opens, answers calls by number, and closes after them", async () => {
    await using server = await ScriptedServer.start();
    const environment = new FakeEnvironment();
    const connecting = connectWith({ endpoints: server.endpoint, sessionTimeoutMs: 9_000 }, { environment });
    const stream = await server.stream();
    const open = await stream.open({ timeoutMs: 6_000 });
    expect(open.timeoutMs).toBe(9_000);
    const client = await connecting;
    expect(client.session).toMatchObject({ id: 77, timeoutMs: 6_000, state: "open" });

    const created = client.znodes.create("/a", "one");
    const got = client.znodes.get("/a");
    const [create, get] = await stream.operations(2);
    expect(create).toMatchObject({ number: 1, operation: { $case: "create", value: { path: "/a", mode: 1 } } });
    expect(get).toMatchObject({ number: 2, operation: { $case: "get", value: { path: "/a" } } });
    expect(stream.batches).toBe(1);
    stream.results(
      { number: 1, zxid: 2_000, path: "/a", stat: stat({ czxid: 2_000, dataBytes: 3 }) },
      { number: 2, zxid: 2_000, data: Buffer.from("one"), stat: stat({ czxid: 2_000, dataBytes: 3 }) },
    );
    expect(await created).toMatchObject({ path: "/a", zxid: 2_000, created: true, stat: { dataLength: 3 } });
    expect(Buffer.from((await got).data).toString()).toBe("one");
    expect(client.zxid).toBe(2_000);

    const closing = client.close();
    await stream.next("close");
    stream.sessionClosed();
    await closing;
    expect(client.session.state).toBe("closed");
    expect(environment.timerCount).toBe(0);
  });
});
