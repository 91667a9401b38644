import { crc32, inflateRawSync } from "node:zlib";
import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";
import { invalid, tooLarge } from "../content-fault.ts";
import type { ArchiveEntry } from "../content-jobs.ts";
import {
  ARCHIVE_BYTES_MAX,
  ENTRIES_MAX,
  ENTRY_BYTES_MAX,
  INFLATED_BYTES_MAX,
  RATIO_BYTES_MIN,
  RATIO_MAX,
} from "./content-limits.ts";

/** Methods of packing an entry that are read. */
const STORED = 0;
const DEFLATED = 8;

/** Reads a zip archive whole. Its directory is judged before anything is inflated, and nothing inflates further. */
export async function readZip({ archive }: { archive: Uint8Array }): Promise<{ entries: ArchiveEntry[] }> {
  if (archive.length > ARCHIVE_BYTES_MAX) {
    const message = `the archive has ${archive.length} bytes, and ${ARCHIVE_BYTES_MAX} is the most: divide it`;
    throw tooLarge("archive-bytes", "", message);
  }
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const zip = await asRead(fromBufferPromise(bytes, { strictFileNames: true }));
  const directory = await readDirectory(zip);
  const entries: ArchiveEntry[] = [];
  for (const entry of directory) {
    const { fileDataStart } = await asRead(zip.readLocalFileHeaderPromise(entry, { minimal: true }));
    const packed = bytes.subarray(fileDataStart, fileDataStart + entry.compressedSize);
    entries.push({ name: entry.fileName, bytes: unpack(entry, packed) });
  }
  return { entries };
}

/** The entries that are files, all of them within the limits by what the directory says. */
async function readDirectory(zip: ZipFile): Promise<Entry[]> {
  if (zip.entryCount > ENTRIES_MAX) {
    const message = `the archive has ${zip.entryCount} entries, and ${ENTRIES_MAX} is the most: divide it`;
    throw tooLarge("entries", "", message);
  }
  const directory: Entry[] = [];
  const names = new Set<string>();
  let total = 0;
  const entries = zip.eachEntry();
  for (;;) {
    const { value: entry, done } = await asRead(entries.next());
    if (done === true) return directory;
    const name = entry.fileName;
    if (names.has(name)) throw invalid("duplicate-name", name, "the archive has two entries of one name: keep one");
    names.add(name);
    if (name.endsWith("/")) continue;
    judge(entry);
    total += entry.uncompressedSize;
    if (total > INFLATED_BYTES_MAX) {
      const message = `the archive inflates to more than ${INFLATED_BYTES_MAX} bytes: divide it`;
      throw tooLarge("inflated-bytes", name, message);
    }
    directory.push(entry);
  }
}

function judge(entry: Entry): void {
  const { fileName, compressedSize, uncompressedSize, compressionMethod } = entry;
  if (entry.isEncrypted() || (compressionMethod !== STORED && compressionMethod !== DEFLATED)) {
    throw invalid("method", fileName, "the entry is encrypted or packed in a rare way: use plain deflate");
  }
  if (uncompressedSize > ENTRY_BYTES_MAX) {
    const message = `the entry inflates to ${uncompressedSize} bytes, and ${ENTRY_BYTES_MAX} is the most`;
    throw tooLarge("entry-bytes", fileName, message);
  }
  if (uncompressedSize > RATIO_BYTES_MIN && uncompressedSize > compressedSize * RATIO_MAX) {
    throw tooLarge("ratio", fileName, `the entry inflates to more than ${RATIO_MAX} times its packed size: store it`);
  }
}

/** What the entry holds; an entry that is not what the directory says of it is refused. */
function unpack(entry: Entry, packed: Uint8Array): Uint8Array {
  const { fileName, uncompressedSize, compressionMethod } = entry;
  // In a buffer of its own, which can be handed over.
  const bytes = new Uint8Array(compressionMethod === STORED ? packed : inflate(fileName, packed, uncompressedSize));
  if (bytes.length !== uncompressedSize || crc32(bytes) !== entry.crc32) {
    throw invalid("damaged", fileName, "the entry is not what the archive's directory says of it: pack it again");
  }
  return bytes;
}

function inflate(name: string, packed: Uint8Array, size: number): Uint8Array {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code !== "ERR_BUFFER_TOO_LARGE" && !code.startsWith("Z_")) throw error;
    throw invalid("damaged", name, "the entry does not inflate to what the archive's directory says: pack it again");
  }
}

/** A step of the library, whose errors are all about the archive: its structure, or a name that leads out of it. */
async function asRead<Value>(step: Promise<Value>): Promise<Value> {
  try {
    return await step;
  } catch (error) {
    throw invalid("archive", "", `the archive cannot be read: ${(error as Error).message}`);
  }
}
