import { addressText } from "./connection-text.ts";
import { hexadecimal } from "./hexadecimal.ts";
import { javaDate } from "./java-date.ts";
import type { ConnectionFacts, SessionFacts, WordFacts } from "./word-facts.ts";

/** ZooKeeper looks for connections to close as often as this. */
const CONNECTION_ROUND_MS = 10_000;

/** The answer to `dump`: sessions, their ephemeral znodes and this member's connections. */
export function dumpText(facts: WordFacts): string {
  const sessions = facts.sessions().toSorted((one, other) => one.id - other.id);
  return [
    "SessionTracker dump:\n",
    watchesSessions(facts, sessions) ? sessionSets(sessions, facts.options().tickMs) : globalSessions(sessions),
    "ephemeral nodes dump:\n",
    ephemeralsText(sessions),
    "Connections dump:\n",
    connectionSets(facts.connections()),
  ].join("");
}

/** ZooKeeper's leader shows when its sessions end; the others, which do not know, how long they may be silent. */
function watchesSessions({ mode }: WordFacts, sessions: readonly SessionFacts[]): boolean {
  return (mode === "leader" || mode === "standalone") && sessions.every(({ expiresAt }) => expiresAt !== undefined);
}

function sessionSets(sessions: readonly SessionFacts[], tickMs: number): string {
  const entries = sessions.map(({ id, expiresAt = 0 }) => ({ expiresAt, text: hexadecimal(id) }));
  return expirySets("Session", entries, tickMs);
}

function globalSessions(sessions: readonly SessionFacts[]): string {
  const lines = sessions.map(({ id, timeoutMs }) => `${hexadecimal(id)}\t${timeoutMs}ms\n`);
  return `Global Sessions(${sessions.length}):\n${lines.join("")}`;
}

function ephemeralsText(sessions: readonly SessionFacts[]): string {
  const owners = sessions.filter(({ ephemerals }) => ephemerals.length > 0);
  const lines = owners.map(
    ({ id, ephemerals }) => `${hexadecimal(id)}:\n${ephemerals.map((path) => `\t${path}\n`).join("")}`,
  );
  return `Sessions with Ephemerals (${owners.length}):\n${lines.join("")}`;
}

function connectionSets(connections: readonly ConnectionFacts[]): string {
  const entries = connections.map(({ remoteAddress, remotePort, sessionId, expiresAt }) => ({
    expiresAt,
    text: `ip: ${addressText(remoteAddress, remotePort)} sessionId: ${hexadecimal(sessionId)}`,
  }));
  return expirySets("Connections", entries, CONNECTION_ROUND_MS);
}

interface Expiring {
  readonly expiresAt: number;
  readonly text: string;
}

/**
 * Entries by the round in which they end, which is the first after their time; the first number counts the rounds.
 * ZooKeeper shows rounds that everyone has moved on from, too, with nothing in them.
 */
function expirySets(title: string, entries: readonly Expiring[], roundMs: number): string {
  const rounds = new Map<number, string[]>();
  for (const { expiresAt, text } of entries) {
    const round = (Math.floor(expiresAt / roundMs) + 1) * roundMs;
    const texts = rounds.get(round);
    if (texts === undefined) rounds.set(round, [text]);
    else texts.push(text);
  }
  const sets = [...rounds]
    .toSorted(([one], [other]) => one - other)
    .map(([round, texts]) => `${texts.length} expire at ${javaDate(round)}:\n${texts.map(tabbed).join("")}`);
  return `${title} Sets (${rounds.size})/(${entries.length}):\n${sets.join("")}`;
}

function tabbed(text: string): string {
  return `\t${text}\n`;
}
