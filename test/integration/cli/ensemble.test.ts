import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startDevEnsemble } from "./dev-ensemble.ts";
import { ended, MusterHome } from "./muster-process.ts";
import { ServerGroup } from "./server-group.ts";

let home: MusterHome;
let group: ServerGroup;
beforeEach(() => {
  home = new MusterHome();
  group = new ServerGroup(home);
});
afterEach(() => home.dispose());

async function voters(of: number): Promise<number[]> {
  const { members } = await group.status(of);
  return members.filter(({ votingRole }) => votingRole === "voter").map(({ id }) => id);
}

describe("muster ensemble", () => {
  test("a fourth member joins, is added, promoted, moved, demoted and removed, and no write is lost", async () => {
    await group.found(3);
    await group.succeed(["znode", "create", "/kept", "value"]);

    // It lists the members and itself, and joins; it serves, and is not of the ensemble yet.
    await group.start(4, group.peers().set(4, await group.freeAddress()));
    await group.until(async () => (await group.seen(4, 1))?.isReachable === true, "member 4 is seen");
    expect(await group.seen(4, 1)).toMatchObject({ votingRole: "joining" });
    expect(await group.succeed(["znode", "get", "/kept"], 4)).toBe("value");

    expect(await group.succeed(["ensemble", "add", "4", "--role", "observer"])).toBe("added member 4 as observer\n");
    await group.until(async () => (await group.seen(4, 4))?.votingRole === "observer", "member 4 observes");
    expect(await group.refused(1, ["ensemble", "add", "4"])).toMatch(
      /^\[MEMBER_EXISTS\] .*member 4 is of this ensemble already, an observer at/,
    );
    await group.until(() => group.settled([1, 2, 3, 4]), "all have the same");

    expect(await group.succeed(["ensemble", "promote", "4"])).toBe("member 4 is a voter\n");
    expect(await voters(4)).toEqual([1, 2, 3, 4]);
    expect(await group.refused(1, ["ensemble", "promote", "4"])).toContain("is as asked already");

    // It moves to another address: started there, it dials the others, and the configuration follows.
    await group.stop(4);
    const moved = await group.freeAddress();
    await group.start(4, group.peers().set(4, moved));
    expect(await group.succeed(["ensemble", "change", "4", "--peer", moved])).toBe("changed member 4\n");
    await group.until(async () => (await group.seen(4, 2))?.peerAddress === moved, "member 2 has the new address");
    await group.until(() => group.settled([1, 2, 3, 4]), "all have the same");
    expect(await group.succeed(["ensemble", "transfer-leadership", "--to", "4"])).toBe("member 4 leads\n");
    await group.until(async () => (await group.leader(2)) === 4, "member 2 follows 4");

    // Demoted while it leads, it hands over; removed, it goes on as a joiner.
    expect(await group.succeed(["ensemble", "demote", "4"])).toBe("member 4 is an observer\n");
    await group.until(async () => [1, 2, 3].includes(await group.leader(4)), "another leads");
    await group.until(() => group.settled([1, 2, 3, 4]), "all have the same");
    expect(await group.seen(4, 1)).toMatchObject({ votingRole: "observer", role: "observer" });
    expect(await group.succeed(["ensemble", "remove", "4"])).toBe("removed member 4\n");
    await group.until(async () => (await group.seen(4, 1))?.votingRole === "joining", "member 4 is a joiner again");
    expect(await group.succeed(["znode", "set", "/kept", "more"], 1)).toBeDefined();
    expect(await voters(1)).toEqual([1, 2, 3]);
    await group.stopAndVerify();
  });

  test("the leader can be removed, handing over first, and comes back as one that is added", async () => {
    await group.found(3);
    const leader = await group.leader(1);
    const others = [1, 2, 3].filter((id) => id !== leader);
    await group.succeed(["znode", "create", "/kept", "value"]);
    expect(await group.succeed(["ensemble", "remove", `${leader}`], leader)).toBe(`removed member ${leader}\n`);
    const [witness] = others as [number];
    await group.until(async () => others.includes(await group.leader(witness)), "one of the others leads");
    await group.until(async () => (await group.seen(leader, witness))?.votingRole === "joining", "it joins");
    expect(await voters(witness)).toEqual(others);
    await group.succeed(["znode", "set", "/kept", "more"], witness);
    expect(await group.succeed(["ensemble", "add", `${leader}`], witness)).toBe(`added member ${leader} as voter\n`);
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
    expect(await group.succeed(["znode", "get", "/kept"], leader)).toBe("more");
    await group.stopAndVerify();
  });

  test("refusals name the member, the rule and what to do", async () => {
    await group.found(3);
    const leader = await group.leader(1);
    const [near, far] = [1, 2, 3].filter((id) => id !== leader) as [number, number];
    expect(await group.refused(1, ["ensemble", "add", "9"], near)).toMatch(
      /^\[MEMBER_NOT_CONNECTED\] .*start it with --id 9, an empty data directory and --ensemble listing the members/,
    );
    expect(await group.refused(1, ["ensemble", "remove", "9"], near)).toMatch(
      /^\[MEMBER_UNKNOWN\] .*member 9 is not of this ensemble, which has 1, 2, 3/,
    );
    expect(await group.refused(1, ["ensemble", "transfer-leadership", "--to", "9"])).toMatch(/^\[MEMBER_UNKNOWN\] /);
    const taken = group.member(near).peer;
    expect(await group.refused(1, ["ensemble", "change", `${far}`, "--peer", taken])).toMatch(
      new RegExp(`^\\[INVALID_CONFIGURATION\\] .*${taken} is the address of member ${near}`),
    );
    expect(await group.refused(2, ["ensemble", "change", `${far}`])).toContain("names nothing to change");
    expect(await group.refused(2, ["ensemble", "add", "256"])).toContain('"256"');

    await group.succeed(["ensemble", "demote", `${far}`]);
    await group.succeed(["ensemble", "demote", `${near}`]);
    for (const words of [["remove"], ["demote"]]) {
      expect(await group.refused(1, ["ensemble", ...words, `${leader}`])).toMatch(
        new RegExp(
          `^\\[INVALID_CONFIGURATION\\] .*member ${leader} is the last voter whose vote counts; add or promote`,
        ),
      );
    }
    // One that is not there cannot have caught up.
    await group.kill(far);
    await group.until(async () => (await group.seen(far, leader))?.isReachable === false, "it is gone");
    expect(await group.refused(1, ["ensemble", "promote", `${far}`])).toMatch(
      new RegExp(`^\\[MEMBER_NOT_SYNCED\\] .*member ${far} has not caught up with the leader`),
    );
    await group.stopAndVerify();
  });

  test("a member that waits for others stops once asked, and can be started again", async () => {
    const peers = new Map<number, string>();
    for (const id of [1, 2, 3]) peers.set(id, await group.freeAddress());
    const waiting = await group.launch(1, peers);
    await group.until(() => waiting.log.includes("cannot be reached"), "it looks for the others");
    await group.stop(1);
    expect(waiting.log).not.toContain("by force");
    await Promise.all([1, 2, 3].map((id) => group.start(id, peers)));
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
  });

  test("without a quorum a change is refused, not waited for, and the status still tells how it stands", async () => {
    await group.found(3);
    const leader = await group.leader(1);
    const survivor = [1, 2, 3].find((id) => id !== leader) as number;
    for (const id of [1, 2, 3]) if (id !== survivor) await group.kill(id);
    await group.until(async () => (await group.leader(survivor)) === 0, "no leader is known");
    const line = await group.refused(3, ["ensemble", "remove", `${leader}`], survivor);
    expect(line).toMatch(/^\[NO_QUORUM\] .*there is no leader that could change the ensemble/);
    const table = await group.succeed(["ensemble", "status"], survivor);
    expect(table).toContain(`member ${survivor} knows no leader\n`);
    expect(table.match(/^ *\d .* no /gm)).toHaveLength(2);
  });

  test("core.md 26: a member that lost its disk is readmitted by itself, and has everything again", async () => {
    await group.found(3);
    const leader = await group.leader(1);
    const lost = [1, 2, 3].find((id) => id !== leader) as number;
    await group.succeed(["znode", "create", "/kept", "value"]);
    await group.kill(lost);
    group.wipe(lost);
    await group.succeed(["znode", "set", "/kept", "more"]);
    await group.start(lost, group.peers());
    await group.until(async () => (await group.seen(lost, leader))?.votingRole === "voter", "it votes again");
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
    expect(await group.succeed(["znode", "get", "/kept"], lost)).toBe("more");
    // Its vote counts: with the leader gone, it and the third one go on.
    await group.kill(leader);
    await group.until(async () => ![0, leader].includes(await group.leader(lost)), "another leads");
    await group.succeed(["znode", "set", "/kept", "again"], lost);
    await group.stopAndVerify();
  });

  test("the one survivor of three is recovered by force, and the others are added anew", async () => {
    await group.found(3);
    await group.succeed(["znode", "create", "/kept", "value"]);
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
    const old = (await group.status(1)).ensembleId;
    for (const id of [2, 3]) {
      await group.kill(id);
      group.wipe(id);
    }
    await group.stop(1);
    const { dataDir } = group.member(1);
    const command = ["ensemble", "recover", "--data-dir", dataDir];
    const shown = await home.run(command);
    expect(shown.code).toBe(2);
    expect(String(shown.stdout)).toMatch(/^out +members 2, 3: they can only come back with empty data directories$/m);
    expect(shown.stderr).toContain("nothing was done; add --force");
    const unasked = await home.run([...command, "--force"]);
    expect({ code: unasked.code, stderr: unasked.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("add --yes to go on without being asked; nothing was done"),
    });
    const done = await home.run([...command, "--force", "--yes"]);
    expect(done.code, done.stderr).toBe(0);
    expect(String(done.stdout)).toContain("start it alone, without --ensemble");
    const again = await home.run([...command, "--force", "--yes"]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("is a quorum by itself") });

    // As the command says: alone first. Then, with its address told, the others come back empty.
    await group.start(1, undefined);
    expect(await group.succeed(["znode", "get", "/kept"], 1)).toBe("value");
    expect((await group.status(1)).ensembleId).not.toBe(old);
    await group.stop(1);
    await group.start(1, group.peers());
    for (const id of [2, 3]) {
      await group.start(id, group.peers());
      await group.until(async () => (await group.seen(id, 1))?.isReachable === true, `member ${id} joins`);
      await group.until(async () => (await group.run(["ensemble", "add", `${id}`], 1)).code === 0, `${id} is added`);
    }
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
    expect(await voters(3)).toEqual([1, 2, 3]);
    await group.kill(1);
    await group.until(async () => [2, 3].includes(await group.leader(2)), "another leads");
    expect(await group.succeed(["znode", "get", "/kept"], 2)).toBe("value");
    await group.stopAndVerify();
  });
});

