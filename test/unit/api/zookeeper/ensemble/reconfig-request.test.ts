import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConfigStatus, configText } from "../../../../../src/api/zookeeper/ensemble/config-text.ts";
import {
  planReconfig,
  type ReconfigPlan,
  type ReconfigRequest,
} from "../../../../../src/api/zookeeper/ensemble/reconfig-request.ts";
import type { ConfigurationChange } from "../../../../../src/coordination/port.ts";
import { applyChange, isRefusal } from "../../../../../src/core/zab/configuration-change.ts";
import "../../../../support/fixed-seed.ts";
import { anyConfigStatus, memberInfo } from "./listed-members.ts";

const VERSION = 2 ** 32 + 7;
const status: ConfigStatus = {
  members: [
    memberInfo(1),
    memberInfo(2),
    memberInfo(3, { votingRole: "observer" }),
    memberInfo(4, { votingRole: "joining" }),
  ],
  configurationZxid: VERSION,
};
const grouped: ConfigStatus = {
  members: [
    memberInfo(1, { group: 1 }),
    memberInfo(2, { group: 2, weight: 2 }),
    memberInfo(3, { votingRole: "observer" }),
  ],
  configurationZxid: VERSION,
};

function plan(request: Partial<ReconfigRequest>, of: ConfigStatus = status): ReconfigPlan {
  return planReconfig(
    { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1, ...request },
    of,
  );
}

const change = (of: object) => ({ kind: "change", change: of });
const refused = (detail: string, code = -8) => ({ kind: "refused", code, detail: expect.stringContaining(detail) });
const bulk = (edit: (text: string) => string, of = status) => plan({ newMembers: edit(configText(of)) }, of);

describe("joining", () => {
  test("a new id is a member to add, with a vote unless it is to observe", () => {
    expect(plan({ joiningServers: "server.4=db4:7402:0" })).toEqual(
      change({ kind: "add", id: 4, role: "voter", peerAddress: "db4:7402" }),
    );
    expect(plan({ joiningServers: "server.5=[::1]:1:2:observer;2181" })).toEqual(
      change({ kind: "add", id: 5, role: "observer", peerAddress: "[::1]:1" }),
    );
  });

  test("a known id changes its role, its address or both, and nothing else of it", () => {
    expect(plan({ joiningServers: "server.3=db3:7402:0" })).toEqual(change({ kind: "change", id: 3, role: "voter" }));
    expect(plan({ joiningServers: "server.2=db2:9:0:participant" })).toEqual(
      change({ kind: "change", id: 2, peerAddress: "db2:9" }),
    );
    expect(plan({ joiningServers: "server.2=new:1:2:observer" }, grouped)).toEqual(
      change({ kind: "change", id: 2, role: "observer", peerAddress: "new:1" }),
    );
  });

  test("as what it is already changes nothing", () => {
    expect(plan({ joiningServers: "server.2=DB2:7402:7402;2181" })).toEqual({ kind: "nothing" });
  });

  test("with a vote in an ensemble with groups says too little, unless some are of group 0", () => {
    const why = "would have a vote in no group of an ensemble with groups";
    expect(plan({ joiningServers: "server.5=h:1:2" }, grouped)).toEqual(refused(why));
    expect(plan({ joiningServers: "server.3=db3:7402:0" }, grouped)).toEqual(refused(why));
    expect(plan({ joiningServers: "server.5=h:1:2:observer" }, grouped)).toMatchObject({ kind: "change" });
    const mixed = { ...grouped, members: [...grouped.members, memberInfo(6)] };
    expect(plan({ joiningServers: "server.5=h:1:2" }, mixed)).toMatchObject({ kind: "change" });
  });
});

