import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

/** A scrape of a member's `/metrics`: series name with its labels, as written, to its value. */
export type Metrics = ReadonlyMap<string, number>;

export async function scrapeMetrics(httpAddress: string): Promise<Metrics> {
  // A connection of its own, closed after the answer: one kept open would count among those a test looks for.
  const request = get(`http://${httpAddress}/metrics`, { agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`/metrics answered ${response.statusCode}: ${body}`);
  return parseMetrics(body);
}

/** Prometheus' text format, without its comments. */
export function parseMetrics(scrape: string): Metrics {
  const metrics = new Map<string, number>();
  for (const line of scrape.split("\n")) {
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
