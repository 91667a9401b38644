import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

/** A disk of a few MiB in memory, for a member's data directory; needs root. */
export class SmallDisk {
  private readonly directory: string;
  private mounted = false;

  constructor(directory: string, mib: number) {
    this.directory = directory;
    mkdirSync(directory);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "muster-test", directory]);
    this.mounted = true;
  }

  /** There is more room from now on. */
  resize(mib: number): void {
    execFileSync("mount", ["-o", `remount,size=${mib}m`, this.directory]);
  }

  unmount(): void {
    if (this.mounted) execFileSync("umount", [this.directory]);
    this.mounted = false;
  }
}