describe("leaving", () => {
  test("a member is one to remove; in ZooKeeper, too, a stranger's leaving succeeds", () => {
    expect(plan({ leavingServers: "2" })).toEqual(change({ kind: "remove", id: 2 }));
    expect(plan({ leavingServers: "77" })).toEqual({ kind: "nothing" });
    expect(plan({ leavingServers: "4" })).toEqual({ kind: "nothing" });
  });

  test("and joining at once is what the two come to together", () => {
    const both = { leavingServers: "3", joiningServers: "server.3=db3:7402:0:participant" };
    expect(plan(both)).toEqual(change({ kind: "change", id: 3, role: "voter" }));
    expect(plan({ ...both, leavingServers: "2,3" })).toEqual(refused("changes by one member at a time"));
  });
});

describe("a whole configuration", () => {
  test("of one more, one less or one other is that change", () => {
    expect(bulk((text) => `${text}\nserver.4=db4:7402:0:observer;db4:2181`)).toEqual(
      change({ kind: "add", id: 4, role: "observer", peerAddress: "db4:7402" }),
    );
    expect(bulk((text) => text.replace(/server\.2.*\n/, ""))).toEqual(change({ kind: "remove", id: 2 }));
    expect(bulk((text) => text.replace("observer", "participant"))).toEqual(
      change({ kind: "change", id: 3, role: "voter" }),
    );
  });

  test("sets weights and groups", () => {
    expect(bulk((text) => text.replace("weight.2=2", "weight.2=5"), grouped)).toEqual(
      change({ kind: "change", id: 2, weight: 5 }),
    );
    expect(bulk((text) => text.replace("group.1=1\ngroup.2=2", "group.2=1:2"), grouped)).toEqual(
      change({ kind: "change", id: 1, group: 2 }),
    );
    expect(bulk((text) => `${text}\nserver.5=h:1:2\ngroup.7=5\nweight.5=3`, grouped)).toEqual(
      change({ kind: "add", id: 5, role: "voter", peerAddress: "h:1", weight: 3, group: 7 }),
    );
  });

  test("without groups means an ensemble without groups, which is more than one member's change", () => {
    expect(bulk((text) => text.replace(/(group|weight).*\n/g, ""), grouped)).toEqual(refused("change 1, change 2"));
  });

  test("leaves an observer's weight and group, of which it says nothing, as they are", () => {
    const observing = memberInfo(3, { votingRole: "observer", weight: 4, group: 9 });
    const of = { ...status, members: [memberInfo(1), observing] };
    expect(bulk((text) => text, of)).toEqual({ kind: "nothing" });
    expect(bulk((text) => text.replace("observer", "participant"), of)).toEqual(
      change({ kind: "change", id: 3, role: "voter", weight: 1, group: 0 }),
    );
  });

  test("is not taken together with joining or leaving ones", () => {
    const newMembers = configText(status);
    expect(plan({ newMembers, leavingServers: "2" })).toEqual(refused("exclude each other"));
    expect(plan({ newMembers, joiningServers: "server.4=h:1:2" })).toEqual(refused("exclude each other"));
  });
});

describe("client addresses", () => {
  const join = (id: number, client: string) => plan({ joiningServers: `server.${id}=db${id}:7402:0${client}` });

  test("of one that is linked have to be its own, of a joiner, too", () => {
    expect(join(2, ";db2:2181")).toEqual({ kind: "nothing" });
    expect(join(2, ";2181")).toEqual({ kind: "nothing" });
    expect(join(2, ";db2:2182")).toEqual(
      refused("server.2: the member itself says where clients reach it, at db2:2181"),
    );
    expect(join(4, ";other:2181")).toEqual(refused("write ;db4:2181 or nothing"));
    expect(join(4, ";DB4:2181")).toMatchObject({ kind: "change" });
    expect(bulk((text) => text.replace("db1:2181", "db1:1"))).toEqual(refused("server.1"));
  });

  test("are passed over where the member announces none", () => {
    expect(join(9, ";anywhere:1")).toMatchObject({ kind: "change", change: { id: 9 } });
    const silent = { ...status, members: [memberInfo(1, { zookeeperAddress: "" })] };
    expect(plan({ joiningServers: "server.1=db1:7402:0;5" }, silent)).toEqual({ kind: "nothing" });
  });
});

