import { type ByteReader, FormatError } from "../base/bytes.ts";
import type { Following } from "./following.ts";
import type { Leading } from "./leading.ts";
import {
  decodeAckEpoch,
  decodeCurrentEpoch,
  decodeEpochMessage,
  decodeEpochZxid,
  decodeNewEpoch,
  decodePulse,
  decodeSync,
  peerMessage,
} from "./peer-message.ts";

/** Messages of a learner to its leader; the others are a leader's. */
export function isForLeader(type: number | undefined): boolean {
  switch (type) {
    case peerMessage.CEPOCH:
    case peerMessage.ACKEPOCH:
    case peerMessage.ACKLEADER:
    case peerMessage.INSTALLED:
    case peerMessage.ACK:
    case peerMessage.PONG:
      return true;
    default:
      return false;
  }
}

/** Hands a learner's message to the leader, if this member still is one. */
export function tellLeader(
  leading: Leading | undefined,
  peer: number,
  type: number | undefined,
  reader: ByteReader,
): void {
  switch (type) {
    case peerMessage.CEPOCH:
      leading?.onCurrentEpoch(peer, decodeCurrentEpoch(reader));
      return;
    case peerMessage.ACKEPOCH:
      leading?.onAckEpoch(peer, decodeAckEpoch(reader));
      return;
    case peerMessage.ACKLEADER:
      leading?.onAckLeader(peer, decodeEpochMessage(reader));
      return;
    case peerMessage.INSTALLED:
      leading?.onInstalled(peer, decodeEpochZxid(reader));
      return;
    case peerMessage.ACK:
      leading?.onAck(peer, decodeEpochZxid(reader));
      return;
    case peerMessage.PONG:
      leading?.onPong(peer, decodePulse(reader));
  }
}

/** Hands the leader's message to its follower. Throws FormatError for one that is not known. */
export function tellFollower(following: Following, type: number | undefined, reader: ByteReader): void {
  switch (type) {
    case peerMessage.NEWEPOCH:
      following.onNewEpoch(decodeNewEpoch(reader));
      return;
    case peerMessage.SYNC:
      following.onSync(decodeSync(reader));
      return;
    case peerMessage.NEWLEADER:
      following.onNewLeader(decodeEpochZxid(reader));
      return;
    case peerMessage.COMMIT:
      following.onCommit(decodeEpochZxid(reader));
      return;
    case peerMessage.PING:
      following.onPing(decodePulse(reader));
      return;
    default:
      throw new FormatError("not known to this program");
  }
}
