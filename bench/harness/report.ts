import type { Finding, Workload, WorkloadResult } from "../workloads/workload.ts";
import type { BenchOptions } from "./bench-options.ts";
import type { Conditions, Machine } from "./machine.ts";

const GIB = 1024 ** 3;

export function formatMachine(machine: Machine): string {
  const { p50, p99 } = machine.fdatasyncMs;
  const memory = (machine.memoryBytes / GIB).toFixed(1);
  return [
    `${machine.cpus} x ${machine.cpuModel}, ${memory} GiB, Linux ${machine.kernel}, Node ${machine.node}`,
    `4 KiB write + fdatasync: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms; ` +
      `load before ${machine.loadBefore.toFixed(1)}`,
  ].join("\n");
}

export function formatResult(
  workload: Workload,
  options: BenchOptions,
  result: WorkloadResult,
  conditions: Conditions,
): string {
  const { clients, outstanding, nodes, bytes, seconds } = options;
  const shape = `${clients} clients x ${outstanding}, ${nodes} znodes of ${bytes} B, ${seconds} s`;
  const lines = result.findings.map((finding) => {
    const unit = Number.isNaN(finding.value) ? "" : finding.unit;
    const value = `${round(finding.value)} ${unit}`.trimEnd();
    return `  ${finding.name.padEnd(34)} ${value.padStart(14)}   ${verdict(finding)}`.trimEnd();
  });
  const { p50, p99 } = conditions.fdatasyncAfterMs;
  const disk = `4 KiB write + fdatasync after the run: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
  const doubts = conditions.doubts.map((doubt) => `NOT TO BE QUOTED: ${doubt}`);
  return ["", `${workload.name}: ${shape}`, ...lines, "", disk, ...doubts, ""].join("\n");
}

function verdict({ value, asked }: Finding): string {
  if (asked === undefined) return "";
  // What was not measured was neither reached nor missed.
  if (Number.isNaN(value)) return "asked, NOT MEASURED";
  const [met, text] =
    "atLeast" in asked
      ? [value >= asked.atLeast, `at least ${round(asked.atLeast)}`]
      : [value <= asked.atMost, `at most ${round(asked.atMost)}`];
  return `asked: ${text}: ${met ? "reached" : "MISSED"}`;
}

function round(value: number): string {
  if (Number.isNaN(value)) return "-";
  return value >= 100 ? Math.round(value).toString() : value.toFixed(2);
}
