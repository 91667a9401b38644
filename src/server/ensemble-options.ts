import { isIP } from "node:net";
import { VOTERS_MAX } from "../core/base/limits.ts";
import { formatListenAddress, isLoopback, type ListenAddress } from "../core/base/listen-address.ts";
import type { OptionName, OptionValues } from "./options-schema.ts";
import { type EnsembleMember, isWildcard } from "./options-values.ts";

/** What of a member's options is about its ensemble. */
interface EnsembleOptions {
  readonly id: number;
  readonly ensemble: readonly EnsembleMember[];
  readonly peerListen: ListenAddress;
  readonly peerAdvertise: ListenAddress | null;
  readonly peerTls: PeerTls | null;
  readonly insecure: boolean;
}

/** The PEM files of TLS between members, by absolute path. */
export interface PeerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** TLS between members proves both sides or nothing: all three files, or none. */
export function tlsProblems(values: Pick<OptionValues, "peerTlsCa" | "peerTlsCert" | "peerTlsKey">): string[] {
  const files = [
    ["--peer-tls-ca", values.peerTlsCa],
    ["--peer-tls-cert", values.peerTlsCert],
    ["--peer-tls-key", values.peerTlsKey],
  ] as const;
  const missing = files.filter(([, path]) => path === undefined).map(([flag]) => flag);
  if (missing.length === 0 || missing.length === files.length) return [];
  const rest = files.filter(([, path]) => path !== undefined).map(([flag]) => flag);
  return [`${missing.join(" and ")}: missing beside ${rest.join(" and ")}; give all three, or none`];
}

/** What contradicts `--ensemble`, or in it. */
export function ensembleProblems(options: EnsembleOptions, source: (name: OptionName) => string): string[] {
  const { ensemble, id } = options;
  const where = source("ensemble");
  const own = ensemble.find((member) => member.id === id);
  if (own === undefined) {
    const fix = `add ${id}@host:peer-port, or set ${source("id")}`;
    return [`${where}: does not list this member, whose id is ${id}; ${fix}`];
  }
  if (ensemble.length === 1) return [];
  if (ensemble.length > VOTERS_MAX) {
    const rule = `an ensemble begins with at most ${VOTERS_MAX}, all of them voters`;
    const fix =
      "start those first and add further ones as observers; a member that joins lists some of them and itself";
    return [`${where}: lists ${ensemble.length} members, but ${rule}; ${fix}`];
  }
  const problems: string[] = [];
  const taken = new Map<string, number>();
  for (const member of ensemble) {
    const address = formatListenAddress(member).toLowerCase();
    const other = taken.get(address);
    if (member.port === 0) problems.push(`${where}: member ${member.id} has port 0; name the port it listens on`);
    else if (other !== undefined) {
      problems.push(`${where}: members ${other} and ${member.id} are both at ${address}; give each its own address`);
    }
    taken.set(address, member.id);
  }
  if (problems.length > 0) return problems;
  return [...ownAddressProblems(options, own, source), ...plainTextProblems(options, where)];
}

/** The other members dial this one where the list says; there it has to be. */
function ownAddressProblems(
  { peerListen, peerAdvertise }: EnsembleOptions,
  own: ListenAddress,
  source: (name: OptionName) => string,
): string[] {
  const listed = formatListenAddress(own);
  if (peerAdvertise !== null) {
    const told = formatListenAddress(peerAdvertise);
    if (told.toLowerCase() === listed.toLowerCase()) return [];
    return [`${source("peerAdvertise")}: "${told}" is not where ${source("ensemble")} has this member, ${listed}`];
  }
  if (isServedBy(own, peerListen)) return [];
  const listens = `it listens on ${formatListenAddress(peerListen)}`;
  const fix = `listen there with --peer-listen or, if ${listed} leads there, say so with --peer-advertise ${listed}`;
  return [`${source("ensemble")}: has this member at ${listed}, but ${listens}; ${fix}`];
}

/** Whether one who dials `address` can arrive at what listens on `listen`. A name may stand for any address. */
function isServedBy(address: ListenAddress, listen: ListenAddress): boolean {
  if (address.port !== listen.port) return false;
  if (address.host.toLowerCase() === listen.host.toLowerCase() || isWildcard(listen.host)) return true;
  if (isLoopback(listen.host) !== isLoopback(address.host)) return false;
  return isIP(address.host) === 0 || isIP(listen.host) === 0;
}

/** What goes to another machine in plain text is anyone's on the way. */
function plainTextProblems({ ensemble, id, peerTls, insecure }: EnsembleOptions, where: string): string[] {
  if (peerTls !== null || insecure) return [];
  const far = ensemble.filter((member) => member.id !== id && !isLoopback(member.host));
  if (far.length === 0) return [];
  const at = far.map((member) => `${member.id} at ${formatListenAddress(member)}`).join(", ");
  const fix = "give the three --peer-tls files, or accept the risk with --insecure";
  return [`${where}: has members on other machines (${at}), which needs TLS between members; ${fix}`];
}
