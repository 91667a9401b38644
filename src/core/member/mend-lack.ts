import { formatZxid } from "../base/zxid.ts";
import type { LogOutline, UnknownStart, ZxidSpan } from "./log-outline.ts";
import type { MendSources } from "./mend-sources.ts";

/** Of what is missing, so many ranges are named. */
const RANGES_TOLD_MAX = 5;

/** What a damaged journal still lacks, for people. */
export function describeMissing(outline: LogOutline | UnknownStart | undefined, left: readonly ZxidSpan[]): string {
  if (outline === undefined) return "what would make it agree with its snapshot";
  if ("epoch" in outline) return `what was before epoch ${outline.epoch}`;
  const told = left.slice(0, RANGES_TOLD_MAX).map(({ firstZxid, lastZxid }) => {
    return firstZxid === lastZxid ? formatZxid(firstZxid) : `${formatZxid(firstZxid)} to ${formatZxid(lastZxid)}`;
  });
  const more = left.length > RANGES_TOLD_MAX ? `, and ${left.length - RANGES_TOLD_MAX} ranges more` : "";
  return `zxid ${told.join(", ")}${more}`;
}

/** What is missing, and what became of asking for it. */
export function describeLack(
  missing: string,
  { lacking, silent, unable }: ReturnType<MendSources["answers"]>,
  unreachable: readonly number[],
): string {
  const parts = [`its damaged journal lacks ${missing}`];
  const tell = (ids: readonly number[], what: string): void => {
    if (ids.length > 0) parts.push(`member ${ids.join(", ")} ${what}`);
  };
  tell(lacking, "was asked and does not have it");
  tell(silent, "did not answer");
  tell(unable, "cannot be asked");
  tell(unreachable, "is not reachable");
  return parts.join("; ");
}
