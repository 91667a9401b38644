import { dirname, join } from "node:path";
import { formatListenAddress, type ListenAddress } from "../core/base/listen-address.ts";
import { machineMemory, OptionsError, type OptionsInput, resolveOptions, type ServerOptions } from "./options.ts";

/** How many members `muster dev` runs: what survives a loss as well as any number may, and one. */
export const devMemberCounts = [1, 3, 5, 7] as const;

/** From one member to the next: of the gRPC, HTTP and peer ports, and of the ZooKeeper port. */
const PORT_STEP = 10;
const ZOOKEEPER_PORT_STEP = 1;

export interface DevEnsemble {
  /** By id, from 1. */
  readonly members: readonly ServerOptions[];
  readonly warnings: readonly string[];
}

/**
 * The options of all members of `muster dev`: given are the first one's, the others follow from them. Of a memory that
 * is not given, each has its share.
 *
 * @throws OptionsError for what cannot be so for each of them
 */
export function resolveDevEnsemble(input: OptionsInput, count: number): DevEnsemble {
  const machineMemoryBytes = (input.machineMemoryBytes ?? machineMemory()) / count;
  const { options: first, warnings } = resolveOptions({ ...input, machineMemoryBytes });
  if (count === 1) return { members: [first], warnings };
  const problems = problemsWith(first, count);
  if (problems.length > 0) throw new OptionsError(problems);
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const ensemble = ids.map((id) => ({ id, ...stepped(first.peerListen, id, PORT_STEP) }));
  const members = ids.map((id): ServerOptions => ({ ...memberOf(first, id), ensemble }));
  const clashes = clashesBetween(members);
  if (clashes.length > 0) throw new OptionsError(clashes);
  return { members, warnings };
}

/** What a member has for itself cannot be given to several. */
function problemsWith(first: ServerOptions, count: number): string[] {
  const { id, ensemble, peerListen, peerTls } = first;
  const own = (flag: string, isGiven: boolean): string[] => {
    return isGiven ? [`${flag}: is each member's own, and --members ${count} sets it; leave it out`] : [];
  };
  const problems = [
    ...own("--id", id !== 1),
    ...own("--ensemble", ensemble.length > 1),
    ...own("--grpc-advertise", first.grpcAdvertise !== null),
    ...own("--http-advertise", first.httpAdvertise !== null),
    ...own("--peer-advertise", first.peerAdvertise !== null),
    ...own("--zookeeper-advertise", first.zookeeperAdvertise !== null),
    ...own("--peer-tls-cert", peerTls !== null),
  ];
  if (peerListen.port === 0) problems.push(`--peer-listen: port 0 is nowhere to be reached; name the first member's`);
  const highest = Math.max(...portsOfLast(first, count));
  if (highest > 65_535) {
    problems.push(`--members: the last of ${count} would be at port ${highest}; choose lower ports for the first`);
  }
  return problems;
}

function portsOfLast(first: ServerOptions, count: number): number[] {
  const { grpcListen, httpListen, peerListen, zookeeperListen, zookeeper } = memberOf(first, count);
  return [grpcListen, httpListen, peerListen, zookeeperListen, zookeeper.tls?.listen].map((door) => door?.port ?? 0);
}

function memberOf(first: ServerOptions, id: number): ServerOptions {
  const { tls } = first.zookeeper;
  return {
    ...first,
    id,
    dataDir: join(dirname(first.dataDir), `member-${id}`),
    grpcListen: stepped(first.grpcListen, id, PORT_STEP),
    httpListen: stepped(first.httpListen, id, PORT_STEP),
    peerListen: stepped(first.peerListen, id, PORT_STEP),
    zookeeperListen: first.zookeeperListen && stepped(first.zookeeperListen, id, ZOOKEEPER_PORT_STEP),
    zookeeper: {
      ...first.zookeeper,
      tls: tls && { ...tls, listen: stepped(tls.listen, id, ZOOKEEPER_PORT_STEP) },
    },
  };
}

/** Any free port stays any free port. */
function stepped(address: ListenAddress, id: number, step: number): ListenAddress {
  return address.port === 0 ? address : { ...address, port: address.port + (id - 1) * step };
}

function clashesBetween(members: readonly ServerOptions[]): string[] {
  const taken = new Map<string, number>();
  const problems: string[] = [];
  for (const { id, grpcListen, httpListen, peerListen, zookeeperListen, zookeeper } of members) {
    for (const address of [grpcListen, httpListen, peerListen, zookeeperListen, zookeeper.tls?.listen]) {
      if (address === null || address === undefined || address.port === 0) continue;
      const text = formatListenAddress(address);
      const other = taken.get(text);
      if (other !== undefined) {
        problems.push(
          `--members: members ${other} and ${id} would both be at ${text}; choose other ports for the first`,
        );
      }
      taken.set(text, id);
    }
  }
  return problems;
}
