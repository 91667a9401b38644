import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CreateOperation, createMode } from "../../../../../src/core/tree/operation.ts";
import { type Job, scheduling } from "../../../../../src/products/floor/stewards/job.ts";
import { JOB_LATE_MS_MAX, type JobPlan, type Steward } from "../../../../../src/products/floor/stewards/steward.ts";
import { electionPath } from "../../../../../src/products/floor/stewards/steward-layout.ts";
import { PRODUCT, SESSION_TIMEOUT_MS, StewardRig } from "./steward-rig.ts";

const DONE = "/done";
const NOTHING = new Uint8Array(0);

let rig: StewardRig;

beforeEach(() => {
  vi.useFakeTimers();
  rig = new StewardRig();
  rig.write(persistent(DONE));
});

afterEach(() => {
  vi.useRealTimers();
});

function persistent(path: string): CreateOperation {
  return { kind: "create", path, data: NOTHING, mode: createMode.PERSISTENT };
}

/** Leaves another trace each time it is done: twice would show. */
async function trace(): Promise<JobPlan> {
  const operation: CreateOperation = {
    kind: "create",
    path: `${DONE}/x-`,
    data: NOTHING,
    mode: createMode.PERSISTENT_SEQUENTIAL,
  };
  return { kind: "act", operations: [operation] };
}

function schedule(id: string, dueInMs: number): void {
  rig.write(scheduling(PRODUCT, id, { kind: "trace", dueAt: rig.now + dueInMs, content: { of: id } }));
}

describe("the election of a steward", () => {
  it("gives the office to one, and to the next when its session has ended or it stops", async () => {
    const ports = [rig.port(), rig.port(), rig.port()];
    const stewards: Steward[] = [];
    for (const [index, port] of ports.entries()) {
      stewards.push(rig.steward(index + 1, port, trace));
      await rig.settle();
    }
    const office = () => stewards.map(({ holdsOffice }) => holdsOffice);
    expect(office()).toEqual([true, false, false]);
    ports[0]?.die();
    await rig.pass(2 * SESSION_TIMEOUT_MS);
    expect(office().slice(1)).toEqual([true, false]);
    const stopped = stewards[1]?.stop();
    await rig.settle();
    await stopped;
    expect(office().slice(1)).toEqual([false, true]);
    expect(rig.children(electionPath(PRODUCT))).toHaveLength(1);
  });

  it("goes on when somebody with every right has deleted the candidate", async () => {
    const steward = rig.steward(1, rig.port(), trace);
    await rig.settle();
    const [candidate] = rig.children(electionPath(PRODUCT));
    rig.write({ kind: "delete", path: `${electionPath(PRODUCT)}/${candidate}`, version: -1 });
    await rig.settle();
    expect(steward.holdsOffice).toBe(true);
    expect(rig.children(electionPath(PRODUCT))).not.toContain(candidate);
  });
});

