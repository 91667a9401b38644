/** A scrape of a member's `/metrics`: series name with its labels, as written, to its value. */
export type Metrics = ReadonlyMap<string, number>;

export async function scrapeMetrics(httpAddress: string): Promise<Metrics> {
  const response = await fetch(`http://${httpAddress}/metrics`);
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return parseMetrics(await response.text());
}

/** Prometheus' text format, without its comments. */
export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" ");
    metrics.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return metrics;
}

/** The series whose names match, for a report. */
export function pickMetrics(metrics: Metrics, pattern: RegExp): Record<string, number> {
  const picked: Record<string, number> = {};
  for (const [name, value] of metrics) if (pattern.test(name)) picked[name] = value;
  return picked;
}
