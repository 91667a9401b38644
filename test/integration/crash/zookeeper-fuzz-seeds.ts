import type { Request } from "../../conformance/differential/request.ts";

const open = [{ perms: 31, scheme: "world", id: "anyone" }];
const node = { path: "/fuzz", data: "some data", acl: open };

/** A request of each kind, most of them such that they succeed: what is mutated. */
export const zookeeperRequests: readonly Request[] = [
  { op: "create", ...node, flags: 0 },
  { op: "create", ...node, path: "/fuzz/sequence-", flags: 2 },
  { op: "create", ...node, path: "/ephemeral-", acl: [{ perms: 3, scheme: "auth", id: "" }], flags: 3 },
  { op: "create2", ...node, path: "/fuzz/two", flags: 0 },
  { op: "createContainer", ...node, path: "/container", flags: 4 },
  { op: "createTtl", ...node, path: "/ttl", flags: 5, ttl: 60_000 },
  { op: "delete", path: "/fuzz/two", version: -1 },
  { op: "exists", path: "/fuzz", watch: true },
  { op: "getData", path: "/fuzz", watch: true },
  { op: "getData", path: "/zookeeper/config", watch: true },
  { op: "setData", path: "/fuzz", data: "other data", version: -1 },
  { op: "getAcl", path: "/fuzz" },
  { op: "setAcl", path: "/fuzz", acl: open, version: -1 },
  { op: "getChildren", path: "/", watch: true },
  { op: "getChildren2", path: "/fuzz", watch: false },
  { op: "getAllChildrenNumber", path: "/" },
  { op: "getEphemerals", path: "/" },
  { op: "sync", path: "/" },
  { op: "check", path: "/fuzz", version: 0 },
  { op: "deleteContainer", path: "/container" },
  {
    op: "multi",
    operations: [
      { op: "check", path: "/fuzz", version: -1 },
      { op: "setData", path: "/fuzz", data: "x", version: -1 },
    ],
  },
  {
    op: "multi",
    operations: [
      { op: "create", ...node, path: "/fuzz/m-", flags: 2 },
      { op: "delete", path: "/none", version: 1 },
    ],
  },
  {
    op: "multiRead",
    operations: [
      { op: "getData", path: "/fuzz", watch: false },
      { op: "getChildren", path: "/", watch: false },
    ],
  },
  { op: "addWatch", path: "/fuzz", kind: 1 },
  { op: "checkWatches", path: "/fuzz", kind: 3 },
  { op: "removeWatches", path: "/fuzz", kind: 3 },
  { op: "setWatches", relative: "zero", lists: [["/fuzz", "/none"], ["/none"], ["/", "/none"]] },
  { op: "setWatches2", relative: "zero", lists: [["/fuzz"], [], ["/"], ["/fuzz"], ["/"]] },
  { op: "whoAmI" },
  { op: "auth", scheme: "digest", credential: "ann:secret" },
  { op: "reconfig", joining: "server.2=h:7402:7402;2181" },
  { op: "ping" },
  { op: "closeSession" },
];
