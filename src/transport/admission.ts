import { type Hello, PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN } from "./hello.ts";
import type { Refusal } from "./refusal.ts";

/** Who this member is, as far as handshakes go. */
export interface OwnIdentity {
  readonly id: number;
  readonly incarnation: string;
  readonly ensembleId: string;
}

/**
 * Checks what the other side says of itself; returns why not, in words that the other side can act on. `expectedId`
 * is whom we dialled, undefined on a connection taken in. The certificate's id is checked before it is asked.
 */
export function checkHello(own: OwnIdentity, hello: Hello, expectedId: number | undefined): Refusal | undefined {
  if (hello.versionMin > PROTOCOL_VERSION_MAX || hello.versionMax < PROTOCOL_VERSION_MIN) {
    const theirs = `${hello.versionMin} to ${hello.versionMax}`;
    const ours = `${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION_MAX}`;
    return { rule: "version", text: `member ${own.id} speaks protocol versions ${ours}, the other side ${theirs}` };
  }
  if (hello.senderId === own.id) return selfClaim(own, hello);
  if (hello.targetId !== own.id || (expectedId !== undefined && hello.senderId !== expectedId)) {
    const [meant, met] = hello.targetId === own.id ? [expectedId, hello.senderId] : [hello.targetId, own.id];
    return { rule: "identity", text: `member ${meant} was meant, but member ${met} is at this address` };
  }
  if (own.ensembleId !== "" && hello.ensembleId !== "" && own.ensembleId !== hello.ensembleId) {
    const ours = `member ${own.id} belongs to ensemble ${own.ensembleId}`;
    return { rule: "ensemble", text: `${ours}, member ${hello.senderId} to ${hello.ensembleId}` };
  }
  return undefined;
}

function selfClaim(own: OwnIdentity, hello: Hello): Refusal {
  const text =
    hello.incarnation === own.incarnation
      ? `member ${own.id} reached itself: the address of another member leads to it`
      : `two members claim id ${own.id}: incarnations ${own.incarnation} and ${hello.incarnation}`;
  return { rule: "identity", text };
}
