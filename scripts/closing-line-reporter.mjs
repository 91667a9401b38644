// Ends a test run with what each project ran and, alone on the last line, the total that CI reads:
// `N passed, N failed, N skipped`. A run in which nothing passed is no success, whatever else was green.

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const sentence = (/** @type {Counts} */ { passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

export default class ClosingLineReporter {
  total = none();
  /** @type {Map<string, Counts>} */
  projects = new Map();

  onInit(/** @type {import("vitest/node").Vitest} */ vitest) {
    for (const { name } of vitest.projects) this.projects.set(name, none());
    // Written as the process ends, after every other reporter; stdout to a file or a pipe is synchronous on Linux.
    process.once("exit", () => process.stdout.write(closing(this.projects, this.total)));
  }

  /**
   * @param {ReadonlyArray<import("vitest/node").TestModule>} modules
   * @param {ReadonlyArray<unknown>} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    this.total = { ...none(), failed: unhandledErrors.length };
    for (const name of this.projects.keys()) this.projects.set(name, none());
    for (const module of modules) {
      const counts = countModule(module);
      const project = this.projects.get(module.project.name) ?? none();
      this.projects.set(module.project.name, project);
      for (const sum of [this.total, project]) add(sum, counts);
    }
    if (this.total.passed === 0) process.exitCode = 1;
  }
}

/** @returns {Counts} */
function none() {
  return { passed: 0, failed: 0, skipped: 0 };
}

function add(/** @type {Counts} */ sum, /** @type {Counts} */ counts) {
  sum.passed += counts.passed;
  sum.failed += counts.failed;
  sum.skipped += counts.skipped;
}

/** A file that fails outside its tests (an import, a hook) counts as one failure: its tests may not even be known. */
function countModule(/** @type {import("vitest/node").TestModule} */ module) {
  const counts = none();
  for (const test of module.children.allTests()) {
    const state = test.result().state;
    if (state === "passed") counts.passed++;
    else if (state === "failed") counts.failed++;
    else counts.skipped++;
  }
  if (module.state() === "failed" && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** @param {ReadonlyMap<string, Counts>} projects @param {Counts} total */
function closing(projects, total) {
  const lines = [...projects].map(([name, counts]) => `  ${name.padEnd(12)} ${sentence(counts)}`);
  return `\n${lines.join("\n")}\n\n${sentence(total)}\n`;
}
