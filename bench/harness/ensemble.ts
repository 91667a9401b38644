import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EnsembleAdmin, type EnsembleStatus, readStatus } from "@muster/client";
import { freePorts } from "./free-ports.ts";
import { Member, type MemberExit } from "./member.ts";
import { sleep, until } from "./waiting.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STATUS_TIMEOUT_MS = 2_000;
/** How long members may take to agree on a leader, or to have the same last zxid. */
const AGREEMENT_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
/** Ports of a member. */
const DOORS = 4;
const VERIFY_OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export interface EnsembleOptions {
  readonly members: number;
  /** Each member's data directory is made in it. */
  readonly folder: string;
  readonly flags: readonly string[];
  /** Opens the ZooKeeper door, to any number of connections; by default it is closed. */
  readonly zookeeper?: boolean;
  /** The environment of a member's process. */
  readonly env: (id: number) => Readonly<Record<string, string>>;
}

/** One member's place: its data and its addresses, which it keeps whatever becomes of its process. */
export interface Place {
  readonly id: number;
  readonly dataDir: string;
  readonly grpc: string;
  readonly http: string;
  readonly peer: string;
  /** Where its ZooKeeper door is, if that is open. */
  readonly zookeeper: string;
  /** Texts of its log's messages, of all its processes, with when they were read. */
  readonly log: { readonly at: number; readonly message: string }[];
}

/** Real members in processes of their own, on loopback, each started as a user starts it. */
export class Ensemble {
  readonly places: readonly Place[];
  private readonly options: EnsembleOptions;
  private readonly running = new Map<number, Member>();

  private constructor(options: EnsembleOptions, places: readonly Place[]) {
    this.options = options;
    this.places = places;
  }

  /** Resolves once all members serve and agree on a leader. */
  static async start(options: EnsembleOptions): Promise<Ensemble> {
    const ports = await freePorts(options.members * DOORS);
    const places = Array.from({ length: options.members }, (_, index): Place => {
      const own = ports.slice(index * DOORS, (index + 1) * DOORS).map((port) => `127.0.0.1:${port}`);
      const [grpc, http, peer, zookeeper] = own as [string, string, string, string];
      return {
        id: index + 1,
        dataDir: path.join(options.folder, `member-${index + 1}`),
        grpc,
        http,
        peer,
        zookeeper,
        log: [],
      };
    });
    const ensemble = new Ensemble(options, places);
    await ensemble.startAll();
    return ensemble;
  }

  /** Starts all members where they were; resolves once all serve and agree on a leader. */
  async startAll(): Promise<void> {
    try {
      await Promise.all(this.places.map(({ id }) => this.startMember(id)));
      await this.agreed();
    } catch (error) {
      await this.killAll();
      throw error;
    }
  }

  get endpoints(): string[] {
    return this.places.map(({ grpc }) => grpc);
  }

  get runningIds(): number[] {
    return [...this.running.keys()].sort((a, b) => a - b);
  }

  place(id: number): Place {
    const place = this.places[id - 1];
    if (place === undefined) throw new Error(`there is no member ${id}`);
    return place;
  }

  member(id: number): Member {
    const member = this.running.get(id);
    if (member === undefined) throw new Error(`member ${id} does not run`);
    return member;
  }

  /** Resolves once it serves. */
  async startMember(id: number): Promise<Member> {
    const { dataDir, grpc, http, peer, zookeeper, log } = this.place(id);
    const list = this.places.map((place) => `${place.id}@${place.peer}`).join(",");
    const door = ["--zookeeper-listen", zookeeper, "--zookeeper-connections-per-address", "0"];
    const member = await Member.start({
      dataDir,
      grpcListen: grpc,
      httpListen: http,
      peerListen: peer,
      flags: [
        ...["--id", String(id)],
        ...(this.places.length > 1 ? ["--ensemble", list] : []),
        ...(this.options.zookeeper === true ? door : []),
        ...this.options.flags,
      ],
      env: this.options.env(id),
      onLogLine: (line) => log.push({ at: performance.now(), message: messageOf(line) }),
    });
    this.running.set(id, member);
    return member;
  }

  /** kill -9; resolves when its process is gone. */
  async killMember(id: number): Promise<MemberExit> {
    const exit = this.member(id).kill();
    this.running.delete(id);
    return exit;
  }

  async stopMember(id: number): Promise<MemberExit> {
    const exit = this.member(id).stop();
    this.running.delete(id);
    return exit;
  }

