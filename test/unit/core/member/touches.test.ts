import { describe, expect, it } from "vitest";
import { Touches } from "../../../../src/core/member/touches.ts";
import { SoloMember } from "../../../support/solo-member.ts";

function rig() {
  const solo = SoloMember.leading();
  const clients = [solo.session(), solo.session(), solo.session()] as const;
  for (const client of clients) client.take();
  return { solo, touches: new Touches(), clients };
}

describe("Touches", () => {
  it("core.md 10: one list has the keep-alives of a turn and whoever else was heard, each session once", () => {
    const { touches, clients } = rig();
    const [a, b] = clients;
    expect(touches.take()).toBeUndefined();
    touches.heard(900);
    expect(touches.isUrgent).toBe(false);
    touches.keepAlive(a.connection, a.connection.sessionId, 1);
    touches.keepAlive(a.connection, a.connection.sessionId, 2);
    touches.heard(a.connection.sessionId);
    touches.keepAlive(b.connection, b.connection.sessionId, 3);
    expect(touches.isUrgent).toBe(true);
    const list = touches.take();
    expect([...(list?.sessionIds ?? [])].sort()).toEqual([900, a.connection.sessionId, b.connection.sessionId].sort());
    expect([touches.isUrgent, touches.take()]).toEqual([false, undefined]);
  });

  it("core.md 10: acknowledges each keep-alive by the leader's answer, once, but not those it refuses", () => {
    const { touches, clients } = rig();
    const [a, b] = clients;
    touches.keepAlive(a.connection, a.connection.sessionId, 1);
    touches.keepAlive(b.connection, b.connection.sessionId, 2);
    touches.keepAlive(a.connection, a.connection.sessionId, 3);
    const number = touches.take()?.number as number;
    touches.answered(number + 1, []);
    expect(a.take()).toEqual([]);
    touches.answered(number, [b.connection.sessionId]);
    touches.answered(number, []);
    expect([a.take(), b.take()]).toEqual([["touched 1", "touched 3"], []]);
  });

  it("core.md 10: what a leader did not answer is asked of the next one, in order, but for who has gone", () => {
    const { touches, clients } = rig();
    const [a, b, c] = clients;
    touches.keepAlive(a.connection, a.connection.sessionId, 1);
    touches.keepAlive(b.connection, b.connection.sessionId, 2);
    const first = touches.take()?.number as number;
    touches.keepAlive(a.connection, a.connection.sessionId, 3);
    touches.keepAlive(c.connection, c.connection.sessionId, 4);
    b.connection.detach();
    touches.reset();
    touches.answered(first, []);
    expect(a.take()).toEqual([]);
    const next = touches.take();
    expect(next?.sessionIds).toEqual([a.connection.sessionId, c.connection.sessionId]);
    touches.answered(next?.number as number, []);
    expect([a.take(), b.take(), c.take()]).toEqual([["touched 1", "touched 3"], [], ["touched 4"]]);
  });

  it("a connection that took another session meanwhile is not told of the old one", () => {
    const { touches, clients } = rig();
    const [a] = clients;
    touches.keepAlive(a.connection, a.connection.sessionId + 5, 1);
    touches.answered(touches.take()?.number as number, []);
    expect(a.take()).toEqual([]);
  });
});
