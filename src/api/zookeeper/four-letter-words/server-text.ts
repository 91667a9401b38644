import { briefLine } from "./connection-text.ts";
import { hexadecimal } from "./hexadecimal.ts";
import { versionText } from "./version-text.ts";
import type { WordFacts } from "./word-facts.ts";

/** The answer to `srvr`. go-zookeeper reads it with one pattern from the first line on: no line more, none moved. */
export function serverText(facts: WordFacts): string {
  return `${headText(facts)}${numbersText(facts)}`;
}

/** The answer to `stat`: `srvr` with the clients after the head. */
export function statText(facts: WordFacts): string {
  const clients = facts
    .connections()
    .map((connection) => `${briefLine(connection)}\n`)
    .join("");
  return `${headText(facts)}Clients:\n${clients}\n${numbersText(facts)}`;
}

function headText({ version, mode }: WordFacts): string {
  const readOnly = mode === "read-only" ? "READ-ONLY mode; serving only read-only clients\n" : "";
  return `Zookeeper version: ${versionText(version)}\n${readOnly}`;
}

function numbersText(facts: WordFacts): string {
  const { statistics, mode, connectionCount } = facts;
  const { zxid, nodes } = facts.tree();
  const { latency } = statistics;
  const lines = [
    `Latency min/avg/max: ${latency.min}/${latency.averageText}/${latency.max}`,
    `Received: ${statistics.received}`,
    `Sent: ${statistics.sent}`,
    `Connections: ${connectionCount}`,
    `Outstanding: ${statistics.outstanding}`,
    `Zxid: ${hexadecimal(zxid)}`,
    `Mode: ${mode}`,
    `Node count: ${nodes}`,
  ];
  const sizes = mode === "leader" ? facts.ensemble()?.leader?.proposalSizes : undefined;
  if (sizes !== undefined) lines.push(`Proposal sizes last/min/max: ${sizes.last}/${sizes.min}/${sizes.max}`);
  return lines.map((line) => `${line}\n`).join("");
}
