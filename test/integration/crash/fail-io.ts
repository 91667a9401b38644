import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("fail-io.c", import.meta.url));
const WORDS = 8;
const FOR_EVER = 0xffffffff;
const calls = { sync: 1, write: 2 } as const;
/** Places of the words of the control file; see fail-io.c. */
const word = { calls: 0, errno: 1, pass: 2, times: 3, seen: 4, failed: 5, delay: 6 } as const;

export interface IoFault {
  readonly call: keyof typeof calls;
  readonly error: "EIO" | "ENOSPC";
  /** Matching calls that pass first. */
  readonly after: number;
}

/** Makes the disk calls of a process on files whose path contains `match` fail, from a moment a test chooses. */
export class FailIo {
  /** What the process to be hurt is started with. */
  readonly environment: Readonly<Record<string, string>>;
  private readonly controlFile: string;

  /** Compiles the library into `folder`; a folder of the test, not of the data. */
  constructor(folder: string, match: string) {
    const library = path.join(folder, "fail-io.so");
    execFileSync("gcc", ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SOURCE, "-ldl"]);
    this.controlFile = path.join(folder, "fail-io.control");
    writeFileSync(this.controlFile, Buffer.alloc(WORDS * 4));
    this.environment = {
      LD_PRELOAD: library,
      FAIL_IO_CONTROL: this.controlFile,
      FAIL_IO_PATH: match,
      // Calls made by the kernel on behalf of io_uring would pass by the library.
      UV_USE_IO_URING: "0",
    };
  }

  /** From now on matching calls fail, all of them. */
  fail(fault: IoFault): void {
    // The kind of call goes last: it switches the fault on.
    this.set(word.errno, constants.errno[fault.error]);
    this.set(word.pass, fault.after);
    this.set(word.times, FOR_EVER);
    this.set(word.failed, 0);
    this.set(word.calls, calls[fault.call]);
  }

  /** From now on matching calls take so long; none fails. */
  delay({ call, ms }: { readonly call: keyof typeof calls; readonly ms: number }): void {
    this.set(word.errno, 0);
    this.set(word.delay, ms * 1_000);
    this.set(word.calls, calls[call]);
  }

  /** From now on nothing fails. The file is never cut: a process that has it mapped would die of SIGBUS. */
  heal(): void {
    for (let index = 0; index < WORDS; index++) this.set(index, 0);
  }

  /** Calls that have failed since `fail`. */
  get failed(): number {
    const descriptor = openSync(this.controlFile, "r");
    try {
      const bytes = Buffer.alloc(4);
      readSync(descriptor, bytes, 0, 4, word.failed * 4);
      return bytes.readUInt32LE();
    } finally {
      closeSync(descriptor);
    }
  }

  private set(index: number, value: number): void {
    const descriptor = openSync(this.controlFile, "r+");
    try {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value);
      writeSync(descriptor, bytes, 0, 4, index * 4);
    } finally {
      closeSync(descriptor);
    }
  }
}
