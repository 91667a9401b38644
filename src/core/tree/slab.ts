import { assert } from "../base/assert.ts";

/**
 * Memory for byte strings (names, values, kept answers) outside the garbage collector's sight: pages cut into cells of
 * one size class each. A class's first page is small, so that few strings take little memory; each further one has
 * twice the bytes, up to one megabyte. A reference is one 32-bit number, `page << 16 | cell`; 0 is the empty string.
 *
 * Invariants: a cell is zero from the string's end to the next multiple of four, so that it can be hashed by words; a
 * page whose last cell is freed goes back to the operating system unless it is the class's only page with room.
 */
const PAGE_BYTES = 1 << 20;
/** The first page of a class has so many bytes, or more: those of four cells. */
const FIRST_PAGE_BYTES = 16 * 1024;
const FIRST_PAGE_CELLS = 4;
const CELL_BYTES_MIN = 16;
/** Larger strings get a page of their own. */
const CELL_BYTES_MAX = PAGE_BYTES / 4;
const PAGES_MAX = 0xffff;
const NO_CELL = 0xffffffff;

interface Page {
  readonly bytes: Uint8Array;
  /** The same memory by words, for hashing and for the list of free cells. */
  readonly words: Uint32Array;
  readonly cellBytes: number;
  readonly cells: number;
  /** First cell of the list of freed cells, linked through their first words. */
  free: number;
  /** Cells below it have been used at least once. */
  fresh: number;
  live: number;
  /** Where it stands in its class's list of pages with room; -1: it is full. */
  place: number;
}

export class Slab {
  private readonly pages: (Page | undefined)[] = [undefined];
  private readonly freePages: number[] = [];
  /** Per size class, the numbers of pages with a free cell. */
  private readonly withRoom: number[][] = [];
  /** Per size class, the bytes its next page will have. */
  private readonly nextPageBytes: number[] = [];
  /** Bytes of all pages. */
  reservedBytes = 0;

  /** Copies `source[start, end)` in and returns its reference. */
  store(source: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return 0;
    const ref = this.allocate(length);
    const page = this.pages[ref >>> 16] as Page;
    const at = (ref & 0xffff) * page.cellBytes;
    // The last word first: the copy then overwrites all of it but the padding.
    page.words[(at + length - 1) >>> 2] = 0;
    copyBytes(source, start, end, page.bytes, at);
    return ref;
  }

  free(ref: number): void {
    if (ref === 0) return;
    const number = ref >>> 16;
    const page = this.pages[number];
    const cell = ref & 0xffff;
    assert(page !== undefined && page.live > 0 && cell < page.fresh, "slab: freed twice");
    page.live--;
    if (page.cells === 1) {
      this.drop(number, page);
      return;
    }
    page.words[(cell * page.cellBytes) >>> 2] = page.free;
    page.free = cell;
    const list = this.withRoom[sizeClass(page.cellBytes)] as number[];
    if (page.place < 0) {
      page.place = list.push(number) - 1;
    } else if (page.live === 0 && list.length > 1) {
      this.takeFromList(list, page);
      this.drop(number, page);
    }
  }

  /** The page's memory a reference points into; with {@link offsetOf} it locates the string. */
  bytesOf(ref: number): Uint8Array {
    return ref === 0 ? NOTHING : (this.pages[ref >>> 16] as Page).bytes;
  }

  wordsOf(ref: number): Uint32Array {
    return ref === 0 ? NO_WORDS : (this.pages[ref >>> 16] as Page).words;
  }

  offsetOf(ref: number): number {
    return ref === 0 ? 0 : (ref & 0xffff) * (this.pages[ref >>> 16] as Page).cellBytes;
  }

  /** A view of a string; valid until it is freed. */
  view(ref: number, length: number): Uint8Array {
    if (ref === 0) return NOTHING;
    const at = this.offsetOf(ref);
    return this.bytesOf(ref).subarray(at, at + length);
  }

  private allocate(length: number): number {
    if (length > CELL_BYTES_MAX) {
      const cellBytes = (length + 7) & ~7;
      return this.newPage(cellBytes, cellBytes) * 65536;
    }
    const index = sizeClass(length);
    this.withRoom[index] ??= [];
    const list = this.withRoom[index] as number[];
    if (list.length === 0) {
      const made = this.nextPage(index);
      (this.pages[made] as Page).place = list.push(made) - 1;
    }
    const number = list[list.length - 1] as number;
    const page = this.pages[number] as Page;
    let cell = page.free;
    if (cell === NO_CELL) cell = page.fresh++;
    else page.free = page.words[(cell * page.cellBytes) >>> 2] as number;
    page.live++;
    if (page.free === NO_CELL && page.fresh === page.cells) this.takeFromList(list, page);
    return number * 65536 + cell;
  }

  private nextPage(index: number): number {
    const cellBytes = classBytes(index);
    const pageBytes = this.nextPageBytes[index] ?? firstPageBytes(cellBytes);
    this.nextPageBytes[index] = Math.min(PAGE_BYTES, pageBytes * 2);
    return this.newPage(cellBytes, pageBytes);
  }

  private newPage(cellBytes: number, pageBytes: number): number {
    const number = this.freePages.pop() ?? this.pages.length;
    assert(number <= PAGES_MAX, "slab: out of pages");
    const buffer = new ArrayBuffer(pageBytes);
    const bytes = new Uint8Array(buffer);
    const words = new Uint32Array(buffer, 0, pageBytes >>> 2);
    const cells = Math.min(65536, Math.floor(pageBytes / cellBytes));
    const single = cells === 1;
    this.pages[number] = {
      bytes,
      words,
      cellBytes,
      cells,
      free: NO_CELL,
      fresh: single ? 1 : 0,
      live: single ? 1 : 0,
      place: -1,
    };
    this.reservedBytes += pageBytes;
    return number;
  }

  private drop(number: number, page: Page): void {
    this.reservedBytes -= page.bytes.byteLength;
    this.pages[number] = undefined;
    this.freePages.push(number);
  }

  private takeFromList(list: number[], page: Page): void {
    const last = list.pop() as number;
    if (page.place < list.length) {
      list[page.place] = last;
      (this.pages[last] as Page).place = page.place;
    }
    page.place = -1;
  }
}

const NOTHING = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);

/** Below this a loop beats making a view for `set`. */
const LOOP_BYTES = 48;

/** Copies `source[start, end)` to `target` at `at`. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > LOOP_BYTES) {
    target.set(source.subarray(start, end), at);
    return;
  }
  for (let i = start, j = at; i < end; i++, j++) target[j] = source[i] as number;
}

/**
 * Classes: multiples of 16 up to 128, then four to each doubling (160, 192, 224, 256, 320, ...), so that a cell wastes
 * at most a quarter (of 48 bytes or less at most 15), and a kibibyte none.
 */
function sizeClass(length: number): number {
  if (length <= 128) return (length - 1) >>> 4;
  const power = 31 - Math.clz32(length - 1);
  return 8 + (power - 7) * 4 + (((length - 1) >>> (power - 2)) & 3);
}

function classBytes(index: number): number {
  if (index < 8) return (index + 1) * CELL_BYTES_MIN;
  const power = 7 + ((index - 8) >>> 2);
  return (1 << power) + (((index - 8) & 3) + 1) * (1 << (power - 2));
}

/** A power of two, as all pages of several cells have. */
function firstPageBytes(cellBytes: number): number {
  let bytes = FIRST_PAGE_BYTES;
  while (bytes < FIRST_PAGE_CELLS * cellBytes) bytes *= 2;
  return bytes;
}
