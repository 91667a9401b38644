import type { VersionFacts } from "./word-facts.ts";

/**
 * `<version>, built on MM/DD/YYYY HH:MM GMT`. ZooKeeper writes the day as YYYY-MM-DD since 3.7; this is how all before
 * it wrote it, because the first releases of go-zookeeper know no other day and the later ones take both, while tools
 * that read the version alone stop before the comma. go-zookeeper's pattern of a version has letters, digits, dots and
 * hyphens, so that anything else becomes a hyphen.
 */
export function versionText({ text, builtAt }: VersionFacts): string {
  const built = new Date(builtAt);
  const [year, month, day] = [built.getUTCFullYear(), built.getUTCMonth() + 1, built.getUTCDate()];
  const date = `${two(month)}/${two(day)}/${String(year).padStart(4, "0")}`;
  const time = `${two(built.getUTCHours())}:${two(built.getUTCMinutes())}`;
  return `${text.replaceAll(/[^A-Za-z0-9.-]/g, "-")}, built on ${date} ${time} GMT`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
