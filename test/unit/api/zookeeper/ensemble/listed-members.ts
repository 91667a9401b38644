import fc from "fast-check";
import type { ConfigStatus } from "../../../../../src/api/zookeeper/ensemble/config-text.ts";
import type { MemberInfo } from "../../../../../src/coordination/port.ts";

/** A member as the status has it. */
export function memberInfo(id: number, fields: Partial<MemberInfo> = {}): MemberInfo {
  return {
    id,
    role: "follower",
    votingRole: "voter",
    weight: 1,
    group: 0,
    isReachable: true,
    zxid: 0,
    lastZxid: 0,
    version: "",
    grpcAddress: "",
    httpAddress: "",
    zookeeperAddress: `db${id}:2181`,
    peerAddress: `db${id}:7402`,
    ...fields,
  };
}

const host = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,9}(\.[a-z]{1,5}){0,2}$/),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
);
const address = fc.tuple(host, fc.integer({ min: 1, max: 65_535 })).map(([name, port]) => `${name}:${port}`);

const member = fc
  .record({
    votingRole: fc.constantFrom("voter" as const, "observer" as const, "joining" as const),
    weight: fc.integer({ min: 0, max: 1000 }),
    group: fc.integer({ min: 0, max: 4 }),
    peerAddress: address,
    zookeeperAddress: fc.option(address, { nil: "" }),
  })
  .map((fields): MemberInfo => memberInfo(1, fields));

/** Members of every kind, at least one of them with a vote. */
export const anyConfigStatus: fc.Arbitrary<ConfigStatus> = fc
  .record({
    ids: fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: 8, maxLength: 8 }),
    members: fc.array(member, { minLength: 1, maxLength: 8 }),
    configurationZxid: fc.maxSafeNat(),
  })
  .map(({ ids, members, configurationZxid }) => {
    const first = { ...members[0], votingRole: "voter" } as MemberInfo;
    const sorted = ids.slice(0, members.length).sort((one, other) => one - other);
    const all = [first, ...members.slice(1)].map(
      (each, index): MemberInfo => ({ ...each, id: sorted[index] as number }),
    );
    return { members: all, configurationZxid };
  });
