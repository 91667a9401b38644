import { usageError } from "./cli-error.ts";
import { type CliIo, readAll } from "./io.ts";

/** Largest data of one znode, bytes; the server refuses more. */
const DATA_BYTES_MAX = 1024 * 1024;

/** The data a command was given: its argument, or with `-` what is on standard input, byte for byte. */
export async function dataArgument(argument: string, io: CliIo): Promise<Uint8Array> {
  if (argument !== "-") return Buffer.from(argument, "utf8");
  const data = await readAll(io.stdin, DATA_BYTES_MAX);
  if (data !== "too large") return data;
  throw usageError(
    `standard input: is more than the ${DATA_BYTES_MAX} bytes a znode may hold; store less, or split it`,
  );
}
