import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";

/**
 * Arbitrary protobuf by schema, as another implementation might write it: fields in any order, repeated, left out, with
 * unknown ones between them, varints longer than need be. What it means is for the generated decoder to say.
 */
type Scalar = "uint32" | "uint64" | "int32" | "bool" | "string" | "bytes";
export type FieldType = Scalar | Schema;
export interface Schema {
  readonly [fieldNumber: number]: FieldType;
}

const pathOperation: Schema = { 1: "string" };
const versioned: Schema = { 1: "string", 2: "int32" };
const acl: Schema = { 1: { 1: "uint32", 2: "string", 3: "string" } };
const create: Schema = { 1: "string", 2: "bytes", 3: "int32", 4: acl, 5: "uint64", 6: "bool" };
const set: Schema = { 1: "string", 2: "bytes", 3: "int32" };
const setAcl: Schema = { 1: "string", 2: acl, 3: "int32" };
const list: Schema = { 1: "string", 2: "uint32", 3: "bytes" };
const credential: Schema = { 1: "string", 2: "string" };
const multi: Schema = { 1: { 1: create, 2: set, 3: versioned, 4: versioned, 5: setAcl } };
const multiRead: Schema = { 1: { 1: pathOperation, 2: pathOperation, 3: list, 4: pathOperation } };
const addWatch: Schema = { 1: "uint32", 2: "string", 3: "int32", 4: "uint64" };

export const operationSchema: Schema = {
  ...{ 1: "uint64", 2: "uint64", 3: "bool" },
  ...{ 4: create, 5: set, 6: versioned, 7: pathOperation, 8: setAcl, 9: multi },
  ...{ 10: pathOperation, 11: pathOperation, 12: list, 13: pathOperation, 14: pathOperation, 15: pathOperation },
  ...{ 16: multiRead, 17: {}, 18: addWatch, 19: { 1: "uint32" }, 20: credential },
};

/** A field as its bytes, tag included. */
type Field = Uint8Array;

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }).filter((value) => !value.startsWith("\ufeff")),
  fc.constantFrom("/", "/a/b", "/ключ", "/\u{1f409}"),
);
const uint64 = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(2 ** 28 - 1, 2 ** 28, 2 ** 53 - 1, 2 ** 56, 2 ** 63),
);
const int32 = fc.oneof(fc.integer({ min: -2, max: 9 }), fc.integer());

function scalarField(type: Scalar, at: number): fc.Arbitrary<Field> {
  const write = (action: (writer: BinaryWriter) => BinaryWriter) => action(new BinaryWriter()).finish();
  switch (type) {
    case "uint32":
      return fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => write((w) => w.tag(at, 0).uint32(value)));
    case "uint64":
      return uint64.map((value) => write((w) => w.tag(at, 0).uint64(BigInt(value))));
    case "int32":
      return int32.map((value) => write((w) => w.tag(at, 0).int32(value)));
    case "bool":
      return fc.nat(300).map((value) => write((w) => w.tag(at, 0).uint32(value)));
    case "string":
      return text.map((value) => write((w) => w.tag(at, 2).string(value)));
    case "bytes":
      return fc.uint8Array({ maxLength: 20 }).map((value) => write((w) => w.tag(at, 2).bytes(value)));
  }
}

const unknown: fc.Arbitrary<Field> = fc
  .tuple(fc.constantFrom(0, 1, 2, 5), fc.integer({ min: 100, max: 2 ** 20 }), fc.uint8Array({ maxLength: 8 }))
  .map(([wireType, at, bytes]) => {
    const writer = new BinaryWriter().tag(at, wireType as 0 | 1 | 2 | 5);
    if (wireType === 0) return writer.uint32(bytes[0] ?? 0).finish();
    if (wireType === 1) return writer.fixed64(1).finish();
    if (wireType === 2) return writer.bytes(bytes).finish();
    return writer.fixed32(7).finish();
  });

/** The bytes of a message of `schema`. */
export function wireMessage(schema: Schema, fieldsMax = 6): fc.Arbitrary<Uint8Array> {
  const fields = Object.entries(schema).map(([at, type]) => wireField(Number(at), type as FieldType));
  const any =
    fields.length === 0
      ? unknown
      : fc.oneof({ weight: 8, arbitrary: fc.oneof(...fields) }, { weight: 1, arbitrary: unknown });
  return fc.array(any, { maxLength: fieldsMax }).map((list) => new Uint8Array(Buffer.concat(list)));
}

export function wireField(at: number, type: FieldType): fc.Arbitrary<Field> {
  if (typeof type !== "object") return scalarField(type, at);
  return wireMessage(type).map((bytes) => new BinaryWriter().tag(at, 2).bytes(bytes).finish());
}
