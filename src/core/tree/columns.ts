/**
 * Growable columns of numbers in fixed chunks: growing adds a chunk and never copies or moves what is there, so it
 * cannot stall the loop (core.md 37). An index must lie below the capacity made by `grow`.
 */
const CHUNK_SHIFT = 15;
const CHUNK_SIZE = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_SIZE - 1;

/** Rows one `grow` adds. */
export const ROWS_PER_CHUNK = CHUNK_SIZE;

export class Float64Column {
  private readonly chunks: Float64Array[] = [];

  grow(): void {
    this.chunks.push(new Float64Array(CHUNK_SIZE));
  }

  get(row: number): number {
    return (this.chunks[row >>> CHUNK_SHIFT] as Float64Array)[row & CHUNK_MASK] as number;
  }

  set(row: number, value: number): void {
    (this.chunks[row >>> CHUNK_SHIFT] as Float64Array)[row & CHUNK_MASK] = value;
  }
}

export class Uint32Column {
  private readonly chunks: Uint32Array[] = [];

  grow(): void {
    this.chunks.push(new Uint32Array(CHUNK_SIZE));
  }

  get(row: number): number {
    return (this.chunks[row >>> CHUNK_SHIFT] as Uint32Array)[row & CHUNK_MASK] as number;
  }

  set(row: number, value: number): void {
    (this.chunks[row >>> CHUNK_SHIFT] as Uint32Array)[row & CHUNK_MASK] = value;
  }
}

export class Int32Column {
  private readonly chunks: Int32Array[] = [];

  grow(): void {
    this.chunks.push(new Int32Array(CHUNK_SIZE));
  }

  get(row: number): number {
    return (this.chunks[row >>> CHUNK_SHIFT] as Int32Array)[row & CHUNK_MASK] as number;
  }

  set(row: number, value: number): void {
    (this.chunks[row >>> CHUNK_SHIFT] as Int32Array)[row & CHUNK_MASK] = value;
  }
}

export class Uint16Column {
  private readonly chunks: Uint16Array[] = [];

  grow(): void {
    this.chunks.push(new Uint16Array(CHUNK_SIZE));
  }

  get(row: number): number {
    return (this.chunks[row >>> CHUNK_SHIFT] as Uint16Array)[row & CHUNK_MASK] as number;
  }

  set(row: number, value: number): void {
    (this.chunks[row >>> CHUNK_SHIFT] as Uint16Array)[row & CHUNK_MASK] = value;
  }
}

export class Uint8Column {
  private readonly chunks: Uint8Array[] = [];

  grow(): void {
    this.chunks.push(new Uint8Array(CHUNK_SIZE));
  }

  get(row: number): number {
    return (this.chunks[row >>> CHUNK_SHIFT] as Uint8Array)[row & CHUNK_MASK] as number;
  }

  set(row: number, value: number): void {
    (this.chunks[row >>> CHUNK_SHIFT] as Uint8Array)[row & CHUNK_MASK] = value;
  }
}
