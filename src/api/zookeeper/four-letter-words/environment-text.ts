import { versionText } from "./version-text.ts";
import type { EnvironmentFacts, VersionFacts } from "./word-facts.ts";

const MEBIBYTE = 1024 * 1024;

/**
 * The answer to `envi`, from which kazoo reads the server's version. ZooKeeper's names with what a Node program has in
 * place of Java's: the runtime, its folder, the file it began with, V8 as the compiler. Nothing is like
 * `java.library.path`, which is left out.
 */
export function environmentText(version: VersionFacts, environment: EnvironmentFacts): string {
  const entries = [
    ["zookeeper.version", versionText(version)],
    ["host.name", environment.hostName],
    ["java.version", environment.runtimeVersion],
    ["java.vendor", "Node.js"],
    ["java.home", environment.runtimeFolder],
    ["java.class.path", environment.program],
    ["java.io.tmpdir", environment.temporaryFolder],
    ["java.compiler", `V8 ${environment.engineVersion}`],
    ["os.name", environment.systemName],
    ["os.arch", environment.architecture],
    ["os.version", environment.systemVersion],
    ["user.name", environment.userName],
    ["user.home", environment.userFolder],
    ["user.dir", environment.workingFolder],
    ["os.memory.free", mebibytes(environment.freeBytes)],
    ["os.memory.max", mebibytes(environment.heapBytesMax)],
    ["os.memory.total", mebibytes(environment.heapBytes)],
  ] as const;
  return `Environment:\n${entries.map(([name, value]) => `${name}=${value}\n`).join("")}`;
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / MEBIBYTE)}MB`;
}
