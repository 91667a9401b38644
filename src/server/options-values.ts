import { MEMBER_ID_MAX } from "../core/base/limits.ts";
import { type ListenAddress, parseListenAddress } from "../core/base/listen-address.ts";

/** A value that breaks its option's rule. The message is a clause that follows the value: "is ...; write ...". */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** The values of options as people write them. Flags and variables give strings, YAML also numbers and booleans. */
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** Bytes: `512MiB`, `2GB`, or a plain number of bytes. */
export function parseSize(raw: unknown): number {
  const fix = "write a number and a unit, for example 512MiB or 4GiB";
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(textOf(raw, "a size", fix));
  const unit = SIZE_UNITS[match?.[2] === "" ? "B" : (match?.[2] ?? "?")];
  if (match === null || unit === undefined) throw new ValueError(`is not a size; ${fix}`);
  const bytes = Math.round(Number(match[1]) * unit);
  if (!Number.isSafeInteger(bytes)) throw new ValueError(`is more than any machine has; ${fix}`);
  return bytes;
}

/** Milliseconds: `250ms`, `10s`, `5m`, `1h`, `30d`. A unit is required, because a bare number is guessed wrong. */
export function parseDuration(raw: unknown): number {
  const fix = "write a number and one of ms, s, m, h, d, for example 10s";
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(textOf(raw, "a duration", fix));
  const unit = DURATION_UNITS[match?.[2] ?? "?"];
  if (match === null || unit === undefined) throw new ValueError(`is not a duration; ${fix}`);
  const ms = Math.round(Number(match[1]) * unit);
  if (!Number.isSafeInteger(ms)) throw new ValueError(`is longer than can be counted; ${fix}`);
  return ms;
}

/** A whole number from `min` to `max`. */
export function parseInteger(raw: unknown, min: number, max: number): number {
  const fix = `write a whole number from ${min} to ${max}`;
  const text = textOf(raw, "a whole number", fix);
  if (!/^-?\d+$/.test(text)) throw new ValueError(`is not a whole number; ${fix}`);
  const value = Number(text);
  if (value < min || value > max) throw new ValueError(`is out of range; ${fix}`);
  return value;
}

/** `true` or `false`; a flag given without a value is true. */
export function parseBoolean(raw: unknown): boolean {
  if (raw === true || raw === "true") return true;
  if (raw === false || raw === "false") return false;
  throw new ValueError("is neither true nor false; write true or false");
}

/** One of a few words. */
export function parseWord<const Word extends string>(raw: unknown, words: readonly Word[]): Word {
  const found = words.find((word) => word === raw);
  if (found === undefined) throw new ValueError(`is not one of ${words.join(", ")}; write one of them`);
  return found;
}

/** `host:port`, IPv6 in brackets. */
export function parseListen(raw: unknown): ListenAddress {
  const fix = "write host:port with a port from 0 (any free one) to 65535, for example 127.0.0.1:7400 or [::1]:7400";
  const parsed = parseListenAddress(textOf(raw, "an address", fix));
  if (typeof parsed === "string") throw new ValueError(`${parsed}; ${fix}`);
  return parsed;
}

/** Where others are told to come: `host:port`, of which nothing is left open. */
export function parseAdvertised(raw: unknown): ListenAddress {
  const fix = "write the host:port others reach it at, for example 10.0.0.4:7402";
  const parsed = parseListenAddress(textOf(raw, "an address", fix));
  if (typeof parsed === "string") throw new ValueError(`${parsed}; ${fix}`);
  if (parsed.port === 0) throw new ValueError(`has port 0; ${fix}`);
  if (isWildcard(parsed.host)) throw new ValueError(`can be listened on but not reached; ${fix}`);
  return parsed;
}

/** Every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]+$/.test(host);
}

/** A member of the ensemble as `--ensemble` lists it. */
export interface EnsembleMember extends ListenAddress {
  readonly id: number;
}

/** `1@host:port,2@host:port`, at least one, no id twice; in YAML also a list of such strings. */
export function parseEnsemble(raw: unknown): EnsembleMember[] {
  const fix = "write id@host:peer-port for each member, with commas between, for example 1@127.0.0.1:7402";
  const texts = Array.isArray(raw) ? raw.map((item) => textOf(item, "a member", fix)) : splitMembers(raw, fix);
  if (texts.length === 0) throw new ValueError(`is an empty list; ${fix}, or leave the option out`);
  const members = texts.map((text) => parseMember(text, fix));
  const ids = new Set<number>();
  for (const { id } of members) {
    if (ids.has(id)) throw new ValueError(`lists member ${id} twice; give every member an id of its own`);
    ids.add(id);
  }
  return members;
}

function splitMembers(raw: unknown, fix: string): string[] {
  const text = textOf(raw, "a list of members", fix);
  return text === "" ? [] : text.split(",").map((part) => part.trim());
}

function parseMember(text: string, fix: string): EnsembleMember {
  const match = /^(\d{1,9})@(.*)$/.exec(text);
  if (match === null) throw new ValueError(`has the part ${JSON.stringify(text)}, which is not id@host:port; ${fix}`);
  const id = Number(match[1]);
  if (id < 1 || id > MEMBER_ID_MAX) {
    throw new ValueError(`has the id ${id}, which is out of range; write an id from 1 to ${MEMBER_ID_MAX}`);
  }
  const address = parseListenAddress(match[2] ?? "");
  if (typeof address === "string")
    throw new ValueError(`has the part ${JSON.stringify(text)}, which ${address}; ${fix}`);
  return { id, ...address };
}

/** A non-empty path. */
export function parsePath(raw: unknown): string {
  const fix = "write the path of a directory";
  if (typeof raw !== "string") throw new ValueError(`is not a path; ${fix}`);
  if (raw === "") throw new ValueError(`is empty; ${fix}`);
  if (raw.includes("\0")) throw new ValueError(`contains a null byte; ${fix}`);
  return raw;
}

function textOf(raw: unknown, what: string, fix: string): string {
  if (typeof raw === "string") return raw.trim();
  if (typeof raw === "number" && Number.isFinite(raw)) return String(raw);
  throw new ValueError(`is not ${what}; ${fix}`);
}
