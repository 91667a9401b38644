import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const GOLDEN = fileURLToPath(new URL("../golden/", import.meta.url));

/**
 * The bytes of a golden file of hex text: `#` begins a comment, blanks and lines mean nothing. By its name less `.hex`.
 */
export function goldenHex(directory: string): ReadonlyMap<string, Uint8Array> {
  const files = readdirSync(GOLDEN + directory).filter((name) => name.endsWith(".hex"));
  return new Map(
    files.map((name) => [name.slice(0, -4), parse(readFileSync(`${GOLDEN}${directory}/${name}`, "utf8"))]),
  );
}

function parse(text: string): Uint8Array {
  const digits = text.replace(/#.*$/gm, "").replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error("not hex");
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
