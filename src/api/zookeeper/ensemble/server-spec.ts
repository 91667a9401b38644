import { formatListenAddress, type ListenAddress, parseListenAddress } from "../../../core/base/listen-address.ts";

/** One member as ZooKeeper writes it behind `server.N=`. */
export interface ServerSpec {
  readonly role: "voter" | "observer";
  /** Where members reach it, host:port. */
  readonly peerAddress: string;
  /** Where ZooKeeper clients reach it; undefined where it is not said. A port alone is one of every interface. */
  readonly clientAddress: ListenAddress | undefined;
}

/**
 * Stands where ZooKeeper has the port its members elect on. Ours have one port for everything, and none for that. To
 * repeat the peer port would be of no use to anyone: ZooKeeper's own classes refuse a member whose two ports are equal,
 * so zkCli's `config -c` would leave it out, and Curator's ensemble tracker would drop the whole list.
 */
const ELECTION_PORT = 0;

const FORM = "write host:port:port, or host:port:port:participant or :observer, and if need be ;port or ;host:port";
const EVERY_INTERFACE = "0.0.0.0";

/** What stands behind `server.N=`, in ZooKeeper's own words. The addresses are host:port, "" where there is none. */
export function formatServerSpec(role: "voter" | "observer", peerAddress: string, clientAddress: string): string {
  const client = clientAddress === "" ? "" : `;${clientAddress}`;
  return `${peerAddress}:${ELECTION_PORT}:${role === "voter" ? "participant" : "observer"}${client}`;
}

/**
 * Reads what ZooKeeper 3.5 and later take (its administrator's guide, "Specifying the client port"):
 * `host:port:port[:participant|:observer][;[host:]port]`, IPv6 in brackets. The second port is read over: members of
 * Muster have no port of their own for elections. Returns what is wrong, as a clause that follows the value, when it
 * is not one.
 */
export function parseServerSpec(text: string): ServerSpec | string {
  const [server = "", client, ...rest] = text.split(";");
  if (rest.length > 0) return `has more than one ";"; ${FORM}`;
  if (server.includes("|")) return 'has several addresses, and a member has one; leave out what begins with "|"';
  const parts = /^(\[[^\]]*\]|[^:[\]]*):([^:]*):([^:]*)(?::([^:]*))?$/.exec(server.trim());
  if (parts === null) return `is not of the form of a server; ${FORM}`;
  const [, host, peerPort, electionPort, kind = "participant"] = parts;
  const role = roleOf(kind);
  if (role === undefined) return `has ${JSON.stringify(kind)} for a role; write participant or observer`;
  const peer = parseReachable(`${host}:${peerPort}`);
  if (typeof peer === "string") return `${peer}; ${FORM}`;
  const election = parseListenAddress(`${host}:${electionPort}`);
  if (typeof election === "string") return `${election.replace("port", "second port")}; ${FORM}`;
  const clientAddress = client === undefined ? undefined : parseClient(client.trim());
  if (typeof clientAddress === "string") return `${clientAddress} behind the ";"; ${FORM}`;
  return { role, peerAddress: formatListenAddress(peer), clientAddress };
}

/** As ZooKeeper, which does not look at the case. */
function roleOf(kind: string): ServerSpec["role"] | undefined {
  const word = kind.toLowerCase();
  if (word === "participant") return "voter";
  return word === "observer" ? "observer" : undefined;
}

function parseClient(text: string): ListenAddress | string {
  return parseReachable(/^\d+$/.test(text) ? `${EVERY_INTERFACE}:${text}` : text);
}

function parseReachable(text: string): ListenAddress | string {
  const address = parseListenAddress(text);
  if (typeof address === "string") return address;
  return address.port === 0 ? "has port 0, at which nobody is reached" : address;
}

/**
 * Whether a client address in a request may be the one that a member announces. A port of every interface is one of
 * any host: ZooKeeper writes `;2181` back as `;0.0.0.0:2181`. Host names know no case.
 */
export function isSameClientAddress(asked: ListenAddress, announced: ListenAddress): boolean {
  if (asked.port !== announced.port) return false;
  if (isEveryInterface(asked.host) || isEveryInterface(announced.host)) return true;
  return asked.host.toLowerCase() === announced.host.toLowerCase();
}

function isEveryInterface(host: string): boolean {
  return host === EVERY_INTERFACE || host === "::";
}
