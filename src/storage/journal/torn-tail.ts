import { join } from "node:path";
import { type Disk, isOutOfSpace } from "../disk.ts";
import { CLAIMING_NAME, TORN_SUFFIX } from "./journal-files.ts";

/**
 * Keeps what is cut off for people. The final name appears with the whole content or not at all, and once there is
 * never written again.
 *
 * @returns what was done, in words
 */
export function keepTornAside(
  disk: Disk,
  directory: string,
  { file, offset }: { readonly file: string; readonly offset: number },
  bytes: Uint8Array,
): string {
  const name = `${file}.${offset}${TORN_SUFFIX}`;
  const names = disk.list(directory);
  const path = join(directory, CLAIMING_NAME);
  if (names.includes(CLAIMING_NAME)) disk.unlink(path);
  if (names.includes(name)) return `kept aside as ${name} before`;
  try {
    const copy = disk.open(path, "create");
    try {
      copy.write(0, bytes);
      copy.datasync();
    } finally {
      copy.close();
    }
    disk.rename(path, join(directory, name));
    disk.syncDirectory(directory);
    return `kept aside as ${name}`;
  } catch (error) {
    if (!isOutOfSpace(error)) throw error;
    return "not kept aside: the disk is full";
  }
}
