import type { ContentJobs } from "../../src/products/floor/workers/content-jobs.ts";
import { zipArchive } from "./zip-archive.ts";

/** Something hostile that a user may send, as a job of the worker pool. */
export type HostilePiece = {
  readonly [Kind in keyof ContentJobs]: {
    readonly name: string;
    readonly kind: Kind;
    readonly input: ContentJobs[Kind]["input"];
    /** The rule by which it is refused, or by which the document is rejected. */
    readonly rule: string;
  };
}[keyof ContentJobs];

const MIB = 1024 * 1024;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Content that would take a trusting parser minutes, or all memory. */
export function hostileContent(): HostilePiece[] {
  return [
    {
      name: "catastrophic pattern",
      kind: "validate",
      input: {
        schema: utf8('{"pattern":"^(a+)+$"}'),
        format: "json",
        content: utf8(`"${"a".repeat(100_000)}!"`),
      },
      rule: "#/pattern",
    },
    { name: "YAML bomb", kind: "parse", input: { format: "yaml", content: utf8(yamlBomb()) }, rule: "values" },
    { name: "XML, 1 MiB of entities", kind: "check-xml", input: { content: utf8(nestedEntities()) }, rule: "doctype" },
    { name: "zip bomb", kind: "read-zip", input: { archive: zipBomb() }, rule: "ratio" },
  ];
}

/** 6^15 values in 16 lines. */
function yamlBomb(): string {
  const names = "abcdefghijklmnop".split("");
  const lines = names.map((name, index) => `${name}: &${name} [${`*${names[index - 1]},`.repeat(index && 6)}1]`);
  return lines.join("\n");
}

/** Each entity is twice the one before. */
function nestedEntities(): string {
  const lines = Array.from({ length: 20_000 }, (_, index) => `<!ENTITY e${index + 1} "&e${index};&e${index};">`);
  const text = `<!DOCTYPE a [<!ENTITY e0 "ha">${lines.join("")}]><a>&e20000;`;
  return `${text.padEnd(MIB - "</a>".length)}</a>`;
}

/** 64 MiB in 70 KiB. */
function zipBomb(): Uint8Array {
  const bytes = new Uint8Array(MIB);
  return zipArchive(Array.from({ length: 64 }, (_, index) => ({ name: String(index), bytes })));
}
