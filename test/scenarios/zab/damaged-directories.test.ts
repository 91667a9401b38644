import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Prng } from "../../../src/core/base/prng.ts";
import { DAMAGE_MARKER } from "../../../src/runtime/damage.ts";
import type { RuntimeOptions } from "../../../src/runtime/runtime-contract.ts";
import { JOURNAL_FOLDER } from "../../../src/storage/data-dir.ts";
import { stablePort } from "../../integration/crash/stable-port.ts";
import { RuntimeRig } from "../../unit/runtime/runtime-rig.ts";

const IDS = [1, 2, 3];
const TIMEOUT_MS = 60_000;
const CREATES = 50;
/** Some rounds in what is written here, or none: then all of the journal is needed. */
const SOME_ROUNDS = 20_000;
const NO_ROUNDS = 2 ** 30;

/** Three members on real directories and sockets, in this process. */
class Ensemble {
  readonly rigs = new Map<number, RuntimeRig>();
  private readonly addresses: readonly { readonly id: number; readonly address: string }[];

  private readonly roundBytes: number;

  private constructor(addresses: readonly { readonly id: number; readonly address: string }[], roundBytes: number) {
    this.addresses = addresses;
    this.roundBytes = roundBytes;
    for (const { id } of addresses) this.rigs.set(id, new RuntimeRig());
  }

  /** @param roundBytes of journal for each snapshot round */
  static async start(roundBytes: number): Promise<Ensemble> {
    const random = new Prng(process.pid);
    const addresses: { id: number; address: string }[] = [];
    for (const id of IDS) addresses.push({ id, address: `127.0.0.1:${await stablePort(random)}` });
    const ensemble = new Ensemble(addresses, roundBytes);
    running.push(ensemble);
    await Promise.all(IDS.map((id) => ensemble.open(id)));
    return ensemble;
  }

  at(id: number): RuntimeRig {
    return this.rigs.get(id) as RuntimeRig;
  }

  /** Opens the member and waits until it leads or follows. */
  async open(id: number): Promise<void> {
    const { address } = this.addresses[id - 1] as { address: string };
    const rig = this.at(id);
    const links = { listen: address, members: this.addresses, version: "scenario" };
    const options: Partial<RuntimeOptions> = { memberId: id, peerAddress: address, links, roundBytes: this.roundBytes };
    await rig.open(options);
    await rig.until(() => ["leader", "follower"].includes(rig.roles.at(-1) ?? ""));
  }

  /** The same directory, for another life. */
  async stop(id: number): Promise<string> {
    const { runtime, directory } = this.at(id);
    await runtime.stop();
    this.rigs.set(id, new RuntimeRig(directory));
    return directory;
  }

  /** Some data, of which every member takes snapshots meanwhile; all has been applied by member `id`. */
  async fill(id: number, prefix: string): Promise<void> {
    const client = this.at(id).client();
    await client.open();
    for (let i = 0; i < CREATES; i++) expect(await client.create(`/${prefix}${i}`, "x".repeat(900))).toBe("OK");
    client.connection.detach();
  }

  async close(): Promise<void> {
    await Promise.all([...this.rigs.values()].map(({ runtime }) => runtime?.stop()));
  }
}

const running: Ensemble[] = [];
afterEach(async () => {
  for (const ensemble of running.splice(0)) await ensemble.close();
});

function journalFiles(directory: string): string[] {
  const folder = join(directory, JOURNAL_FOLDER);
  return readdirSync(folder)
    .filter((name) => name.endsWith(".journal"))
    .map((name) => join(folder, name));
}

function snapshotFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith("snapshot-"))
    .map((name) => join(directory, name));
}

function overwrite(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes.fill(0xa5, at, at + 64);
  writeFileSync(file, bytes);
}

