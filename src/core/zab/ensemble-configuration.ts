import { ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";

export type VotingRole = "voter" | "observer";

/** One member as the ensemble knows it. */
export interface ConfiguredMember {
  readonly id: number;
  readonly role: VotingRole;
  /** What its vote weighs; 1 unless configured, 0 for a voter that only keeps a copy. */
  readonly weight: number;
  /**
   * Members of one data centre, say. 0, for all, means none: the majority of all weight decides. Otherwise a quorum is
   * a majority of the groups, each by a majority of its own weight (ZooKeeper's hierarchical quorums).
   */
  readonly group: number;
  /** Random, made with its data directory: a wiped or cloned member has another (core.md 26). */
  readonly incarnation: string;
  readonly peerAddress: string;
}

/** The ensemble's membership: a journal record, in force from the moment it is journalled (ARCHITECTURE decision 3). */
export interface EnsembleConfiguration {
  /** 32 hex digits. */
  readonly ensembleId: string;
  readonly members: readonly ConfiguredMember[];
}

/** 2 added the group. */
const FORMAT = 2;

export function encodeConfiguration(configuration: EnsembleConfiguration): Uint8Array {
  const writer = new ByteWriter(256);
  writer.u16(FORMAT);
  writer.string(configuration.ensembleId);
  writer.varint(configuration.members.length);
  for (const member of configuration.members) {
    writer.u32(member.id);
    writer.u8(member.role === "voter" ? 1 : 0);
    writer.u32(member.weight);
    writer.u32(member.group);
    writer.string(member.incarnation);
    writer.string(member.peerAddress);
  }
  return writer.copy();
}

export function decodeConfiguration(bytes: Uint8Array): EnsembleConfiguration {
  const reader = new ByteReader(bytes);
  const format = reader.u16();
  if (format < 1 || format > FORMAT) {
    throw new FormatError(`ensemble configuration format ${format} is not known to this program`);
  }
  const ensembleId = reader.string();
  const count = reader.varint();
  const members: ConfiguredMember[] = [];
  for (let i = 0; i < count; i++) {
    members.push({
      id: reader.u32(),
      role: decodeRole(reader.u8()),
      weight: reader.u32(),
      group: format === 1 ? 0 : reader.u32(),
      incarnation: reader.string(),
      peerAddress: reader.string(),
    });
  }
  reader.expectEnd();
  return { ensembleId, members };
}

function decodeRole(code: number): VotingRole {
  if (code > 1) throw new FormatError(`role ${code} is not known to this program`);
  return code === 1 ? "voter" : "observer";
}
