import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { DoorTls } from "../api/grpc/grpc-options.ts";
import type { DoorTlsFiles } from "./door-tls-options.ts";

/** Files that are no usable certificates; the message names them. */
export class DoorTlsError extends Error {
  override readonly name = "DoorTlsError";
}

/** Reads the PEM files of a door and checks that TLS can use them; throws DoorTlsError. */
export function readDoorTls({ cert, key, clientCa }: DoorTlsFiles): DoorTls {
  const read = (file: string): string => {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new DoorTlsError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  };
  const tls = { cert: read(cert), key: read(key), clientCa: clientCa === null ? undefined : read(clientCa) };
  try {
    createSecureContext({ cert: tls.cert, key: tls.key, ca: tls.clientCa });
  } catch (error) {
    const files = [cert, key, ...(clientCa === null ? [] : [clientCa])].join(", ");
    throw new DoorTlsError(`${files} do not make a usable certificate: ${(error as Error).message}`, { cause: error });
  }
  return tls;
}
