import { z } from "zod";
import { encodeUtf8 } from "../../../core/base/bytes.ts";
import {
  type CreateOperation,
  createMode,
  type DeleteOperation,
  type SetOperation,
} from "../../../core/tree/operation.ts";
import { jobsPath } from "./steward-layout.ts";

/** What a job's znode says, as JSON. */
export const jobSchema = z.object({
  /** Which of the product's actions it is. */
  kind: z.string().min(1),
  /** When it is to be done, ms since 1970 by the members' clocks. */
  dueAt: z.number().int().nonnegative(),
  /** Those that are not waiting stay for people to see, until somebody removes them. */
  state: z.enum(["waiting", "missed", "failed"]),
  /** Why it was missed or has failed, for people. */
  detail: z.string().default(""),
  /** The product's own. */
  content: z.unknown(),
});
export type JobRecord = z.infer<typeof jobSchema>;

/** A job as it is in the tree. */
export interface Job extends JobRecord {
  readonly id: string;
  /** Of its znode: what an action on it is compared with. */
  readonly version: number;
}

/** What a product adds to its own multi to have something done later; `id` is what the product calls it. */
export function scheduling(
  product: string,
  id: string,
  { kind, dueAt, content }: Pick<JobRecord, "kind" | "dueAt" | "content">,
): CreateOperation {
  const data = encodeJob({ kind, dueAt, state: "waiting", detail: "", content });
  return { kind: "create", path: jobPath(product, id), data, mode: createMode.PERSISTENT };
}

/** Takes a job away: because it is done in the same multi, or will not be. */
export function removal(product: string, { id, version }: Pick<Job, "id" | "version">): DeleteOperation {
  return { kind: "delete", path: jobPath(product, id), version };
}

/** Changes a job: to a later one, say, or into one that has failed. */
export function rewriting(product: string, { id, version }: Job, record: JobRecord): SetOperation {
  return { kind: "set", path: jobPath(product, id), data: encodeJob(record), version };
}

export function jobPath(product: string, id: string): string {
  return `${jobsPath(product)}/${id}`;
}

function encodeJob(record: JobRecord): Uint8Array {
  return encodeUtf8(JSON.stringify(record));
}