  /** What a member that is down had, it has no more. */
  async wipe(id: number): Promise<void> {
    if (this.running.has(id)) throw new Error(`member ${id} runs`);
    await rm(this.place(id).dataDir, { recursive: true, force: true });
  }

  status(id: number): Promise<EnsembleStatus> {
    return readStatus({ endpoints: this.place(id).grpc, timeoutMs: STATUS_TIMEOUT_MS });
  }

  /** For its operators; asks the members that run. */
  admin(): EnsembleAdmin {
    return new EnsembleAdmin({ endpoints: this.runningIds.map((id) => this.place(id).grpc) });
  }

  /** The leader by its own word, once all members that run serve and name it. `except`: one that is paused. */
  async agreed(except?: number): Promise<number> {
    const ids = this.runningIds.filter((id) => id !== except);
    return until(AGREEMENT_TIMEOUT_MS, POLL_MS, `members ${ids} to serve under one leader`, async () => {
      const all = await Promise.all(ids.map((id) => this.status(id)));
      const [first] = all;
      const leads = first?.leaderId ?? 0;
      const agreed = all.every(({ leaderId, notReady }) => leaderId === leads && notReady.length === 0);
      return agreed && ids.includes(leads) ? leads : undefined;
    });
  }

  /** Waits until every member that runs has applied the same last zxid, which is answered; for when nobody writes. */
  async settled(): Promise<number> {
    const ids = this.runningIds;
    let last = 0;
    return until(AGREEMENT_TIMEOUT_MS, 5 * POLL_MS, `members ${ids} to have the same last zxid`, async () => {
      const zxids = (await Promise.all(ids.map((id) => this.status(id)))).map(({ zxid }) => zxid);
      const highest = Math.max(...zxids);
      // Twice the same: nothing was under way.
      const same = zxids.every((zxid) => zxid === highest) && highest === last;
      last = highest;
      return same ? highest : undefined;
    });
  }

  /**
   * Whether a member has caught up at some moment after the call: its applied zxid is no lower than what the leader's
   * had been before it was asked.
   */
  async caughtUp(id: number, leader: number): Promise<boolean> {
    const target = (await this.status(leader)).zxid;
    const { zxid, notReady } = await this.status(id);
    return zxid >= target && notReady.length === 0;
  }

  /** Ends all of them as they are and lets `muster verify` read what each has on its disk. */
  async verifyStopped(): Promise<readonly VerifiedMember[]> {
    await this.killAll();
    return Promise.all(this.places.map((place) => verify(place)));
  }

  async stopAll(): Promise<void> {
    const members = [...this.running.values()];
    this.running.clear();
    for (const member of members) member.signal("SIGCONT");
    await Promise.all(members.map((member) => member.stop()));
  }

  async killAll(): Promise<void> {
    const members = [...this.running.values()];
    this.running.clear();
    await Promise.all(members.map((member) => member.kill()));
  }

  /** When the member's log said `message` for the first time since `since`. */
  saidAt(id: number, message: string, since: number): number | undefined {
    return this.place(id).log.find((line) => line.at >= since && line.message.startsWith(message))?.at;
  }

  /** Gives what is on its way, the logs' lines too, time to arrive. */
  async quiet(): Promise<void> {
    await sleep(200);
  }
}

export interface VerifiedMember {
  readonly id: number;
  readonly ok: boolean;
  readonly zxid: string;
  readonly digest: string;
  readonly findings: readonly unknown[];
}

async function verify({ id, dataDir }: Place): Promise<VerifiedMember> {
  const options = { cwd: ROOT, maxBuffer: VERIFY_OUTPUT_BYTES_MAX };
  const command = run(process.execPath, ["bin/muster.js", "verify", "-o", "json", dataDir], options);
  // Exit code 1 tells what the report tells, too.
  const { stdout, stderr } = await command.catch((error: { stdout: string; stderr: string }) => error);
  if (!stdout.startsWith("{")) throw new Error(`muster verify of member ${id} failed: ${stderr}`);
  const report = JSON.parse(stdout);
  const { zxid = "", digest = [] } = report.state ?? {};
  return { id, ok: report.ok, zxid, digest: digest.join(""), findings: report.findings };
}

function messageOf(line: string): string {
  try {
    return String(JSON.parse(line).msg ?? line);
  } catch {
    return line;
  }
}
