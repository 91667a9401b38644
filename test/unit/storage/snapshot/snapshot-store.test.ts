import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import type { SessionRow, ZnodeRow } from "../../../../src/core/tree/snapshot-row.ts";
import { type Change, encode, meta, session, shown, smallMeta, smallTree, znode } from "./snapshot-fixtures.ts";
import { content, memoryRig, sqliteRig } from "./snapshot-rig.ts";

const rigs = [
  ["SQLite and its worker", sqliteRig],
  ["memory", memoryRig],
] as const;

describe.for(rigs)("the contract of a snapshot store: %s", ([, makeRig]) => {
  it("loads nothing before the first round", async () => {
    const rig = makeRig();
    const opened = await rig.open();
    expect(content(rig)).toEqual({ meta: undefined, rows: [] });
    expect(opened.store.stats()).toMatchObject({ rounds: 0, lastZxid: 0, walBytes: 0, waitingForSpace: false });
    await opened.store.close();
    expect(content(rig)).toEqual({ meta: undefined, rows: [] });
  });

  it("core.md 34: a round is loaded at exactly its zxid, every field as it was given", async () => {
    const rig = makeRig();
    const opened = await rig.open();
    await opened.round(smallTree, smallMeta);
    await opened.store.close();
    expect(content(rig)).toEqual({ meta: smallMeta, rows: shown(smallTree.znodes, smallTree.sessions) });
    expect(opened.committed).toEqual([smallMeta.zxid]);
  });

  it("keeps the extremes of every field", async () => {
    const top = Number.MAX_SAFE_INTEGER;
    const extreme = znode({
      serial: top - 1,
      parentSerial: 1,
      name: "\u0080\u07ff\u0800\uffff\u{10ffff}",
      data: new Uint8Array(1024 * 1024).map((_, i) => i),
      kind: 3,
      czxid: top,
      mzxid: top,
      pzxid: top,
      ctime: top,
      mtime: top,
      version: -2_147_483_648,
      creations: 2_147_483_647,
      aversion: -2,
      owner: top,
      ttlMs: 2 ** 40 - 1,
      acl: '[["digest","q\\"uote:\u{1f511}\u2028",31]]',
    });
    const owner = session({
      id: top,
      secretHash: new Uint8Array(32).fill(0xff),
      timeoutMs: top,
      generation: 0xffffffff,
      window: new Uint8Array(300_000).fill(7),
    });
    const change = { znodes: [znode({}), extreme], sessions: [owner] };
    const coordinates = meta({
      zxid: top,
      digest: [0, 0xffffffff],
      nextSerial: top,
      nodeCount: 2,
      sessionCount: 1,
      quotas: '[["/größe \u2028",1,2]]',
    });
    const rig = makeRig();
    const opened = await rig.open();
    await opened.round(change, coordinates);
    await opened.store.close();
    expect(content(rig)).toEqual({ meta: coordinates, rows: shown(change.znodes, change.sessions) });
  });

  it("a later round changes only what it names, also after a restart", async () => {
    const rig = makeRig();
    const first = await rig.open();
    await first.round(smallTree, smallMeta);
    await first.store.close();

    const second = await rig.open();
    expect(second.store.stats().lastZxid).toBe(smallMeta.zxid);
    const [root, app, config, , worker, lease] = smallTree.znodes as ZnodeRow[];
    const changed = znode({ ...config, name: "config", data: "port=8080".repeat(1000), version: 5 });
    const added = znode({ serial: 10, parentSerial: 2, name: "new" });
    const later = meta({ zxid: smallMeta.zxid + 5, nextSerial: 11, nodeCount: 6, sessionCount: 1 });
    await second.round({ znodes: [changed, added], deleted: [4], closed: [4_294_967_299] }, later);
    await second.store.close();
    const znodes = [root, app, changed, worker, lease, added] as ZnodeRow[];
    expect(content(rig)).toEqual({ meta: later, rows: shown(znodes, [smallTree.sessions[0] as SessionRow]) });
  });

  it("a round that is never committed leaves no trace", async () => {
    const rig = makeRig();
    const opened = await rig.open();
    await opened.round(smallTree, smallMeta);
    opened.store.write(encode({ znodes: [znode({ serial: 3, parentSerial: 1, name: "lost" })], deleted: [4, 5] }));
    await opened.store.close();
    expect(content(rig).rows).toEqual(shown(smallTree.znodes, smallTree.sessions));
  });

  it("close finishes the commits handed over, and hand-overs after it are nothing", async () => {
    const rig = makeRig();
    const opened = await rig.open();
    opened.store.write(encode(smallTree));
    const committed = opened.commit(smallMeta);
    const closed = opened.store.close();
    opened.store.write(encode({ deleted: [4] }));
    opened.store.commit(meta({ zxid: smallMeta.zxid + 1 }));
    await Promise.all([committed, closed]);
    await opened.store.close();
    expect(content(rig)).toEqual({ meta: smallMeta, rows: shown(smallTree.znodes, smallTree.sessions) });
  });

  it("a round may be empty, and may repeat its zxid", async () => {
    const rig = makeRig();
    const opened = await rig.open();
    await opened.round(smallTree, smallMeta);
    await opened.round({}, { ...smallMeta, time: smallMeta.time + 1 });
    await opened.store.close();
    expect(opened.committed).toEqual([smallMeta.zxid, smallMeta.zxid]);
    expect(content(rig).meta?.time).toBe(smallMeta.time + 1);
  });

  it("counts what is handed over and not yet applied", async () => {
    const rig = makeRig();
    const opened = await rig.open();
    const rows = encode(smallTree);
    const { length } = rows;
    opened.store.write(rows);
    opened.store.write(encode({ znodes: [znode({})] }));
    expect(opened.store.pendingBytes).toBeGreaterThan(length);
    await opened.commit(smallMeta);
    expect(opened.store.pendingBytes).toBe(0);
    expect(opened.store.stats()).toMatchObject({ rounds: 1, lastZxid: smallMeta.zxid, walBytes: 0 });
    expect(opened.store.stats().writtenBytes).toBeGreaterThan(length);
    await opened.store.close();
  });

  it("property: after any rounds the load is what a map would hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(roundArbitrary, { minLength: 1, maxLength: 5 }), async (rounds) => {
        const rig = makeRig();
        const opened = await rig.open();
        const znodes = new Map<number, ZnodeRow>();
        const sessions = new Map<number, SessionRow>();
        let zxid = 100;
        for (const { puts, deletes, opens, closes } of rounds) {
          const change: Change = {
            znodes: [
              ...(zxid === 100 ? [znode({})] : []),
              ...puts.map(([serial, data]) => znode({ serial, parentSerial: 1, name: `n${serial}`, data })),
            ],
            deleted: deletes.filter((serial) => !puts.some(([put]) => put === serial)),
            sessions: opens.map((id) => session({ id, window: encodeUtf8(`w${id}`) })),
            closed: closes.filter((id) => !opens.includes(id)),
          };
          for (const row of change.znodes ?? []) znodes.set(row.serial, row);
          for (const serial of change.deleted ?? []) znodes.delete(serial);
          for (const row of change.sessions ?? []) sessions.set(row.id, row);
          for (const id of change.closed ?? []) sessions.delete(id);
          zxid++;
          await opened.round(change, meta({ zxid, nodeCount: znodes.size, sessionCount: sessions.size }));
        }
        await opened.store.close();
        const byKey = <Row>(rows: Map<number, Row>): Row[] => [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
        expect(content(rig).rows).toEqual(shown(byKey(znodes), byKey(sessions)));
      }),
      { numRuns: 12 },
    );
  });
});

const serials = fc.integer({ min: 2, max: 40 });
const roundArbitrary = fc.record({
  puts: fc.uniqueArray(fc.tuple(serials, fc.uint8Array({ maxLength: 6000 })), {
    selector: ([serial]) => serial,
    maxLength: 20,
  }),
  deletes: fc.uniqueArray(serials, { maxLength: 20 }),
  opens: fc.uniqueArray(serials, { maxLength: 5 }),
  closes: fc.uniqueArray(serials, { maxLength: 5 }),
});
