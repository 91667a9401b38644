import { MusterError } from "./errors.ts";

/** A znode's data; a string is encoded as UTF-8. */
export type Data = Uint8Array | string;

export function invalid(message: string, path?: string): MusterError {
  return new MusterError("INVALID_ARGUMENT", { message, path });
}

/** What only the type system promises is checked, so that a mistake in plain JavaScript is an error with a name. */
export function requirePath(path: unknown): asserts path is string {
  if (typeof path !== "string") throw invalid("a path must be a string");
}

export function requireData(data: unknown, path: string): asserts data is Data {
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw invalid("data must be a string or a Uint8Array", path);
  }
}

export function requireVersion(version: unknown, path: string): asserts version is number | undefined {
  if (version !== undefined && (version as number) !== ((version as number) | 0)) {
    throw invalid("a version is a 32-bit integer", path);
  }
}

export function bytesOf(data: Data, path: string): Uint8Array {
  requireData(data, path);
  return typeof data === "string" ? Buffer.from(data, "utf8") : data;
}
