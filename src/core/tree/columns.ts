/**
 * Growable columns of numbers in chunks. The first chunk begins small, so that a small tree takes little memory, and is
 * copied as it doubles; once it is whole, growing adds a chunk and never copies or moves what is there. So growing
 * copies half a chunk at most, however large the column, and cannot stall the loop (core.md 37). An index must lie
 * below the capacity made by `grow`: beyond the last whole chunk access fails, beyond a first one that is not whole yet
 * it is not noticed.
 */
const CHUNK_SHIFT = 15;
const CHUNK_SIZE = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_SIZE - 1;

/** Rows of a whole chunk. */
export const ROWS_PER_CHUNK = CHUNK_SIZE;
/** Rows the first `grow` makes. */
export const FIRST_ROWS = 1024;

/** Rows a column has after its next `grow`. */
export function grownRows(rows: number): number {
  if (rows === 0) return FIRST_ROWS;
  return rows < CHUNK_SIZE ? rows * 2 : rows + CHUNK_SIZE;
}

interface Chunk<Self> {
  readonly length: number;
  set(source: Self): void;
}

function growChunks<T extends Chunk<T>>(chunks: T[], make: (rows: number) => T): void {
  const [first] = chunks;
  if (first === undefined || first.length === CHUNK_SIZE) {
    chunks.push(make(first === undefined ? FIRST_ROWS : CHUNK_SIZE));
    return;
  }
  const grown = make(first.length * 2);
  grown.set(first);
  chunks[0] = grown;
}

export class Float64Column {
  private readonly chunks: Float64Array[] = [];

  grow(): void {
    growChunks(this.chunks, (rows) => new Float64Array(rows));
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
    growChunks(this.chunks, (rows) => new Uint32Array(rows));
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
    growChunks(this.chunks, (rows) => new Uint16Array(rows));
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
    growChunks(this.chunks, (rows) => new Uint8Array(rows));
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
    const chunks = grownRows(this.chunks.length * SPARSE_SIZE) / SPARSE_SIZE;
    while (this.chunks.length < chunks) this.chunks.push(null);
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