describe("products.md 3: a steward's jobs", () => {
  it("are done when they are due, in that order, and are gone then", async () => {
    const seen: string[] = [];
    rig.steward(1, rig.port(), (job) => {
      seen.push(job.id);
      return trace();
    });
    await rig.settle();
    schedule("late", 3_000);
    schedule("early", 1_000);
    await rig.pass(800);
    expect(seen).toEqual([]);
    await rig.pass(3_000);
    expect(seen).toEqual(["early", "late"]);
    expect(rig.children(DONE)).toHaveLength(2);
    expect([rig.job("early"), rig.job("late")]).toEqual([undefined, undefined]);
  });

  it("go on where the plan says when", async () => {
    const plan = async (job: Job): Promise<JobPlan> => {
      const done = await trace();
      return { ...done, next: { dueAt: job.dueAt + 1_000, content: job.content } } as JobPlan;
    };
    rig.steward(1, rig.port(), plan);
    await rig.settle();
    schedule("every-second", 0);
    await rig.pass(3_400);
    expect(rig.children(DONE)).toHaveLength(4);
    expect(rig.job("every-second")).toMatchObject({ state: "waiting", content: { of: "every-second" } });
  });

  it("run once when they are late by less than the bound, and are marked as missed beyond it", async () => {
    const first = rig.steward(1, rig.port(), trace);
    await rig.settle();
    const stopped = first.stop();
    await rig.settle();
    await stopped;
    schedule("late", 1_000);
    schedule("too-late", 0);
    rig.now += JOB_LATE_MS_MAX + 500;
    rig.steward(2, rig.port(), trace);
    await rig.settle();
    expect(rig.children(DONE)).toHaveLength(1);
    expect(rig.job("late")).toBeUndefined();
    expect(rig.job("too-late")).toMatchObject({ state: "missed", detail: expect.stringContaining("it was due at") });
    await rig.pass(2_000);
    expect(rig.children(DONE)).toHaveLength(1);
  });

  it("have visibly failed where their base is stale, the product says so, or it has a defect", async () => {
    const plans: Record<string, () => Promise<JobPlan>> = {
      stale: async () => ({ kind: "act", operations: [{ kind: "check", path: DONE, version: 7 }] }),
      refused: async () => ({ kind: "fail", detail: "the schema refuses it" }),
      defect: async () => {
        throw new Error("no such thing");
      },
    };
    rig.steward(1, rig.port(), (job) => (plans[job.id] as () => Promise<JobPlan>)());
    await rig.settle();
    for (const id of Object.keys(plans)) schedule(id, 0);
    await rig.pass(10_000);
    expect(rig.job("stale")).toMatchObject({ state: "failed", detail: "it does not apply any more: VERSION_MISMATCH" });
    expect(rig.job("refused")).toMatchObject({ state: "failed", detail: "the schema refuses it" });
    expect(rig.job("defect")).toMatchObject({ state: "failed", detail: "tried 5 times: Error: no such thing" });
  });

  it("that cannot be read are passed over, and said", async () => {
    rig.steward(1, rig.port(), trace);
    await rig.settle();
    rig.write({ ...scheduling(PRODUCT, "odd", { kind: "trace", dueAt: 0, content: 0 }), data: Buffer.from("{") });
    schedule("good", 0);
    await rig.pass(400);
    expect(rig.children(DONE)).toHaveLength(1);
    expect(rig.log).toContain("warn 1: a job cannot be read, odd, it is not JSON");
  });
});

describe("products.md 3: an action happens once", () => {
  /** Until the first steward's port stands still at the `step`th thing of its action. */
  async function actUntil(step: number): Promise<{ port: ReturnType<StewardRig["port"]>; isOver: boolean }> {
    const port = rig.port();
    rig.steward(1, port, trace);
    await rig.settle();
    rig.steward(2, rig.port(), trace);
    await rig.settle();
    schedule("once", 0);
    port.standStillAfter(step);
    await rig.settle();
    return { port, isOver: !port.standsStill };
  }

  async function expectOnce(step: number): Promise<void> {
    expect(rig.children(DONE), `at step ${step}`).toHaveLength(1);
    expect(rig.job("once"), `at step ${step}`).toBeUndefined();
  }

  it("when the steward's member is killed at any step of it", async () => {
    let steps = 0;
    for (; ; steps++) {
      rig = new StewardRig();
      rig.write(persistent(DONE));
      const { port, isOver } = await actUntil(steps);
      port.die();
      await rig.pass(2 * SESSION_TIMEOUT_MS);
      await expectOnce(steps);
      if (isOver) break;
    }
    expect(steps).toBeGreaterThan(5);
  });

  it("when the steward's member stands still at any step of it, and goes on after another election", async () => {
    let steps = 0;
    for (; ; steps++) {
      rig = new StewardRig();
      rig.write(persistent(DONE));
      const { port, isOver } = await actUntil(steps);
      await rig.pass(2 * SESSION_TIMEOUT_MS);
      port.resume();
      await rig.pass(2_000);
      await expectOnce(steps);
      if (isOver) break;
    }
    expect(steps).toBeGreaterThan(5);
  });
});
