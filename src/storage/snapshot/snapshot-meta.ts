import { crc32 } from "node:zlib";
import { type ByteReader, ByteWriter } from "../../core/base/bytes.ts";
import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";

/** How a field of the meta is kept: a whole number below 2^53, two unsigned 32-bit lanes, a text, or bytes. */
type FieldType = "whole" | "lanes" | "text" | "bytes";

interface FieldFormat {
  readonly type: FieldType;
  /** The database format that brought the field; an older file has it empty. */
  readonly since: number;
}

interface MetaField extends FieldFormat {
  readonly name: keyof SnapshotMeta;
}

/**
 * Every field of the meta - one that is missing here does not compile - in the order of columns, checksum and transfer.
 * Frozen, but for fields of a new format.
 */
const formats: Readonly<Record<keyof SnapshotMeta, FieldFormat>> = {
  zxid: { type: "whole", since: 1 },
  digest: { type: "lanes", since: 1 },
  featureLevel: { type: "whole", since: 1 },
  nextSerial: { type: "whole", since: 1 },
  time: { type: "whole", since: 1 },
  limits: { type: "text", since: 1 },
  quotas: { type: "text", since: 1 },
  nodeCount: { type: "whole", since: 1 },
  sessionCount: { type: "whole", since: 1 },
  configurationZxid: { type: "whole", since: 2 },
  configuration: { type: "bytes", since: 2 },
  history: { type: "bytes", since: 1 },
};
const META_FIELDS = Object.entries(formats).map(([name, format]) => ({ name, ...format })) as readonly MetaField[];

type Values = Partial<Record<keyof SnapshotMeta, unknown>>;

const fieldsOf = (format: number): readonly MetaField[] => META_FIELDS.filter(({ since }) => since <= format);
const isBytes = ({ type }: MetaField): boolean => type === "bytes";

/** The columns of a format's meta table after `id`, in their order: bytes come after the checksum. */
export function metaColumns(format: number): readonly string[] {
  const fields = fieldsOf(format);
  const columns = (of: readonly MetaField[]): string[] =>
    of.flatMap(({ name, type }) => {
      const column = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return type === "lanes" ? [`${column}_low`, `${column}_high`] : [column];
    });
  return [...columns(fields.filter((field) => !isBytes(field))), "checksum", ...columns(fields.filter(isBytes))];
}

/** The values of {@link metaColumns}. */
export function metaToColumns(meta: SnapshotMeta, format: number): unknown[] {
  const values = (of: readonly MetaField[]): unknown[] => of.flatMap(({ name }) => meta[name]);
  const fields = fieldsOf(format);
  return [
    ...values(fields.filter((field) => !isBytes(field))),
    metaChecksum(meta, format),
    ...values(fields.filter(isBytes)),
  ];
}

/** The reverse of {@link metaToColumns}; calls `fail` with the rule that the row breaks. */
export function metaFromColumns(row: readonly unknown[], format: number, fail: (rule: string) => never): SnapshotMeta {
  let column = 0;
  const take = (type: FieldType): unknown => {
    const value = row[column++];
    if (!isOfType(value, type)) fail(`column ${column} is not of its type`);
    return value;
  };
  const values: Values = { configuration: new Uint8Array(0), configurationZxid: 0 };
  const fields = fieldsOf(format);
  for (const { name, type } of fields.filter((field) => !isBytes(field))) {
    values[name] = type === "lanes" ? [take(type), take(type)] : take(type);
  }
  const checksum = take("whole");
  for (const { name, type } of fields.filter(isBytes)) {
    const { buffer, byteOffset, length } = take(type) as Uint8Array;
    values[name] = new Uint8Array(buffer, byteOffset, length);
  }
  const meta = values as unknown as SnapshotMeta;
  if (metaChecksum(meta, format) !== checksum) fail("the row does not match its checksum");
  return meta;
}

/** CRC-32 over the meta row's fields in the order of the columns, bytes last, as FORMAT.md says. */
export function metaChecksum(meta: SnapshotMeta, format: number): number {
  const writer = new ByteWriter(256);
  const fields = fieldsOf(format);
  for (const field of fields) if (!isBytes(field)) writeField(writer, meta, field);
  let checksum = crc32(writer.view());
  for (const { name } of fields.filter(isBytes)) {
    const bytes = meta[name] as Uint8Array;
    writer.reset();
    writer.u53(bytes.length);
    checksum = crc32(writer.view(), checksum);
    // Of an empty BLOB as SQLite gives it, Node makes 0, whatever came before.
    if (bytes.length > 0) checksum = crc32(bytes, checksum);
  }
  return checksum >>> 0;
}

/** The meta as a transfer carries it: every field, in their order. */
export function writeMeta(writer: ByteWriter, meta: SnapshotMeta): void {
  for (const field of META_FIELDS) writeField(writer, meta, field);
}

/** The reverse of {@link writeMeta}; bytes are views. */
export function readTransferredMeta(reader: ByteReader): SnapshotMeta {
  const values: Values = {};
  for (const { name, type } of META_FIELDS) {
    if (type === "whole") values[name] = reader.u53();
    else if (type === "lanes") values[name] = [reader.u32(), reader.u32()];
    else if (type === "text") values[name] = reader.string();
    else values[name] = reader.block();
  }
  return values as unknown as SnapshotMeta;
}

function writeField(writer: ByteWriter, meta: SnapshotMeta, { name, type }: MetaField): void {
  const value = meta[name];
  if (type === "whole") writer.u53(value as number);
  else if (type === "text") writer.string(value as string);
  else if (type === "bytes") writer.block(value as Uint8Array);
  else for (const lane of value as readonly number[]) writer.u32(lane);
}

function isOfType(value: unknown, type: FieldType): boolean {
  if (type === "text") return typeof value === "string";
  if (type === "bytes") return value instanceof Uint8Array;
  return isWhole(value) && (type !== "lanes" || value < 2 ** 32);
}

/** True for what a zxid, time, count or id may be. */
export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