describe("muster dev --members 3", () => {
  test("the banner's command works, leadership goes where it is asked, a dead member is back by itself", async () => {
    const { child, endpoints, output } = await startDevEnsemble(home);
    const ask = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await home.run([...args, "--endpoints", endpoints]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return String(stdout);
    };
    const table = (await ask("ensemble", "status")).trimEnd().split("\n");
    expect(table[0]).toMatch(/^ID +ROLE +VOTING +WEIGHT +ZXID +LAG +REACHABLE +VERSION +GRPC +HTTP +PEERS +ZOOKEEPER$/);
    expect(table).toHaveLength(4);
    expect(
      table.filter((row) => /^ *\d +leader +voter +1 /.test(row)),
      table.join("\n"),
    ).toHaveLength(1);
    expect(table.filter((row) => /^ *\d +follower +voter +1 /.test(row))).toHaveLength(2);

    type Json = { members: { id: number; role: string; isReachable: boolean; grpcAddress: string; lag: number }[] };
    const status = async (): Promise<Json> => JSON.parse(await ask("ensemble", "status", "-o", "json")) as Json;
    const { members } = await status();
    expect(members.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(members.map(({ grpcAddress }) => grpcAddress).join(",")).toBe(endpoints);
    const next = members.find(({ role }) => role === "follower")?.id as number;
    expect(await ask("ensemble", "transfer-leadership", "--to", `${next}`)).toBe(`member ${next} leads\n`);
    expect((await status()).members.find(({ role }) => role === "leader")?.id).toBe(next);
    expect(await ask("ensemble", "transfer-leadership")).toBe("another member leads\n");
    expect((await status()).members.find(({ role }) => role === "leader")?.id).not.toBe(next);

    await ask("znode", "create", "/kept", "value");
    const pid = Number(readPid(home, 2));
    process.kill(pid, "SIGKILL");
    await vi.waitUntil(() => output().includes("member 2 serves again"), { timeout: 90_000, interval: 20 });
    expect(output()).toMatch(/^muster: member 2 was ended by SIGKILL, .*it is started again in \d+ ms$/m);
    child.kill("SIGINT");
    expect(await ended(child)).toBe(0);
    for (const id of [1, 2, 3]) {
      const { code, stdout } = await home.run(["verify", `.muster/member-${id}`]);
      expect(code, String(stdout)).toBe(0);
    }
  });
});

function readPid({ directory }: MusterHome, id: number): string {
  return readFileSync(join(directory, ".muster", `member-${id}`, "muster.pid"), "utf8").trim();
}