describe("core.md 28: a member whose data is damaged, among others", () => {
  it.each<[string, number, (directory: string) => void]>([
    [
      "Z-2325: its snapshot is gone, and of the journal the beginning",
      SOME_ROUNDS,
      (directory) => {
        for (const file of snapshotFiles(directory)) rmSync(file);
        // With that, there would be nothing wrong: everything is made again of the journal.
        overwrite(journalFiles(directory)[0] as string, 0);
      },
    ],
    [
      "Z-3231, Z-3644: its journal is gone, and the snapshot is not",
      SOME_ROUNDS,
      (directory) => {
        for (const file of journalFiles(directory)) rmSync(file);
      },
    ],
    [
      "its snapshot is no database any more",
      SOME_ROUNDS,
      (directory) => overwrite(snapshotFiles(directory)[0] as string, 0),
    ],
  ])(
    "%s: serves nothing of it, keeps it aside, gets everything again, and counts then",
    { timeout: TIMEOUT_MS },
    async (_, roundBytes, damage) => {
      const ensemble = await Ensemble.start(roundBytes);
      await ensemble.fill(1, "before-");
      const directory = await ensemble.stop(1);
      expect([journalFiles(directory).length > 0, snapshotFiles(directory).length > 0]).toEqual([true, true]);
      damage(directory);
      await ensemble.fill(2, "after-");
      await ensemble.open(1);
      const own = ensemble.at(1);
      expect(own.notices.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
        "the data is damaged, and put aside in damaged-1; this member gets it again from the others",
      ]);
      expect([existsSync(join(directory, DAMAGE_MARKER)), existsSync(join(directory, "damaged-1"))]).toEqual([
        false,
        true,
      ]);
      await ensemble.fill(1, "again-");
      // It counts: with one of the others away, it and the last one are the quorum.
      const away = IDS.find((id) => id !== 1 && ensemble.at(id).roles.at(-1) === "follower") ?? 2;
      await ensemble.stop(away);
      await ensemble.fill(1, "counted-");
      await ensemble.open(away);
      await ensemble.fill(away, "last-");
      await ensemble.fill(1, "very-last-");
      const client = own.client();
      for (const path of ["/before-49", "/after-49", "/again-0", "/last-49"]) expect(await client.get(path)).toBe("OK");
    },
  );

  it("Z-3644: is marked before anything is moved, and stays so until it has everything, whatever becomes of it", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const ensemble = await Ensemble.start(SOME_ROUNDS);
    await ensemble.fill(1, "n");
    const directories = await Promise.all(IDS.map((id) => ensemble.stop(id)));
    const directory = directories[0] as string;
    for (const file of snapshotFiles(directory)) overwrite(file, 0);
    // Alone it is nothing: it waits for the others, marked.
    const opening = ensemble.open(1);
    const rig = ensemble.at(1);
    await rig.until(() => rig.notices.some(({ level }) => level === "error"));
    expect([existsSync(join(directory, DAMAGE_MARKER)), rig.roles]).toEqual([true, []]);
    await Promise.all([opening, ensemble.open(2), ensemble.open(3)]);
    expect(existsSync(join(directory, DAMAGE_MARKER))).toBe(false);
    const client = rig.client();
    expect(await client.get("/n49")).toBe("OK");
  });
});

describe("core.md 28: members whose journals have holes, among others", () => {
  /** Wherever groups happen to end: a single place may lie in the padding between two. */
  function rot(directory: string, from: number): void {
    for (let at = from; at < from + 8_000; at += 100) overwrite(journalFiles(directory)[0] as string, at);
  }

  function asideOf(directory: string): string[] {
    return readdirSync(directory).filter((name) => name.startsWith(DAMAGE_MARKER));
  }

  it("one gets what it lost from the others, puts nothing aside, and counts at once", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const ensemble = await Ensemble.start(NO_ROUNDS);
    await ensemble.fill(1, "before-");
    const directory = await ensemble.stop(1);
    rot(directory, 24_000);
    await ensemble.fill(2, "after-");
    await ensemble.open(1);
    const own = ensemble.at(1);
    expect(asideOf(directory)).toEqual([]);
    const told = own.notices.map(({ message }) => message);
    expect(told.filter((text) => /had \d+ batches that the damaged journal lacked/.test(text))).toHaveLength(1);
    const away = IDS.find((id) => id !== 1 && ensemble.at(id).roles.at(-1) === "follower") ?? 2;
    await ensemble.stop(away);
    await ensemble.fill(1, "counted-");
    const client = own.client();
    for (const path of ["/before-0", "/before-49", "/after-49", "/counted-49"])
      expect(await client.get(path)).toBe("OK");
  });

  it("two of three with other holes each are mended, and the ensemble has all it ever acknowledged", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const ensemble = await Ensemble.start(NO_ROUNDS);
    await ensemble.fill(1, "n");
    // Another reign: its record behind the holes says that no promise is lost in them.
    for (const id of IDS) await ensemble.stop(id);
    await Promise.all(IDS.map((id) => ensemble.open(id)));
    const directories = await Promise.all(IDS.map((id) => ensemble.stop(id)));
    rot(directories[0] as string, 16_000);
    rot(directories[1] as string, 32_000);
    // The two alone have all of it between them.
    await Promise.all([ensemble.open(1), ensemble.open(2)]);
    expect(directories.map(asideOf)).toEqual([[], [], []]);
    expect(ensemble.at(1).notices.map(({ message }) => message)).toContain(
      "the journal is mended: nothing of it is lost",
    );
    const client = ensemble.at(1).client();
    for (let i = 0; i < CREATES; i++) expect(await client.get(`/n${i}`)).toBe("OK");
    await ensemble.fill(2, "more");
    await ensemble.open(3);
    expect(await ensemble.at(3).client().get("/more49")).toBe("OK");
  });
});
