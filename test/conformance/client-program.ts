import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ClientFaults } from "./client-faults.ts";
import type { ConformanceTarget } from "./conformance-target.ts";

/** How long a program may take before it is told to say where it stands, and ended; ms. */
const PROGRAM_MS = 100_000;
/** How long it then may talk, ms. */
const LAST_WORDS_MS = 2_000;

/**
 * Runs a client program and expects it to end with code 0; what it said is shown when it does not. A line of its
 * output that begins with `@` is a request ({@link ClientFaults}), answered on its standard input.
 */
export async function runClientProgram(target: ConformanceTarget, command: readonly string[]): Promise<void> {
  await using faults = new ClientFaults(target);
  const [program, ...args] = command as [string, ...string[]];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  // A program that ended does not read the answer to its last request.
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", (line) => {
    said.push(line);
    if (!line.startsWith("@")) return;
    faults.ask(line.slice(1)).then(
      (answer) => child.stdin.write(`${answer}\n`),
      (error: Error) => {
        said.push(`request failed: ${error.message}`);
        child.kill("SIGKILL");
      },
    );
  });
  // SIGABRT: Python's fault handler shows where each thread stands.
  const impatience = setTimeout(() => {
    said.push(`--- it did not end within ${PROGRAM_MS} ms`);
    child.kill("SIGABRT");
  }, PROGRAM_MS);
  const force = setTimeout(() => child.kill("SIGKILL"), PROGRAM_MS + LAST_WORDS_MS);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(impatience);
  clearTimeout(force);
  const how = signal ?? `code ${code}`;
  if (code !== 0) throw new Error(`${program} ended with ${how}\n${said.join("\n")}\n${target.logs()}`);
}
