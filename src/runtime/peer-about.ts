import { ByteReader, ByteWriter, FormatError } from "../core/base/bytes.ts";
import {
  decodeConfiguration,
  type EnsembleConfiguration,
  encodeConfiguration,
} from "../core/zab/ensemble-configuration.ts";

/** What members tell each other of themselves when a link comes up: the `about` of the transport. */
export interface PeerAbout {
  /** The data directory holds no configuration and no log: the member may take part in a bootstrap. */
  readonly isEmpty: boolean;
  /** The ensemble as the member knows it; undefined while it knows none. */
  readonly configuration: EnsembleConfiguration | undefined;
  /** The ids of `--ensemble` at its start, ascending; empty if it was given none. */
  readonly initialIds: readonly number[];
  /** Where clients reach its doors; "" for a door that is closed. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  /** The program's version, for people. */
  readonly version: string;
  /** The highest feature level it can apply (core.md 5). */
  readonly featureLevel: number;
  /** Its program answers members that mend their journals (core.md 28). An older one drops a link for the question. */
  readonly answersMending: boolean;
  /** Where ZooKeeper clients reach it; "" while that door is closed, and of a program that has none. */
  readonly zookeeperAddress: string;
  /** It takes questions beside the log now. An older program drops a link for one. */
  readonly answersAsks: boolean;
}

const FORMAT = 1;

/** The largest ensemble, with long host names, fits the transport's bound. */
export function encodePeerAbout(about: PeerAbout): Uint8Array {
  const writer = new ByteWriter(512);
  writer.u8(FORMAT);
  writer.u8(about.isEmpty ? 1 : 0);
  writer.block(about.configuration === undefined ? new Uint8Array(0) : encodeConfiguration(about.configuration));
  writer.varint(about.initialIds.length);
  for (const id of about.initialIds) writer.u32(id);
  writer.string(about.grpcAddress);
  writer.string(about.httpAddress);
  writer.string(about.version);
  writer.u32(about.featureLevel);
  writer.u8(about.answersMending ? 1 : 0);
  writer.string(about.zookeeperAddress);
  writer.u8(about.answersAsks ? 1 : 0);
  return writer.copy();
}

/** Throws FormatError. Fields that a later program appended are passed over. */
export function decodePeerAbout(bytes: Uint8Array): PeerAbout {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== FORMAT)
    throw new FormatError(`a member's description of format ${format} is not known to this program`);
  const empty = reader.u8();
  if (empty > 1) throw new FormatError("whether the member is empty is neither yes nor no");
  const configurationBytes = reader.block();
  const configuration = configurationBytes.length === 0 ? undefined : decodeConfiguration(configurationBytes);
  const isEmpty = empty === 1;
  if (isEmpty && configuration !== undefined) throw new FormatError("an empty member with a configuration");
  const initialIds: number[] = [];
  for (let count = reader.varint(); count > 0; count--) {
    const id = reader.u32();
    if (id <= (initialIds.at(-1) ?? 0)) throw new FormatError("the initial members' ids do not ascend");
    initialIds.push(id);
  }
  return {
    isEmpty,
    configuration,
    initialIds,
    grpcAddress: reader.string(),
    httpAddress: reader.string(),
    version: reader.string(),
    featureLevel: reader.u32(),
    // Programs of before say nothing of these.
    answersMending: reader.remaining > 0 && reader.flag(),
    zookeeperAddress: reader.remaining > 0 ? reader.string() : "",
    answersAsks: reader.remaining > 0 && reader.flag(),
  };
}
