import { usageError } from "./cli-error.ts";

export type OutputFormat = "table" | "json";

/** Reads the value of `-o`. */
export function parseOutput(value: string): OutputFormat {
  if (value === "table" || value === "json") return value;
  throw usageError(`-o: ${JSON.stringify(value)} is not an output format; write table or json`);
}

/** Rows under a heading, columns as wide as their widest cell; numbers stand to the right. */
export function formatTable(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [heading, ...rows.map((row) => row.map(cellText))];
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ""))));
  const right = heading.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => {
        const padding = " ".repeat((widths[column] as number) - widthOf(cell));
        return right[column] ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** Names and values below each other. */
export function formatPairs(pairs: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}\n`).join("");
}

/** Names come from other people's znodes: a control character in one must not reach the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function cellText(cell: string | number): string {
  return printable(String(cell));
}

/** Columns in a terminal, near enough: East Asian wide characters take two. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text)
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/.test(char) ? 2 : 1;
  return width;
}

/** One JSON document for a program, indented for the person beside it. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Data as JSON can carry it: as text where it is valid UTF-8, otherwise in base64. */
export type JsonData = { readonly utf8: string } | { readonly base64: string };

export function dataToJson(data: Uint8Array): JsonData {
  try {
    return { utf8: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data) };
  } catch {
    return { base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
  }
}

/** The other way, from an object that has one of the two; `where` names the input in the error. */
export function dataFromJson(value: { utf8?: unknown; base64?: unknown }, where: string): Uint8Array {
  const { utf8, base64 } = value;
  if (utf8 !== undefined && base64 !== undefined) throw usageError(`${where}: has both utf8 and base64; keep one`);
  if (typeof utf8 === "string") return Buffer.from(utf8, "utf8");
  if (typeof base64 !== "string") {
    throw usageError(`${where}: has no data; add "utf8": "text", or "base64" with the bytes in base64`);
  }
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64)
    throw usageError(`${where}: its base64 is not valid; encode the bytes again`);
  return bytes;
}
