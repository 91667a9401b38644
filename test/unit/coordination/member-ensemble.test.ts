import { expect, test } from "vitest";
import { MemberEnsemble } from "../../../src/coordination/member-ensemble.ts";
import type { LinkedPeer } from "../../../src/runtime/ensemble-links.ts";
import type { PeerAbout } from "../../../src/runtime/peer-about.ts";
import { SoloMember } from "../../support/solo-member.ts";

const said: PeerAbout = {
  isEmpty: false,
  configuration: undefined,
  initialIds: [],
  grpcAddress: "db7:7400",
  httpAddress: "db7:7401",
  version: "9.9.9",
  featureLevel: 1,
  answersMending: true,
  zookeeperAddress: "db7:2181",
  answersAsks: true,
};

function knownOf(peer: Partial<LinkedPeer>) {
  const link = { id: 7, incarnation: "a", ensembleId: "", address: "db7:7402", about: new Uint8Array(0) };
  const { member } = SoloMember.leading();
  return [...new MemberEnsemble({ member, peers: () => [{ ...link, said: undefined, ...peer }] }).known()];
}

test("a linked member is shown with what it says of itself", () => {
  const { version, grpcAddress, httpAddress, zookeeperAddress } = said;
  const words = { version, grpcAddress, httpAddress, zookeeperAddress };
  expect(knownOf({ said })).toEqual([expect.objectContaining({ id: 7, peerAddress: "db7:7402", ...words })]);
});

test("one that says what this program cannot read is shown without", () => {
  const nothing = { version: "", grpcAddress: "", httpAddress: "", zookeeperAddress: "" };
  expect(knownOf({})).toEqual([expect.objectContaining({ id: 7, peerAddress: "db7:7402", ...nothing })]);
});
