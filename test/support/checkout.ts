import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** The root of the checkout, with a slash at its end. */
export const checkout = new URL("../../", import.meta.url).pathname;

/** Paths of all files that are, or would be, committed; relative to the root, sorted. */
export function committedFiles(): string[] {
  return [...new Set(gitFiles() ?? walkedFiles())].filter((file) => existsSync(path.join(checkout, file))).sort();
}

/** Undefined where git is not installed or this is an unpacked archive. */
function gitFiles(): string[] | undefined {
  const safe = ["-c", "safe.directory=*"];
  try {
    const list = execFileSync("git", [...safe, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: checkout,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return list.split("\0").filter((file) => file !== "");
  } catch {
    return undefined;
  }
}

const unCommitted = new Set(["node_modules", "dist", "coverage", ".git", ".muster"]);

function walkedFiles(folder = ""): string[] {
  return readdirSync(path.join(checkout, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return unCommitted.has(entry.name) ? [] : walkedFiles(file);
    return [file];
  });
}

export function readCheckout(file: string): string {
  return readFileSync(path.join(checkout, file), "utf8");
}
