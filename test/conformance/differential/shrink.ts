import type { Difference } from "./compare.ts";
import type { Step } from "./step.ts";

/** What makes two differences the same one, wherever they are met. */
export function signature({ request, at }: Difference): string {
  return `${request?.op ?? "none"} ${at}`;
}

/**
 * A short sequence that still shows the difference: steps go in ever smaller pieces as long as it does, then operations
 * within multis and bursts. `shows` plays a sequence from nothing; it is called at most `triesMax` times.
 */
export async function shrink(
  steps: readonly Step[],
  shows: (steps: readonly Step[]) => Promise<boolean>,
  triesMax: number,
): Promise<readonly Step[]> {
  let shortest = steps;
  let tries = 0;
  const tryOut = async (candidate: readonly Step[]): Promise<boolean> => {
    if (tries >= triesMax) return false;
    tries++;
    if (!(await shows(candidate))) return false;
    shortest = candidate;
    return true;
  };
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = shortest.length; at > 0 && tries < triesMax; at -= size) {
      const from = Math.max(0, at - size);
      await tryOut([...shortest.slice(0, from), ...shortest.slice(at)]);
    }
  }
  for (let index = shortest.length - 1; index >= 0; index--) {
    for (let part = partsOf(shortest[index]!) - 1; part >= 0; part--) {
      const smaller = withoutPart(shortest[index]!, part);
      await tryOut([...shortest.slice(0, index), smaller, ...shortest.slice(index + 1)]);
    }
  }
  return shortest;
}

function partsOf(step: Step): number {
  if (step.kind === "burst") return step.requests.length;
  if (step.kind !== "request") return 0;
  const { request } = step;
  return request.op === "multi" || request.op === "multiRead" ? request.operations.length : 0;
}

function withoutPart(step: Step, part: number): Step {
  const others = <Each>(list: readonly Each[]): Each[] => list.filter((_, index) => index !== part);
  if (step.kind === "burst") return { ...step, requests: others(step.requests) };
  if (step.kind !== "request" || !("operations" in step.request)) return step;
  return { ...step, request: { ...step.request, operations: others(step.request.operations) } };
}
