import { describe, expect, it } from "vitest";
import { errors, OK } from "../../../../src/core/base/errors.ts";
import { FEATURE_LEVEL, FIRST_FEATURE_LEVEL, featureLevelOf } from "../../../../src/core/tree/feature-level.ts";
import type { WriteOperation } from "../../../../src/core/tree/operation.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { auditTree } from "../../../model/audit.ts";
import { TreeDriver } from "./tree-driver.ts";

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

describe("the feature level of a tree", () => {
  it("core.md 5: begins at the first, whatever the program knows", () => {
    expect(new TreeDriver().tree.state.featureLevel).toBe(FIRST_FEATURE_LEVEL);
    expect(FEATURE_LEVEL).toBeGreaterThan(FIRST_FEATURE_LEVEL);
  });

  it("core.md 5: rises by a command, which repeated or for a lower level changes nothing", () => {
    const driver = new TreeDriver();
    const { state } = driver.tree;
    for (const level of [0, FIRST_FEATURE_LEVEL]) {
      const before = state.digest.lanes();
      expect(driver.raiseFeatureLevel(level)).toBe(errors.INVALID_ARGUMENT.code);
      expect([state.featureLevel, ...state.digest.lanes()]).toEqual([FIRST_FEATURE_LEVEL, ...before]);
    }
    expect(driver.raiseFeatureLevel(FEATURE_LEVEL)).toBe(OK);
    const raised = state.digest.lanes();
    for (let level = 0; level <= FEATURE_LEVEL; level++) {
      expect(driver.raiseFeatureLevel(level)).toBe(errors.INVALID_ARGUMENT.code);
      expect([state.featureLevel, ...state.digest.lanes()]).toEqual([FEATURE_LEVEL, ...raised]);
    }
    auditTree(driver.tree);
  });
});

describe("an ACL entry of scheme sasl or x509", () => {
  const acl = [{ scheme: "sasl", id: "bob", permissions: 31 }] as const;
  const operations: readonly WriteOperation[] = [
    { kind: "create", path: "/b", data: ONE, mode: 0, acl },
    { kind: "set-acl", path: "/a", acl, version: -1 },
    { kind: "create", path: "/c", data: ONE, mode: 0, acl: [{ scheme: "x509", id: "CN=bob", permissions: 31 }] },
    { kind: "set-acl", path: "/c", acl: [{ scheme: "auth", id: "", permissions: 31 }], version: -1 },
  ];

  it("core.md 5: is INVALID_ACL below its level, which leaves state and digest alone; then it is kept", () => {
    const driver = new TreeDriver();
    driver.identities = [
      { scheme: "sasl", id: "bob" },
      { scheme: "x509", id: "CN=bob" },
    ];
    driver.create("/a");
    for (let level = FIRST_FEATURE_LEVEL; level < featureLevelOf.PROVED_ACL; level++) {
      driver.raiseFeatureLevel(level);
      const before = driver.tree.state.digest.lanes();
      for (const operation of operations) expect(() => driver.write(operation)).toThrow("INVALID_ACL");
      expect(driver.tree.state.digest.lanes()).toEqual(before);
    }
    driver.raiseFeatureLevel(featureLevelOf.PROVED_ACL);
    for (const operation of operations) driver.write(operation);
    expect(driver.read({ kind: "get-acl", path: "/a" }).acl).toEqual(acl);
    expect(driver.read({ kind: "get-acl", path: "/c" }).acl).toEqual(
      driver.identities.map((identity) => ({ ...identity, permissions: 31 })),
    );
    driver.identities = [{ scheme: "sasl", id: "eve" }];
    expect(() => driver.set("/a")).toThrow("NO_PERMISSION");
    auditTree(driver.tree);
  });
});

describe("reconfigure", () => {
  it("core.md 5: is UNSUPPORTED below its level, and leaves state and digest of that level alone", () => {
    const driver = new TreeDriver();
    const { zxid: _, ...before } = driver.tree.snapshotMeta();
    expect(driver.reconfigure(0, ONE)).toBe(errors.UNSUPPORTED.code);
    expect(driver.tree.snapshotMeta()).toMatchObject(before);
    driver.raiseFeatureLevel(featureLevelOf.RECONFIGURE);
    expect(driver.reconfigure(0, ONE)).toBe(OK);
  });

  it("core.md 25: replaces the configuration it was made for, and no other; a copy, at its own zxid", () => {
    const driver = new TreeDriver();
    const { state } = driver.tree;
    driver.raiseFeatureLevel(FEATURE_LEVEL);
    expect(driver.reconfigure(1, ONE)).toBe(errors.CONFIGURATION_CHANGED.code);
    expect([state.configurationZxid, state.configuration.length]).toEqual([0, 0]);
    const given = ONE.slice();
    expect(driver.reconfigure(0, given)).toBe(OK);
    given.fill(7);
    const first = driver.tree.zxid;
    expect([state.configurationZxid, ...state.configuration]).toEqual([first, 1]);
    for (const stale of [0, first - 1, first + 1]) {
      expect(driver.reconfigure(stale, TWO)).toBe(errors.CONFIGURATION_CHANGED.code);
    }
    expect([state.configurationZxid, ...state.configuration]).toEqual([first, 1]);
    const meta = driver.tree.snapshotMeta();
    expect(driver.reconfigure(first, TWO)).toBe(OK);
    expect([state.configurationZxid, ...state.configuration]).toEqual([driver.tree.zxid, 2]);
    expect([meta.configurationZxid, ...meta.configuration], "a round keeps what it froze").toEqual([first, 1]);
    auditTree(driver.tree);
  });

  it("core.md 25: is refused in a batch that does not say what it holds", () => {
    const driver = new TreeDriver();
    driver.raiseFeatureLevel(FEATURE_LEVEL);
    const before = driver.tree.state.digest.lanes();
    expect(driver.reconfigure(0, ONE, 0)).toBe(errors.INVALID_ARGUMENT.code);
    expect(driver.tree.state.digest.lanes()).toEqual(before);
    expect(driver.tree.state.configurationZxid).toBe(0);
    expect(driver.reconfigure(0, ONE)).toBe(OK);
  });

  it("core.md 30: is in the digest with every byte and its zxid", () => {
    const lanes = (bytes: Uint8Array, skipped: number): string => {
      const driver = new TreeDriver();
      driver.raiseFeatureLevel(FEATURE_LEVEL);
      for (let i = 0; i < skipped; i++) driver.raiseFeatureLevel(0);
      expect(driver.reconfigure(0, bytes)).toBe(OK);
      return String(driver.tree.state.digest.lanes());
    };
    const variants = [ONE, TWO, Uint8Array.of(1, 0), Uint8Array.of(0, 1), Uint8Array.of(0)];
    const seen = variants.flatMap((bytes) => [lanes(bytes, 0), lanes(bytes, 1)]);
    expect(new Set(seen).size).toBe(2 * variants.length);
    expect(lanes(ONE, 0)).toBe(lanes(ONE, 0));
  });

  it("core.md 34: is in a snapshot of a tree that has nothing else to say", () => {
    const driver = new TreeDriver();
    driver.raiseFeatureLevel(FEATURE_LEVEL);
    driver.reconfigure(0, TWO);
    expect(driver.tree.snapshotMeta()).toMatchObject({
      configuration: TWO,
      configurationZxid: driver.tree.zxid,
      featureLevel: FEATURE_LEVEL,
    });
    expect(Tree.fresh(1, { record: () => undefined }).snapshotMeta()).toMatchObject({
      configuration: new Uint8Array(0),
      configurationZxid: 0,
    });
  });
});
