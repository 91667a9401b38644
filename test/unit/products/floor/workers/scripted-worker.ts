/** The jobs of the scripted worker. */
export interface ScriptedJobs {
  /** Gives back what it got. */
  echo: { input: { bytes: Uint8Array }; output: { bytes: Uint8Array } };
  refuse: { input: { at: string }; output: object };
  /** Never ends. */
  spin: { input: Record<never, never>; output: object };
  /** Fills its heap. */
  eat: { input: Record<never, never>; output: object };
  crash: { input: Record<never, never>; output: object };
  /** Ends well, and its thread a moment later. */
  "crash-later": { input: Record<never, never>; output: object };
}

/** An entry module that speaks the pool's protocol and does what a test wants of a worker. */
export const SCRIPTED_WORKER = entry(`
  import { parentPort } from "node:worker_threads";
  const report = (message) => parentPort.postMessage(message);
  const jobs = {
    echo: ({ bytes }) => ({ event: "done", output: { bytes } }),
    refuse: ({ at }) => ({ event: "refused", refusal: { reason: "INVALID_CONTENT", rule: "no", at, message: "no" } }),
    spin: () => { for (;;); },
    eat: () => { for (const all = []; ; ) all.push(new Array(1000).fill(0.5)); },
    crash: () => { throw new Error("boom"); },
    "crash-later": () => {
      setImmediate(() => { throw new Error("boom"); });
      return { event: "done", output: {} };
    },
  };
  parentPort.on("message", ({ kind, input }) => {
    report({ event: "begun" });
    report(jobs[kind](input));
  });
  report({ event: "ready" });
`);

/** A worker that cannot load. */
export const BROKEN_WORKER = entry(`throw new Error("cannot load")`);

function entry(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
