/** Where stewards and their jobs are; written by products alone. */
export const STEWARD_ROOT = "/muster/steward";

export function electionPath(product: string): string {
  return `${STEWARD_ROOT}/${product}/election`;
}

export function jobsPath(product: string): string {
  return `${STEWARD_ROOT}/${product}/jobs`;
}

/** A path and all above it, from the top. */
export function parentsOf(path: string): string[] {
  const names = path.split("/").slice(1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
}
