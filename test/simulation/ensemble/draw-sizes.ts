import { Prng } from "../../../src/core/base/prng.ts";
import type { Identity } from "../../../src/core/tree/operation.ts";
import type { EnsembleConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import { type DiskCall, SimulatedDisk } from "../../support/simulated-disk.ts";
import type { Machine } from "../machine.ts";
import type { MemberSizes } from "../simulated-member.ts";
import type { Weather } from "./peer-way.ts";

const PEER_TIMEOUT_MS = 1_000;
/** All events of a run fit. */
const HISTORY_BYTES = 256 * 1024;

/** How quick and how even the links between members are. */
export const WEATHERS: readonly Weather[] = [
  { delayMsMax: 1, spikeChance: 0, spikeMsMax: 0 },
  { delayMsMax: 3, spikeChance: 0.01, spikeMsMax: 60 },
  { delayMsMax: 15, spikeChance: 0.03, spikeMsMax: 300 },
];

const ALICE: Identity = { scheme: "digest", id: "alice:wonder=" };
/** Whom a client may be. */
export const WHO: readonly (readonly Identity[])[] = [
  [{ scheme: "super", id: "" }],
  [{ scheme: "super", id: "" }],
  [{ scheme: "super", id: "" }],
  [ALICE, { scheme: "ip", id: "10.1.2.3" }],
  [
    { scheme: "digest", id: "bob:builder=" },
    { scheme: "ip", id: "192.168.1.9" },
  ],
  [],
];

/** The limits of a run, small, so that whatever they bound happens. */
export function drawSizes(random: Prng, machines: readonly Machine[]): MemberSizes {
  const bootstrap: EnsembleConfiguration = {
    ensembleId: "00".repeat(16),
    members: machines.map(({ id, incarnation }) => ({
      id,
      role: "voter",
      weight: 1,
      group: 0,
      incarnation,
      peerAddress: `127.0.0.1:${id}`,
    })),
  };
  return {
    segmentBytes: random.pick([24, 32, 64]) * 1024,
    roundBytes: random.pick([2, 6, 20]) * 1024,
    keepCommands: random.pick([0, 30, 100]),
    historyBytesMax: HISTORY_BYTES,
    keepsHistory: random.chance(0.5),
    zab: {
      bootstrap,
      counterMax: random.pick([undefined, undefined, 150]),
      peerTimeoutMs: PEER_TIMEOUT_MS,
      recentBytes: random.pick([0, 2_000, 1_000_000]),
      learnerWindowBytes: random.pick([2_000, 20_000]),
    },
  };
}

/** Says once in ten times that it has synced, and has not. */
export class LyingDisk extends SimulatedDisk {
  private readonly random = new Prng(1);

  override change(call: DiskCall, path: string, action: () => void): void {
    super.change(call, path, call === "datasync" && this.random.chance(0.1) ? () => undefined : action);
  }
}
