import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../support/simulated-disk.ts";
import { ClientBook } from "../client-book.ts";
import { Machine } from "../machine.ts";
import { Roll } from "./roll.ts";
import { ZabChecker } from "./zab-checker.ts";

const IDS = [1, 2, 3];

function makeRoll(): { roll: Roll; machine: (id: number) => Machine } {
  const machines = new Map(IDS.map((id) => [id, new Machine(id, `${id}`, new SimulatedDisk(id))]));
  const bootstrap = IDS.map((id) => ({ id, incarnation: `${id}`, peerAddress: `127.0.0.1:${id}`, ...VOTER }));
  const checker = new ZabChecker(
    () => true,
    () => 0,
  );
  const roll = new Roll(bootstrap, machines, new ClientBook(), () => checker);
  return { roll, machine: (id) => machines.get(id) as Machine };
}

const VOTER = { role: "voter", weight: 1, group: 0 } as const;

describe("who is counted on", () => {
  const flaws = ["isDamaged", "isTainted", "wasTainted", "isCondemned", "isRotten"] as const;

  it.each(flaws)("not a machine that %s says", (flaw) => {
    const { roll, machine } = makeRoll();
    expect(roll.isQuorum([1, 2])).toBe(true);
    machine(2)[flaw] = true;
    expect(roll.isQuorum([1, 2])).toBe(false);
    expect(roll.isQuorum([1, 3])).toBe(true);
    expect(roll.isWhole).toBe(false);
    machine(2).replace(new SimulatedDisk(9), "2");
    expect(roll.isQuorum([1, 2])).toBe(true);
  });

  it("not one with another disk than the ensemble knows", () => {
    const { roll, machine } = makeRoll();
    machine(2).replace(new SimulatedDisk(9), "other");
    expect(roll.isQuorum([1, 2])).toBe(false);
    expect(roll.isVoter(2)).toBe(false);
    expect(roll.isSettled(2)).toBe(false);
  });
});
