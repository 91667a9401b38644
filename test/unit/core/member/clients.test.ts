import { describe, expect, it } from "vitest";
import { errors, OK } from "../../../../src/core/base/errors.ts";
import { Clients } from "../../../../src/core/member/clients.ts";
import { emptyAnswer } from "../../../../src/core/tree/answer-codec.ts";
import { Command, type CommandType, commandType } from "../../../../src/core/tree/command.ts";
import { Digest } from "../../../../src/core/tree/digest.ts";
import { Session, SessionTable } from "../../../../src/core/tree/session-table.ts";
import { windowMemory } from "../../../../src/core/tree/window.ts";
import { type Client, SoloMember } from "../../../support/solo-member.ts";

const MEMBER = 1;
const FIRST_SERIAL = 5_000;

/** Clients on their own session table; their connections belong to a member that takes no part. */
class Rig {
  readonly sessions = new SessionTable();
  readonly clients = new Clients(MEMBER, FIRST_SERIAL, () => this.sessions);
  private readonly solo = SoloMember.leading();

  connect(): Client {
    const client = this.solo.client();
    this.clients.add(client.connection);
    return client;
  }

  /** A connection that opened the session of this id. */
  opened(id: number): Client {
    const client = this.connect();
    const serial = this.clients.register(client.connection, 0, "open");
    this.sessions.add(new Session(id, new Uint8Array(32), 10_000, 1, windowMemory(new Digest())));
    this.deliver({ type: commandType.OPEN_SESSION, generation: MEMBER, number: serial }, { zxid: id });
    return client;
  }

  /** Another connection that took the session over. */
  moved(id: number, zxid: number): Client {
    const client = this.connect();
    const serial = this.clients.register(client.connection, 0, "move");
    (this.sessions.get(id) as Session).generation++;
    this.deliver({ type: commandType.MOVE_SESSION, generation: MEMBER, number: serial, target: id }, { zxid });
    return client;
  }

  deliver(
    fields: Partial<Command> & { readonly type: CommandType },
    answer: { readonly code?: number; readonly zxid?: number } = {},
  ): void {
    const command = Object.assign(new Command(), fields);
    const made = Object.assign(emptyAnswer(), { number: command.number, zxid: 77 }, answer);
    this.clients.deliver(command, made, 10, true);
  }
}

const set = commandType.SET;

describe("a command without a session", () => {
  it("is answered to the connection that asked, under the number that chose", () => {
    const rig = new Rig();
    const [a, b] = [rig.connect(), rig.connect()];
    const serials = [a, b, a].map(({ connection }, at) =>
      rig.clients.register(connection, [7, 7, 8][at] as number, "operation"),
    );
    expect(serials).toEqual([FIRST_SERIAL, FIRST_SERIAL + 1, FIRST_SERIAL + 2]);
    for (const number of [...serials].reverse()) rig.deliver({ type: set, generation: MEMBER, number });
    expect([a.take(), b.take()]).toEqual([["8 none", "7 none"], ["7 none"]]);
  });

  it("core.md 12: is answered once, and not at all if another member or an earlier run of this one took it", () => {
    const rig = new Rig();
    const client = rig.connect();
    const number = rig.clients.register(client.connection, 1, "operation");
    rig.deliver({ type: set, generation: MEMBER + 1, number });
    rig.deliver({ type: set, generation: MEMBER, number: number - 1 });
    expect(client.take()).toEqual([]);
    rig.deliver({ type: set, generation: MEMBER, number });
    rig.deliver({ type: set, generation: MEMBER, number });
    expect(client.take()).toEqual(["1 none"]);
  });

  it("is forgotten when it was not taken after all", () => {
    const rig = new Rig();
    const client = rig.connect();
    const number = rig.clients.register(client.connection, 1, "operation");
    rig.clients.unregister(number);
    rig.deliver({ type: set, generation: MEMBER, number });
    expect(client.take()).toEqual([]);
  });

  it("has nobody to answer when its connection has gone", () => {
    const rig = new Rig();
    const client = rig.connect();
    const number = rig.clients.register(client.connection, 1, "operation");
    client.connection.detach();
    rig.clients.forget(client.connection);
    rig.deliver({ type: set, generation: MEMBER, number });
    expect([client.take(), rig.clients.size]).toEqual([[], 0]);
  });
});

