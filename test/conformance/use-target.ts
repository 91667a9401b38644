import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, type TestContext } from "vitest";
import { hasCommand, need } from "../integration/crash/requirements.ts";
import type { ConformanceTarget } from "./conformance-target.ts";
import { isPeerAsked, startTarget } from "./start-target.ts";

/**
 * The ensemble of a test file: started when the first test asks for it, gone after the last. Tests that lack a
 * program ask for none.
 */
export function useTarget(): () => Promise<ConformanceTarget> {
  let target: Promise<ConformanceTarget> | undefined;
  afterAll(async () => {
    const started = await target?.catch(() => undefined);
    await started?.[Symbol.asyncDispose]();
  });
  return () => {
    target ??= startTarget();
    return target;
  };
}

/** Debian's Python: the one whose packages come from Debian, too. */
export const PYTHON = "/usr/bin/python3";

/** Skips the test for want of a program or a library, and fails it in CI. */
export function needClient(context: TestContext, client: "kazoo" | "zkCli.sh" | "cli_mt" | "libzookeeper"): void {
  if (isPeerAsked()) {
    need(context, "Apache ZooKeeper (Debian's libzookeeper-java)", existsSync("/usr/share/java/zookeeper.jar"));
    need(context, "java", hasCommand("java"));
  }
  switch (client) {
    case "kazoo":
      need(context, "kazoo for Python (Debian's python3-kazoo)", hasKazoo());
      break;
    case "zkCli.sh":
      need(context, "zkCli.sh (Debian's zookeeper)", existsSync(ZKCLI));
      need(context, "java", hasCommand("java"));
      break;
    case "cli_mt":
      need(context, "ZooKeeper's cli_mt (Debian's zookeeper-bin)", existsSync(CLI_MT));
      break;
    case "libzookeeper":
      need(context, "gcc", hasCommand("gcc"));
      need(context, "libzookeeper (Debian's libzookeeper-mt-dev)", existsSync(HEADER));
      break;
  }
}

export const ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh";
export const CLI_MT = "/usr/lib/zookeeper/bin/cli_mt";
const HEADER = "/usr/include/zookeeper/zookeeper.h";

function hasKazoo(): boolean {
  try {
    execFileSync(PYTHON, ["-c", "import kazoo"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
