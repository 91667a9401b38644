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

/** Rows per chunk of a sparse column: few, so that one row that is set costs little. */
const SPARSE_SHIFT = 8;
const SPARSE_SIZE = 1 << SPARSE_SHIFT;
const SPARSE_MASK = SPARSE_SIZE - 1;

/**
 * A column that is zero nearly everywhere - what only parents, changed or special znodes have - and takes memory only
 * around the rows that are not. Of a million leaves it holds nothing.
 */
export class SparseUint32Column {
  /** null: all zero. Beyond the capacity there is nothing, so that a row too far fails as in any column. */
  private readonly chunks: (Uint32Array | null)[] = [];

  grow(): void {
    for (let i = 0; i < CHUNK_SIZE / SPARSE_SIZE; i++) this.chunks.push(null);
  }

  get(row: number): number {
    const chunk = this.chunks[row >>> SPARSE_SHIFT];
    return chunk === null ? 0 : ((chunk as Uint32Array)[row & SPARSE_MASK] as number);
  }

  set(row: number, value: number): void {
    let chunk = this.chunks[row >>> SPARSE_SHIFT];
    if (chunk === null) {
      if (value === 0) return;
      chunk = new Uint32Array(SPARSE_SIZE);
      this.chunks[row >>> SPARSE_SHIFT] = chunk;
    }
    (chunk as Uint32Array)[row & SPARSE_MASK] = value;
  }
}

/** The same for numbers with a sign. */
export class SparseInt32Column {
  private readonly column = new SparseUint32Column();

  grow(): void {
    this.column.grow();
  }

  get(row: number): number {
    return this.column.get(row) | 0;
  }

  set(row: number, value: number): void {
    this.column.set(row, value);
  }
}
