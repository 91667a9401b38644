import { refusalOf } from "../../../../../../src/products/floor/workers/content-fault.ts";
import type { JobRefusal } from "../../../../../../src/products/floor/workers/worker-error.ts";

/** What a job is refused with. */
export async function refusal(job: () => unknown): Promise<JobRefusal> {
  try {
    await job();
  } catch (error) {
    return refusalOf(error);
  }
  throw new Error("the job was not refused");
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
