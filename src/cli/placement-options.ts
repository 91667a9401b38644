import type { Command } from "commander";
import { GROUP_MAX, WEIGHT_MAX } from "../core/base/limits.ts";
import { parseListenAddress } from "../core/base/listen-address.ts";
import { usageError } from "./cli-error.ts";
import { parseWhole } from "./ensemble-client.ts";

/** Where a member stands in its ensemble. */
export interface PlacementFlags {
  readonly peer?: string;
  readonly weight?: number;
  readonly group?: number;
}

/** `otherwise` says what holds for a value that is not given. */
export function addPlacementOptions(
  command: Command,
  otherwise: { readonly peer: string; readonly number: (fallback: number) => string },
): Command {
  const parseWeight = parseWhole("--weight", 0, WEIGHT_MAX);
  const parseGroup = parseWhole("--group", 0, GROUP_MAX);
  const weight = `what its vote weighs, 0 to ${WEIGHT_MAX}; 0 keeps a copy only${otherwise.number(1)}`;
  const group = `the group its vote counts in, 0 to ${GROUP_MAX}; 0 is none${otherwise.number(0)}`;
  return command
    .option("--peer <host:port>", `where members reach it${otherwise.peer}`, parsePeer)
    .option("--weight <number>", weight, parseWeight)
    .option("--group <number>", group, parseGroup);
}

/** What was given, in the words of the SDK. */
export function placementOf({ peer, weight, group }: PlacementFlags): {
  peerAddress?: string;
  weight?: number;
  group?: number;
} {
  return {
    ...(peer === undefined ? {} : { peerAddress: peer }),
    ...(weight === undefined ? {} : { weight }),
    ...(group === undefined ? {} : { group }),
  };
}

function parsePeer(text: string): string {
  const parsed = parseListenAddress(text);
  const wrong = typeof parsed === "string" ? parsed : parsed.port === 0 ? "has port 0" : undefined;
  if (wrong === undefined) return text;
  throw usageError(`--peer: ${JSON.stringify(text)} ${wrong}; write host:port, for example 10.0.0.4:7402`);
}
