/** The PEM files of TLS at the gRPC and HTTP doors, by absolute path. */
export interface DoorTlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** The values of its options. */
interface DoorTlsValues {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsClientCa?: string | undefined;
}

/** @param path the absolute path that an option's value means */
export function doorTls(values: DoorTlsValues, path: (name: keyof DoorTlsValues) => string): DoorTlsFiles | null {
  if (values.tlsCert === undefined || values.tlsKey === undefined) return null;
  const clientCa = values.tlsClientCa === undefined ? null : path("tlsClientCa");
  return { cert: path("tlsCert"), key: path("tlsKey"), clientCa };
}

/** What cannot be without something else. */
export function doorTlsProblems(values: DoorTlsValues, source: (name: keyof DoorTlsValues) => string): string[] {
  const { tlsCert, tlsKey, tlsClientCa } = values;
  const problems: string[] = [];
  const half = tlsCert !== undefined ? "tlsCert" : "tlsKey";
  const missing = half === "tlsCert" ? "--tls-key" : "--tls-cert";
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    problems.push(`${source(half)}: TLS needs a certificate and its key; give ${missing}, too`);
  }
  if (tlsClientCa !== undefined && tlsCert === undefined && tlsKey === undefined) {
    problems.push(`${source("tlsClientCa")}: is for TLS, which is off; give --tls-cert and --tls-key`);
  }
  return problems;
}
