import { describe, expect, it } from "vitest";
import { ByteReader, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { errors } from "../../../../src/core/base/errors.ts";
import { BATCH_BYTES_TARGET, COMMAND_BYTES_MAX } from "../../../../src/core/base/limits.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { type Chunk, Submissions } from "../../../../src/core/member/submissions.ts";
import { Command, decodeCommand, writeOperation } from "../../../../src/core/tree/command.ts";

/** Takes a command of session 9 with this number; its size. */
function take(submissions: Submissions, number: number, size = 3): number {
  const issuer = { sessionId: 9, generation: 1, identities: new Uint8Array([0]) };
  const operation = { kind: "set", path: "/a", data: new Uint8Array(size), version: -1 } as const;
  writeOperation(submissions.begin(), issuer, number, 0, operation);
  return submissions.end();
}

function commandsOf({ commands, count }: Chunk): Command[] {
  const reader = new ByteReader(commands.slice());
  return Array.from({ length: count }, () => {
    const size = reader.u32();
    const start = reader.skip(size);
    const command = new Command();
    decodeCommand(new ByteReader(reader.bytes, start, start + size), command);
    return command;
  });
}

function takeAll(submissions: Submissions): Command[] {
  const all: Command[] = [];
  for (let chunk = submissions.take(); chunk !== undefined; chunk = submissions.take()) all.push(...commandsOf(chunk));
  return all;
}

describe("Submissions", () => {
  it("ARCHITECTURE 3: what one turn brought is one chunk; what comes after it was taken is another", () => {
    const submissions = new Submissions();
    for (const number of [1, 2, 3]) take(submissions, number);
    expect(submissions.hasUnsent).toBe(true);
    expect(commandsOf(submissions.take() as Chunk).map(({ number }) => number)).toEqual([1, 2, 3]);
    expect([submissions.hasUnsent, submissions.take()]).toEqual([false, undefined]);
    take(submissions, 4);
    expect(takeAll(submissions).map(({ number }) => number)).toEqual([4]);
  });

  it("core.md 31: closes a chunk at a mebibyte, within the turn", () => {
    const submissions = new Submissions();
    for (let number = 0; number < 5; number++) take(submissions, number, 300_000);
    const chunk = submissions.take() as Chunk;
    expect([chunk.count, chunk.commands.length >= BATCH_BYTES_TARGET]).toEqual([4, true]);
    expect(submissions.take()?.count).toBe(1);
  });

  it("refuses a command above the largest, and keeps those around it", () => {
    const submissions = new Submissions();
    const small = take(submissions, 1);
    expect(take(submissions, 2, COMMAND_BYTES_MAX)).toBe(-errors.MESSAGE_TOO_LARGE.code);
    take(submissions, 3);
    expect([submissions.outstandingBytes, submissions.outstandingCommands]).toEqual([2 * small, 2]);
    expect(takeAll(submissions).map(({ number }) => number)).toEqual([1, 3]);
  });

  it("core.md 40: counts bytes and commands until they are applied", () => {
    const submissions = new Submissions();
    const sizes = [take(submissions, 1, 100), take(submissions, 2, 50)];
    const [first, second] = takeAll(submissions) as [Command, Command];
    expect(submissions.outstandingBytes).toBe((sizes[0] as number) + (sizes[1] as number));
    // Only the oldest can be next: whatever else is applied is another's.
    expect(submissions.applied(second)).toBe(false);
    const stranger = Object.assign(new Command(), { sessionId: 9, generation: 2, number: 1 });
    expect(submissions.applied(stranger)).toBe(false);
    expect([submissions.applied(first), submissions.outstandingBytes]).toEqual([true, sizes[1]]);
    expect([submissions.applied(second), submissions.outstandingBytes]).toEqual([true, 0]);
    expect(submissions.applied(second)).toBe(false);
  });

  it("core.md 12: the next leader gets what was not applied, in order, and nothing else", () => {
    const submissions = new Submissions();
    for (const number of [1, 2, 3]) take(submissions, number);
    const sent = takeAll(submissions);
    for (const number of [4, 5]) take(submissions, number);
    sent.push(...takeAll(submissions));
    take(submissions, 6);
    submissions.applied(sent[0] as Command);
    submissions.resend();
    expect(takeAll(submissions).map(({ number }) => number)).toEqual([2, 3, 4, 5, 6]);
    submissions.clear();
    expect([submissions.outstandingBytes, submissions.outstandingCommands, submissions.take()]).toEqual([
      0,
      0,
      undefined,
    ]);
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "core.md 12: everything is applied exactly once and in order, whoever leads (seed %i)",
    (seed) => {
      const random = new Prng(seed);
      const submissions = new Submissions();
      let log: Command[] = [];
      let onWay: Command[] = [];
      const applied: number[] = [];
      let taken = 0;
      const apply = (): void => {
        const command = log.shift() as Command;
        expect(submissions.applied(command)).toBe(true);
        applied.push(command.number);
      };
      for (let step = 0; step < 1_500; step++) {
        const dice = random.below(20);
        if (dice < 8) take(submissions, taken++, random.pick([1, 1, 30, 30, 30_000, 300_000]));
        else if (dice < 12) onWay.push(...takeAll(submissions).slice());
        else if (dice < 15) log.push(...onWay.splice(0, random.below(4)));
        else if (dice < 19) {
          for (let i = random.below(4); i > 0 && log.length > 0; i--) apply();
        } else if (random.chance(0.2)) {
          // The leader is lost: of its log a part becomes the next one's history, all applied before that serves.
          log = log.slice(0, random.below(log.length + 1));
          while (log.length > 0) apply();
          onWay = [];
          submissions.resend();
        }
      }
      log.push(...onWay, ...takeAll(submissions));
      while (log.length > 0) apply();
      expect(applied).toEqual(Array.from({ length: taken }, (_, number) => number));
      expect([submissions.outstandingBytes, submissions.outstandingCommands]).toEqual([0, 0]);
    },
  );

  it("gives bytes that the tree's decoder accepts", () => {
    const submissions = new Submissions();
    const issuer = { sessionId: 0, generation: 3, identities: new Uint8Array([0]) };
    const operation = { kind: "create", path: "/ä", data: encodeUtf8("x"), mode: 0 } as const;
    writeOperation(submissions.begin(), issuer, 7, 0, operation);
    submissions.end();
    expect(takeAll(submissions)[0]).toMatchObject({ sessionId: 0, generation: 3, number: 7 });
  });
});