test("a request for another version of the configuration is refused, before anything else of it is looked at", () => {
  expect(plan({ curConfigId: VERSION, leavingServers: "2" })).toMatchObject({ kind: "change" });
  const text = "the request is for version 5 of the configuration, which is at 100000007; read it again";
  expect(plan({ curConfigId: 5, leavingServers: "x" })).toEqual(refused(text, -103));
  expect(plan({ curConfigId: -2 })).toEqual(refused("version -2", -103));
});

test("what asks for nothing changes nothing", () => {
  expect(plan({})).toEqual({ kind: "nothing" });
  expect(plan({ joiningServers: "", leavingServers: "", newMembers: "" })).toEqual({ kind: "nothing" });
});

test("what breaks a rule of form is a bad argument", () => {
  expect(plan({ joiningServers: "server.4=h" })).toEqual(refused('server.4: "h" is not of the form of a server'));
  expect(plan({ leavingServers: "server.2" })).toEqual(refused("is not a member's id"));
});

describe("whatever the ensemble", () => {
  test("the configuration it shows, given back, changes nothing", () => {
    fc.assert(
      fc.property(anyConfigStatus, (of) => {
        expect(bulk((text) => text, of)).toEqual({ kind: "nothing" });
      }),
    );
  });

  test("a configuration one member away is reached by the change planned", () => {
    const step = fc.constantFrom("comes", "changes", "goes");
    let reached = 0;
    fc.assert(
      fc.property(anyConfigStatus, anyConfigStatus, step, fc.nat(), (of, { members: others }, kind, pick) => {
        const own = of.members[pick % of.members.length];
        const other = others[pick % others.length];
        if (own === undefined || other === undefined || other.votingRole === "joining") return;
        const id = kind === "comes" ? other.id : own.id;
        const rest = of.members.filter((member) => member.id !== id);
        const members = kind === "goes" ? rest : [...rest, { ...other, id, zookeeperAddress: "" }];
        const planned = bulkOf({ ...of, members: members.sort((one, two) => one.id - two.id) }, of);
        const wanted = listed(members);
        // Nobody at all is no configuration.
        if (wanted.length === 0) {
          expect(planned.kind).toBe("refused");
          return;
        }
        expect(planned.kind).not.toBe("refused");
        const next = planned.kind === "change" ? apply(of, planned.change) : listed(of.members);
        // Where it breaks a rule of the core, that is the leader's to say.
        if (next === undefined) return;
        reached++;
        expect(next).toEqual(wanted);
      }),
    );
    expect(reached).toBeGreaterThan(20);
  });
});

function bulkOf(wanted: ConfigStatus, present: ConfigStatus): ReconfigPlan {
  const unannounced = present.members.map((member) => ({ ...member, zookeeperAddress: "" }));
  return plan({ newMembers: configText(wanted) }, { ...present, members: unannounced });
}

/** What a member without a vote weighs is not in the text. */
function listed(members: ConfigStatus["members"]): object[] {
  return members
    .filter(({ votingRole }) => votingRole !== "joining")
    .map(({ id, votingRole, peerAddress, weight, group }) => {
      return { id, role: votingRole, peerAddress, ...(votingRole === "voter" ? { weight, group } : {}) };
    });
}

function apply(of: ConfigStatus, asked: ConfigurationChange): object[] | undefined {
  const members = of.members.flatMap(({ id, votingRole: role, peerAddress, weight, group }) => {
    return role === "joining" ? [] : [{ id, role, peerAddress, weight, group, incarnation: "a" }];
  });
  const joiners = new Map([[asked.id, { incarnation: "b", peerAddress: "" }]]);
  const next = applyChange({ ensembleId: "", members }, asked, joiners);
  if (isRefusal(next)) {
    expect(next.reason).toBe("INVALID_CONFIGURATION");
    return undefined;
  }
  return next.members.map(({ id, role, peerAddress, weight, group }) => {
    return { id, role, peerAddress, ...(role === "voter" ? { weight, group } : {}) };
  });
}
