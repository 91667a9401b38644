import type { TestContext } from "vitest";
import { FailIo } from "../integration/crash/fail-io.ts";
import { hasCommand, need } from "../integration/crash/requirements.ts";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";

/** An ensemble whose journals are on disks that do as they are told: fail, or take their time. */
export async function startOnFailingDisks(
  context: TestContext,
): Promise<{ readonly rig: EnsembleRig; readonly diskOf: (id: number) => FailIo }> {
  need(context, "gcc", hasCommand("gcc"));
  const disks = new Map<number, FailIo>();
  const rig = await EnsembleRig.start({
    options: KEEP_ALL,
    env: (id, dataDir, folder) => {
      const disk = new FailIo(folder, `${dataDir}/journal/`);
      disks.set(id, disk);
      return disk.environment;
    },
  });
  return { rig, diskOf: (id) => disks.get(id) as FailIo };
}
