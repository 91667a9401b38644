import type { JobRefusal } from "./worker-error.ts";

/** What a job may be given: flat, so that its size is known without a walk through what somebody sent. */
export type JobInput = Readonly<Record<string, string | Uint8Array>>;

/** From the pool to a worker that is idle. */
export interface JobRequest {
  readonly kind: string;
  readonly input: JobInput;
}

/** From a worker: that it waits for its first job, that it begins one, and how that ended. */
export type WorkerReport =
  | { readonly event: "ready" }
  | { readonly event: "begun" }
  | { readonly event: "done"; readonly output: unknown }
  | { readonly event: "refused"; readonly refusal: JobRefusal };

export function bytesOf(input: JobInput): number {
  let bytes = 0;
  for (const part of Object.values(input)) bytes += part.length;
  return bytes;
}

/** The input with its bytes in buffers of their own: what is posted is a whole buffer, however small a view of it. */
export function ownCopy(input: JobInput): { input: JobInput; buffers: ArrayBuffer[] } {
  const buffers: ArrayBuffer[] = [];
  const copied = Object.entries(input).map(([name, part]) => {
    if (typeof part === "string") return [name, part];
    const bytes = new Uint8Array(part);
    buffers.push(bytes.buffer);
    return [name, bytes];
  });
  return { input: Object.fromEntries(copied), buffers };
}
