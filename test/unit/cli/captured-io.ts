import { PassThrough, Readable, Writable } from "node:stream";
import { main } from "../../../src/cli/main.ts";

/** Runs one command line in this process; what it printed, and its exit code. */
export async function run(args: readonly string[], env: Record<string, string> = {}, stdin = "", terminal = false) {
  const out = { stdout: "", stderr: "" };
  const collect = (name: "stdout" | "stderr") =>
    new Writable({
      write(chunk, _encoding, done) {
        out[name] += String(chunk);
        done();
      },
    });
  const io = {
    stdin: stdin === "" ? new PassThrough().end() : Readable.from([Buffer.from(stdin)]),
    stdout: collect("stdout"),
    stderr: collect("stderr"),
    env,
    cwd: "/nowhere",
    stdoutIsTerminal: false,
    stderrIsTerminal: terminal,
    exitCode: 0,
  };
  const code = await main(args, io);
  return { code, ...out };
}
