import { newToken } from "../products/floor/token.ts";
import { nameProblem, spacesProblem, verbsProblem } from "../products/floor/token-record.ts";

/** A token for `--auth-file`. */
export interface ListedToken {
  readonly id: string;
  /** The token itself. */
  readonly secret: string;
  /** Its entry in the file, in YAML. */
  readonly entry: string;
}

export interface ListedTokenRequest {
  readonly name: string;
  readonly verbs: readonly string[];
  readonly spaces: readonly string[];
  readonly ttlMs: number | undefined;
}

/** Makes a token that no ensemble knows until its entry is in the file; or says what is wrong with the request. */
export function newListedToken({
  name,
  verbs,
  spaces,
  ttlMs,
}: ListedTokenRequest): ListedToken | { readonly problem: string } {
  const checks = [
    ["<name>", nameProblem(name)],
    ["--verbs", verbsProblem(verbs)],
    ["--spaces", spacesProblem(spaces)],
  ] as const;
  for (const [what, problem] of checks) if (problem !== undefined) return { problem: `${what}: ${problem}` };
  const { id, text, sha256 } = newToken();
  const lines = [
    `  - name: ${name}`,
    `    token: "${id}"`,
    `    sha256: "${sha256}"`,
    `    verbs: [${verbs.join(", ")}]`,
    `    spaces: ${JSON.stringify(spaces)}`,
    ...(ttlMs === undefined ? [] : [`    expires: ${new Date(Date.now() + ttlMs).toISOString()}`]),
  ];
  return { id, secret: text, entry: lines.map((line) => `${line}\n`).join("") };
}
