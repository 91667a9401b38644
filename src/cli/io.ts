import type { Readable, Writable } from "node:stream";

/** The world of one run of the CLI: streams, environment, and the exit code it will leave. */
export interface CliIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether a person watches standard output, standard error. */
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** 0 unless a command says otherwise. */
  exitCode: number;
}

export function processIo(): CliIo {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    exitCode: 0,
  };
}

/** Writes and waits while the reader is slower, so that a large output is never gathered in memory. */
export async function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  if (stream.write(chunk)) return;
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null) => {
      stream.off("drain", done);
      stream.off("error", done);
      stream.off("close", done);
      if (error instanceof Error) reject(error);
      else resolve();
    };
    stream.on("drain", done).on("error", done).on("close", done);
  });
}

/** Everything on standard input; more than `limitBytes` is an error instead of memory. */
export async function readAll(stream: Readable, limitBytes: number): Promise<Uint8Array | "too large"> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Uint8Array);
    size += bytes.length;
    if (size > limitBytes) return "too large";
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
