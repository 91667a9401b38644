import { type Asked, type Finding, isReached, type Workload, type WorkloadResult } from "../workloads/workload.ts";
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
  const { members, clients, outstanding, nodes, bytes, seconds, connect } = options;
  const ensemble = members === 1 ? "1 member" : `${members} members, clients at ${connect}`;
  const shape = `${ensemble}; ${clients} clients x ${outstanding}, ${nodes} znodes of ${bytes} B, ${seconds} s`;
  const lines = result.findings.map((finding) => {
    const unit = Number.isNaN(finding.value) ? "" : finding.unit;
    const value = `${round(finding.value)} ${unit}`.trimEnd();
    return `  ${finding.name.padEnd(46)} ${value.padStart(14)}   ${verdict(finding)}`.trimEnd();
  });
  const { p50, p99 } = conditions.fdatasyncAfterMs;
  const disk = `4 KiB write + fdatasync after the run: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
  const doubts = conditions.doubts.map((doubt) => `NOT TO BE QUOTED: ${doubt}`);
  return ["", `${workload.name}: ${shape}`, ...lines, "", disk, ...doubts, ""].join("\n");
}

function verdict(finding: Finding): string {
  const { asked } = finding;
  if (asked === undefined) return "";
  const met = isReached(finding);
  if (met === undefined) return "asked, NOT MEASURED";
  return `asked: ${wording(asked)}: ${met ? "reached" : "MISSED"}`;
}

function wording(asked: Asked): string {
  if ("exactly" in asked) return `exactly ${round(asked.exactly)}`;
  return "atLeast" in asked ? `at least ${round(asked.atLeast)}` : `at most ${round(asked.atMost)}`;
}

function round(value: number): string {
  if (Number.isNaN(value)) return "-";
  return value >= 100 || value === 0 ? Math.round(value).toString() : value.toFixed(2);
}
