// Loaded into the member's process by `NODE_OPTIONS=--import=...`: a CPU profile of its main thread, begun by SIGUSR2
// (which the harness sends when the measured time begins) and written to the file named by BENCH_PROFILE after
// BENCH_PROFILE_SECONDS. Before that signal it costs nothing. Later signals are ignored: one profile a process.
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { isMainThread } from "node:worker_threads";

const file = process.env["BENCH_PROFILE"];
const seconds = Number(process.env["BENCH_PROFILE_SECONDS"] ?? "10");
const isMember = process.argv[1]?.endsWith("/server/main.js") === true;
const SAMPLE_EVERY_MICROS = 500;

if (file !== undefined && isMember && isMainThread) {
  let begun = false;
  process.on("SIGUSR2", () => {
    if (begun) return;
    begun = true;
    const session = new Session();
    session.connect();
    session.post("Profiler.enable");
    session.post("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_MICROS });
    session.post("Profiler.start");
    setTimeout(() => {
      session.post("Profiler.stop", (error, result) => {
        if (error === null) writeFileSync(file, JSON.stringify(result.profile));
        session.disconnect();
      });
    }, seconds * 1000).unref();
  });
}
