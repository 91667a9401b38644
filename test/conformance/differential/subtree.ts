import type { Request } from "./request.ts";
import { type Answer, childrenOf, type SimpleClient } from "./simple-client.ts";

/** One reply about a znode. */
export interface Look {
  readonly request: Request;
  readonly answer: Answer;
}

const below = (path: string, name: string): string => (path === "/" ? `/${name}` : `${path}/${name}`);

/** Every path of a subtree, parents first, sorted by name; empty if there is none. */
export async function subtree(client: SimpleClient, root: string): Promise<string[]> {
  const found: string[] = [];
  let level = [root];
  while (level.length > 0) {
    const answers = await client.askAll(level.map((path): Request => ({ op: "getChildren", path, watch: false })));
    const there = level.filter((_, index) => answers[index]?.error !== -101);
    found.push(...there);
    level = level.flatMap((path, index) =>
      [...childrenOf(answers[index] as Answer)].sort().map((name) => below(path, name)),
    );
  }
  return found;
}

/** All that can be read of a subtree, for comparison. */
export async function lookAt(client: SimpleClient, root: string): Promise<Look[]> {
  const paths = await subtree(client, root);
  const requests = paths.flatMap((path): Request[] => [
    { op: "getData", path, watch: false },
    { op: "getAcl", path },
    { op: "getChildren2", path, watch: false },
  ]);
  const answers = await client.askAll(requests);
  return requests.map((request, index) => ({ request, answer: answers[index] as Answer }));
}

/** Deletes a subtree; what has gone meanwhile is no matter. */
export async function deleteSubtree(client: SimpleClient, root: string): Promise<void> {
  const paths = await subtree(client, root);
  for (const path of paths.reverse()) await client.ask({ op: "delete", path, version: -1 });
}
