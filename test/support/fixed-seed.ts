import fc from "fast-check";

/**
 * Imported by tests with properties: the same cases at every run, so that a red run means a change and not luck. Other
 * cases on purpose: `PROPERTY_SEED=7 PROPERTY_RUNS=10000 npx vitest run test/unit/core/base`.
 */
const seed = Number(process.env["PROPERTY_SEED"] ?? 1);
const runs = process.env["PROPERTY_RUNS"];

fc.configureGlobal({ seed, ...(runs === undefined ? {} : { numRuns: Number(runs) }) });
