import { defineConfig } from "vitest/config";

/** Real processes, real disks: a slow machine is not a failure, a hang is. */
const INTEGRATION_TIMEOUT_MS = 120_000;

const sources = (folder: string): string => new URL(folder, import.meta.url).pathname;
const sdkSources = sources("sdk/typescript/src/");

/**
 * `npm test` runs all projects; `npm run test:unit` and the like run one. Groups run one after the other: the fast and
 * pure ones first, the real processes last and alone, since they need the machine for themselves.
 */
export default defineConfig({
  resolve: {
    // Tests in this process see the packages' sources, not their last build.
    alias: [
      { find: /^@muster\/client$/, replacement: `${sdkSources}index.ts` },
      { find: /^@muster\/client\/(.*)$/, replacement: `${sdkSources}$1.ts` },
      { find: /^@muster\/testing$/, replacement: sources("sdk/testing/src/index.ts") },
      { find: /^muster\/testing$/, replacement: sources("src/server/testing.ts") },
    ],
  },
  test: {
    reporters: ["default", "./scripts/closing-line-reporter.mjs"],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts", "sdk/*/src/**/*.ts"],
      exclude: ["**/gen/**"],
      thresholds: { lines: 90, "src/core/**": { lines: 95 }, "src/storage/journal/**": { lines: 95 } },
    },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "sdk/typescript/test/**/*.test.ts", "sdk/testing/test/**/*.test.ts"],
          sequence: { groupOrder: 0, shuffle: true },
        },
      },
      { extends: true, test: { name: "tidy", include: ["test/*.test.ts"], sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: { name: "contract", include: ["test/contract/**/*.test.ts"], sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: "simulation",
          include: ["test/simulation/**/*.test.ts", "test/scenarios/**/*.test.ts"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          sequence: { groupOrder: 1 },
          pool: "forks",
          maxWorkers: 1,
          testTimeout: INTEGRATION_TIMEOUT_MS,
          hookTimeout: INTEGRATION_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["test/conformance/**/*.test.ts"],
          sequence: { groupOrder: 2 },
          pool: "forks",
          maxWorkers: 1,
          // Scripts mostly wait: for time-outs, and for each other.
          maxConcurrency: 4,
          testTimeout: INTEGRATION_TIMEOUT_MS,
          hookTimeout: INTEGRATION_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "ensemble",
          include: ["test/ensemble/**/*.test.ts"],
          sequence: { groupOrder: 3 },
          pool: "forks",
          maxWorkers: 1,
          testTimeout: INTEGRATION_TIMEOUT_MS,
          hookTimeout: INTEGRATION_TIMEOUT_MS,
        },
      },
    ],
  },
});
