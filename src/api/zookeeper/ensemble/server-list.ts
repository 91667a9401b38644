import { MEMBER_ID_MAX } from "../../../core/base/limits.ts";
import { parseServerSpec, type ServerSpec } from "./server-spec.ts";

/** A request that breaks a rule of its form: ZooKeeper's BadArguments. The message is for people. */
export class ReconfigFault extends Error {
  override readonly name = "ReconfigFault";
}

/** A whole configuration as a client gives it. */
export interface ServerList {
  readonly servers: ReadonlyMap<number, ServerSpec>;
  /** The group of each member that is in one, and its weight where that is said; undefined: majority of all voters. */
  readonly quorum: QuorumLines | undefined;
}

interface QuorumLines {
  readonly groups: ReadonlyMap<number, number>;
  readonly weights: ReadonlyMap<number, number>;
}

/** `server.1=spec,server.2=spec`; the word before the number may be missing, as ZooKeeper has it. */
export function parseJoining(text: string): Map<number, ServerSpec> {
  const servers = new Map<number, ServerSpec>();
  for (const part of partsOf(text, ",")) {
    const [key, value] = keyAndValue(part);
    addServer(servers, /^(?:server\.)?(\d+)$/.exec(key)?.[1], key, value);
  }
  return servers;
}

/** `3` or `3,4`. */
export function parseLeaving(text: string): Set<number> {
  const ids = partsOf(text, ",").map((part) => {
    if (!/^\d+$/.test(part)) throw new ReconfigFault(`leaving: ${show(part)} is not a member's id; write its number`);
    return Number(part);
  });
  return new Set(ids);
}

/** The lines of a configuration, by commas or newlines. Its version, which is that of what was read, is passed over. */
export function parseServerList(text: string): ServerList {
  const servers = new Map<number, ServerSpec>();
  const groupOf = new Map<number, number>();
  const weights = new Map<number, number>();
  for (const line of partsOf(text, /[,\r\n]/)) {
    if (/^[#!]/.test(line)) continue;
    const [key, value] = keyAndValue(line);
    const [, kind, number] = /^(server|group|weight)\.(\d+)$/.exec(key) ?? [];
    if (kind === "server") addServer(servers, number, key, value);
    else if (kind === "group") addGroup(groupOf, Number(number), key, value);
    else if (kind === "weight") weights.set(Number(number), wholeNumber(key, value));
    else if (key !== "version") {
      throw new ReconfigFault(`${show(key)} is not of a configuration; write server.N, group.N, weight.N or version`);
    }
  }
  if (servers.size === 0) throw new ReconfigFault("the new members are none; write a line server.N=... for each");
  if (groupOf.size === 0 && weights.size === 0) return { servers, quorum: undefined };
  checkQuorumLines(servers, groupOf, weights);
  return { servers, quorum: { groups: groupOf, weights } };
}

function addServer(servers: Map<number, ServerSpec>, digits: string | undefined, key: string, value: string): void {
  if (digits === undefined) throw new ReconfigFault(`${show(key)} is not the name of a server; write server.N`);
  const id = Number(digits);
  if (id < 1 || id > MEMBER_ID_MAX) {
    throw new ReconfigFault(`${show(key)}: a member's id is a whole number from 1 to ${MEMBER_ID_MAX}`);
  }
  if (servers.has(id)) throw new ReconfigFault(`server.${id} is given twice; write it once`);
  const spec = parseServerSpec(value);
  if (typeof spec === "string") throw new ReconfigFault(`server.${id}: ${show(value)} ${spec}`);
  servers.set(id, spec);
}

function addGroup(groupOf: Map<number, number>, group: number, key: string, value: string): void {
  for (const part of value.split(":")) {
    const id = wholeNumber(key, part.trim());
    if (groupOf.has(id)) throw new ReconfigFault(`member ${id} is in two groups; leave it in one`);
    groupOf.set(id, group);
  }
}

/** ZooKeeper's rule: with groups or weights, every member with a vote is in a group; nobody else is named. */
function checkQuorumLines(
  servers: ReadonlyMap<number, ServerSpec>,
  groupOf: ReadonlyMap<number, number>,
  weights: ReadonlyMap<number, number>,
): void {
  for (const [id, { role }] of servers) {
    if (role !== "voter" || groupOf.has(id)) continue;
    throw new ReconfigFault(`server.${id} has a vote and is in no group; add it to a line group.N=id:id`);
  }
  for (const id of [...groupOf.keys(), ...weights.keys()]) {
    if (!servers.has(id)) throw new ReconfigFault(`there is no server.${id} that could have a group or a weight`);
  }
}

function wholeNumber(key: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new ReconfigFault(`${key}: ${show(text)} is not a whole number`);
  return Number(text);
}

function keyAndValue(line: string): [string, string] {
  const at = line.indexOf("=");
  if (at < 0) throw new ReconfigFault(`${show(line)} has no "="; write server.N=host:port:port`);
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

function partsOf(text: string, separator: string | RegExp): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

const SHOWN_CHARACTERS_MAX = 120;

/** Quoted, and short: the text is for a log, the value whatever a client sent. */
function show(value: string): string {
  const isLong = value.length > SHOWN_CHARACTERS_MAX;
  return JSON.stringify(isLong ? `${value.slice(0, SHOWN_CHARACTERS_MAX)}...` : value);
}
