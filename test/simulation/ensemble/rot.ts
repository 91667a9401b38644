import type { Prng } from "../../../src/core/base/prng.ts";
import { outlineLog, type ZxidSpan } from "../../../src/core/member/log-outline.ts";
import { DamagedJournal } from "../../../src/storage/journal/damaged-journal.ts";
import { isFatal } from "../../../src/storage/journal/finding.ts";
import { readJournal } from "../../../src/storage/journal/recover-journal.ts";
import { isBatch, type JournalPlace, journalPlaces } from "../../support/journal-places.ts";
import { JOURNAL_DIRECTORY, type Machine } from "../machine.ts";
import type { MemberSizes } from "../simulated-member.ts";
import { repairOf } from "../simulated-mending.ts";

const SECTOR_BYTES = 512;
/** Of a segment's header: behind its magic and version, which a newer program would have written otherwise. */
const SEGMENT_HEADER = { from: 12, to: 48 } as const;

interface Spot {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Changes some bytes of a journal that lies still, of what was synced long ago: of a batch, of its header, a sector, or
 * a segment's header.
 *
 * @returns what puts it back; undefined where that left no trace, or none that is told from a torn write
 */
export function spoil(machine: Machine, random: Prng): (() => void) | undefined {
  const { disk, snapshot } = machine;
  disk.makeDirectory(JOURNAL_DIRECTORY);
  const places = journalPlaces(disk, JOURNAL_DIRECTORY);
  const last = places.at(-1);
  // The last write of all may be torn: nobody can tell that from rot.
  const synced = places.filter(({ path, groupAt }) => path !== last?.path || groupAt < last.groupAt);
  const batches = synced.filter(isBatch);
  if (batches.length === 0) return undefined;
  const { path, from, to } = chooseSpot(random, random.pick(batches));
  const before = disk.contents(path).slice();
  const bytes = before.slice();
  for (let at = from; at < to; at++) bytes[at] = (bytes[at] as number) ^ (1 + random.below(255));
  disk.place(path, bytes);
  const undo = (): void => disk.place(path, before);
  const { findings } = readJournal(disk, JOURNAL_DIRECTORY, snapshot.meta?.zxid ?? 0);
  if (findings.some(isFatal) && findings.every(({ kind }) => kind !== "format")) return undo;
  undo();
  return undefined;
}

function chooseSpot(random: Prng, { path, headerAt, bodyAt, end }: JournalPlace): Spot {
  const kind = random.below(8);
  if (kind < 4) {
    const from = bodyAt + random.below(end - bodyAt);
    return { path, from, to: Math.min(end, from + 1 + random.below(4)) };
  }
  if (kind < 6) {
    const from = headerAt + random.below(bodyAt - headerAt);
    return { path, from, to: from + 1 };
  }
  if (kind < 7) {
    // The group's own: the next one begins in a sector of its own.
    const from = headerAt - (headerAt % SECTOR_BYTES);
    return { path, from: Math.max(from, headerAt), to: Math.min(end, from + SECTOR_BYTES) };
  }
  const { from, to } = SEGMENT_HEADER;
  return { path, from, to };
}

/** The disks of all members while none of them runs. */
export interface Disks {
  readonly machines: readonly Machine[];
  readonly sizes: MemberSizes;
  readonly random: Prng;
}

/**
 * Whether every machine whose journal is damaged will be whole again, sure of what it promised, with what the others
 * have and will keep.
 */
export function canAllBeMended({ machines, sizes, random }: Disks): boolean {
  const starts = new Map<number, number>();
  const kept = new Map<number, readonly ZxidSpan[]>();
  for (const machine of machines) {
    machine.disk.makeDirectory(JOURNAL_DIRECTORY);
    const journal = new DamagedJournal(machine.disk, JOURNAL_DIRECTORY, 0);
    for (const { epoch, afterZxid } of journal.report.starts) starts.set(epoch, afterZxid);
    const end = journal.report.uncertain?.afterZxid ?? Number.POSITIVE_INFINITY;
    const spans = journal.spans().filter(({ lastZxid }) => lastZxid <= end);
    kept.set(machine.id, keptBy(machine, spans, sizes.keepCommands));
  }
  return machines.every((machine) => {
    const damaged = machine.isRotten ? machine.examine() : undefined;
    if (damaged === undefined) return !machine.isRotten;
    const repair = repairOf(machine, damaged, sizes, random);
    const outline = outlineLog(repair.remains, starts);
    if (repair.isInDoubt || repair.isOpen || outline === undefined || "epoch" in outline) return false;
    const others = machines.filter(({ id }) => id !== machine.id).flatMap(({ id }) => kept.get(id) ?? []);
    return outline.missing.every((span) => isCovered(span, others));
  });
}

/** A mended journal begins at its snapshot, and one that is whole may be pruned, but for its last commands. */
function keptBy({ isRotten, snapshot }: Machine, spans: readonly ZxidSpan[], keepCommands: number): ZxidSpan[] {
  if (isRotten) return spans.filter(({ firstZxid }) => firstZxid > (snapshot.meta?.zxid ?? 0));
  let commands = 0;
  return spans.toReversed().filter(({ firstZxid, lastZxid }) => {
    commands += lastZxid - firstZxid + 1;
    return commands <= keepCommands;
  });
}

function isCovered({ firstZxid, lastZxid }: ZxidSpan, spans: readonly ZxidSpan[]): boolean {
  for (let next = firstZxid; next <= lastZxid; ) {
    const span = spans.find((each) => each.firstZxid === next);
    if (span === undefined) return false;
    next = span.lastZxid + 1;
  }
  return true;
}