describe("a command of a session", () => {
  it("core.md 9: is answered to the connection that owns the session's generation, and to no other", () => {
    const rig = new Rig();
    const old = rig.opened(100);
    rig.deliver({ type: set, sessionId: 100, generation: 1, number: 1 });
    expect(old.take()).toEqual(["opened", "1 none"]);
    const now = rig.moved(100, 200);
    expect(old.closed).toEqual({ reason: "SESSION_MOVED", zxid: 200 });
    rig.deliver({ type: set, sessionId: 100, generation: 1, number: 2 }, { code: errors.SESSION_MOVED.code });
    rig.deliver({ type: set, sessionId: 100, generation: 2, number: 2 });
    expect([old.take(), now.take()]).toEqual([["closed SESSION_MOVED"], ["resumed", "2 none"]]);
  });

  it("ends its connection when it ended the session: as asked, or as expired", () => {
    const rig = new Rig();
    const [closed, late] = [rig.opened(100), rig.opened(101)];
    rig.sessions.delete(100);
    rig.deliver({ type: commandType.CLOSE_SESSION, sessionId: 100, generation: 1, number: 5 });
    rig.sessions.delete(101);
    rig.deliver({ type: set, sessionId: 101, generation: 1, number: 5 }, { code: errors.SESSION_EXPIRED.code });
    expect([closed.closed?.reason, late.closed?.reason]).toEqual([undefined, "SESSION_EXPIRED"]);
    expect([closed.take(), late.take()]).toEqual([
      ["opened", "closed as asked"],
      ["opened", "closed SESSION_EXPIRED"],
    ]);
  });

  it("is nobody's here when its connection is at another member, or gone", () => {
    const rig = new Rig();
    const client = rig.opened(100);
    client.take();
    client.connection.detach();
    rig.clients.forget(client.connection);
    rig.deliver({ type: set, sessionId: 100, generation: 1, number: 1 });
    rig.deliver({ type: set, sessionId: 999, generation: 1, number: 1 }, { code: errors.SESSION_EXPIRED.code });
    expect(client.take()).toEqual([]);
  });
});

describe("a session", () => {
  it("core.md 8: is opened under the zxid of its opening", () => {
    const rig = new Rig();
    const client = rig.opened(123);
    expect(client.opened).toMatchObject({ sessionId: 123, timeoutMs: 10_000, zxid: 123, resumed: false });
    expect([client.connection.sessionId, client.connection.generation]).toEqual([123, 1]);
  });

  it("that was refused ends the connection that asked for it, with the reason", () => {
    const rig = new Rig();
    for (const [purpose, reason] of [
      ["open", "SESSION_LIMIT"],
      ["move", "WRONG_SECRET"],
      ["move", "SESSION_EXPIRED"],
    ] as const) {
      const client = rig.connect();
      const number = rig.clients.register(client.connection, 0, purpose);
      const type = purpose === "open" ? commandType.OPEN_SESSION : commandType.MOVE_SESSION;
      rig.deliver({ type, generation: MEMBER, number, target: 9 }, { code: errors[reason].code });
      expect(client.take()).toEqual([`closed ${reason}`]);
    }
  });

  it("core.md 11: that expired ends its connection; one that was moved in time does not", () => {
    const rig = new Rig();
    const [first, second] = [rig.opened(100), rig.opened(101)];
    rig.deliver(
      { type: commandType.EXPIRE_SESSION, generation: MEMBER, target: 100 },
      { code: errors.SESSION_MOVED.code },
    );
    expect(first.closed).toBeUndefined();
    rig.sessions.delete(101);
    rig.deliver({ type: commandType.EXPIRE_SESSION, generation: MEMBER, target: 101 }, { code: OK, zxid: 300 });
    expect(second.closed).toEqual({ reason: "SESSION_EXPIRED", zxid: 300 });
  });

  it("opened for a connection that has gone meanwhile is nobody's, until it is taken over or expires", () => {
    const rig = new Rig();
    const client = rig.connect();
    const number = rig.clients.register(client.connection, 0, "open");
    client.connection.detach();
    rig.clients.forget(client.connection);
    rig.sessions.add(new Session(50, new Uint8Array(32), 10_000, 1, windowMemory(new Digest())));
    rig.deliver({ type: commandType.OPEN_SESSION, generation: MEMBER, number }, { zxid: 50 });
    expect(client.take()).toEqual([]);
    expect(rig.moved(50, 60).take()).toEqual(["resumed"]);
  });

  it("that a newer connection took is not forgotten with the older one", () => {
    const rig = new Rig();
    const old = rig.opened(100);
    const now = rig.moved(100, 200);
    rig.clients.forget(old.connection);
    now.take();
    rig.deliver({ type: set, sessionId: 100, generation: 2, number: 3 });
    expect(now.take()).toEqual(["3 none"]);
  });
});

describe("the turn's end", () => {
  it("is told once to each connection that was touched, and not to those that have gone", () => {
    const rig = new Rig();
    const [a, b, c] = [rig.connect(), rig.connect(), rig.connect()];
    const touched = [a, b, a, b].map(({ connection }) => rig.clients.markTouched(connection));
    expect(touched).toEqual([true, true, false, false]);
    b.connection.detach();
    rig.clients.tellTouched();
    expect([a.turns, b.turns, c.turns]).toEqual([1, 0, 0]);
    rig.clients.tellTouched();
    expect(a.turns).toBe(1);
    expect(rig.clients.markTouched(a.connection)).toBe(true);
  });

  it("ends every connection with STOPPING when the member goes, and forgets what they asked without a session", () => {
    const rig = new Rig();
    const all = [rig.opened(100), rig.connect()];
    const number = rig.clients.register((all[1] as Client).connection, 1, "operation");
    rig.clients.endAll("STOPPING", 500);
    expect(all.map(({ closed }) => closed)).toEqual([
      { reason: "STOPPING", zxid: 500 },
      { reason: "STOPPING", zxid: 500 },
    ]);
    rig.deliver({ type: set, generation: MEMBER, number });
    expect(all[1]?.take()).toEqual(["closed STOPPING"]);
  });
});
