import type { Rights, Verb } from "./rights.ts";

/** What a request is about. Only the tree of today has no spaces: its verbs have to be granted everywhere. */
export type Resource = "session" | "znodes" | "ensemble" | "tokens" | "schema";

/** What a request needs; `open` asks nobody for anything. */
export type Rule = "open" | { readonly resource: Resource; readonly verb: Verb };
type Rules = Readonly<Record<string, Rule>>;

const need = (resource: Resource, verb: Verb): Rule => ({ resource, verb });

/** A session, its watches and what it asks about itself are a reader's, too. */
const ownSession = need("session", "read");
const readZnodes = need("znodes", "read");
const editZnodes = need("znodes", "edit");
const readEnsemble = need("ensemble", "read");
const operate = need("ensemble", "operate");
const manageTokens = need("tokens", "admin");

/**
 * The one table of who may do what (products.md 1). What is not in it is refused, and a test calls everything that the
 * doors serve without rights, so that a new call without a row fails it.
 */
export const permissions = {
  /** gRPC methods by their path. */
  grpc: {
    "/muster.coordination.v1.CoordinationService/Session": ownSession,
    "/muster.coordination.v1.CoordinationService/GetZnode": readZnodes,
    "/muster.coordination.v1.CoordinationService/ListZnodes": readZnodes,
    "/muster.coordination.v1.CoordinationService/CreateZnode": editZnodes,
    "/muster.coordination.v1.CoordinationService/SetZnode": editZnodes,
    "/muster.coordination.v1.CoordinationService/DeleteZnode": editZnodes,
    "/muster.coordination.v1.CoordinationService/GetStatus": readEnsemble,
    "/muster.ensemble.v1.EnsembleService/GetStatus": readEnsemble,
    "/muster.ensemble.v1.EnsembleService/AddMember": operate,
    "/muster.ensemble.v1.EnsembleService/RemoveMember": operate,
    "/muster.ensemble.v1.EnsembleService/ChangeMember": operate,
    "/muster.ensemble.v1.EnsembleService/TransferLeadership": operate,
    "/muster.auth.v1.AuthService/CreateToken": manageTokens,
    "/muster.auth.v1.AuthService/ListTokens": manageTokens,
    "/muster.auth.v1.AuthService/RevokeToken": manageTokens,
    "/grpc.health.v1.Health/Check": "open",
    "/grpc.health.v1.Health/List": "open",
    "/grpc.health.v1.Health/Watch": "open",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": need("schema", "read"),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": need("schema", "read"),
  } as Rules,
  /** Operations of a session stream, by their name in session.proto. Its other messages are the stream's own. */
  session: {
    create: editZnodes,
    set: editZnodes,
    delete: editZnodes,
    "delete-tree": editZnodes,
    "set-acl": editZnodes,
    multi: editZnodes,
    get: readZnodes,
    exists: readZnodes,
    list: readZnodes,
    "get-acl": readZnodes,
    count: readZnodes,
    ephemerals: ownSession,
    "multi-read": readZnodes,
    sync: readZnodes,
    "add-watch": readZnodes,
    "remove-watch": ownSession,
    authenticate: ownSession,
  } as Rules,
  /** HTTP routes. /metrics tells of load and sizes, which is for whoever may look at the ensemble. */
  http: {
    "GET /healthz": "open",
    "GET /readyz": "open",
    "GET /metrics": readEnsemble,
  } as Rules,
  /** Operations of ZooKeeper's protocol, by their names in op-code.ts. */
  zookeeper: {
    CREATE_SESSION: ownSession,
    CLOSE_SESSION: ownSession,
    PING: ownSession,
    AUTH: ownSession,
    SASL: ownSession,
    WHO_AM_I: ownSession,
    GET_EPHEMERALS: ownSession,
    CHECK_WATCHES: ownSession,
    REMOVE_WATCHES: ownSession,
    EXISTS: readZnodes,
    GET_DATA: readZnodes,
    GET_ACL: readZnodes,
    GET_CHILDREN: readZnodes,
    GET_CHILDREN2: readZnodes,
    GET_ALL_CHILDREN_NUMBER: readZnodes,
    MULTI_READ: readZnodes,
    SYNC: readZnodes,
    ADD_WATCH: readZnodes,
    SET_WATCHES: readZnodes,
    SET_WATCHES2: readZnodes,
    CHECK: readZnodes,
    CREATE: editZnodes,
    CREATE2: editZnodes,
    CREATE_CONTAINER: editZnodes,
    CREATE_TTL: editZnodes,
    DELETE: editZnodes,
    DELETE_CONTAINER: editZnodes,
    SET_DATA: editZnodes,
    SET_ACL: editZnodes,
    MULTI: editZnodes,
    RECONFIG: operate,
  } as Rules,
  /** Four-letter words. */
  words: {
    ruok: "open",
    isro: "open",
    srvr: readEnsemble,
    stat: readEnsemble,
    mntr: readEnsemble,
    conf: readEnsemble,
    cons: readEnsemble,
    dump: readEnsemble,
    envi: readEnsemble,
    wchs: readEnsemble,
    wchc: readEnsemble,
    wchp: readEnsemble,
    dirs: readEnsemble,
    hash: readEnsemble,
    crst: operate,
    srst: operate,
  } as Rules,
} as const;

/** Whether somebody with these rights may do what the rule is about; without a rule nobody may. */
export function isAllowed(rule: Rule | undefined, rights: Rights): boolean {
  return rule !== undefined && (rule === "open" || rights.allows(rule.verb));
}
