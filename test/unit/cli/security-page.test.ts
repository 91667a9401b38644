import { expect, test } from "vitest";
import { words } from "../../../src/api/zookeeper/four-letter-words/words.ts";
import { FORGET_MS, FREE_FAILURES, WAIT_FIRST_MS, WAIT_MAX_MS } from "../../../src/products/floor/failure-backoff.ts";
import { permissions } from "../../../src/products/floor/permission-table.ts";
import { verbs } from "../../../src/products/floor/rights.ts";
import { parseAuthFile } from "../../../src/server/auth-file.ts";
import { readCheckout } from "../../support/checkout.ts";

const page = readCheckout("docs/security.md");

test("every option that docs/security.md names is one", () => {
  // What a test keeps equal to the program.
  const reference = ["cli", "options"].map((name) => readCheckout(`docs/reference/${name}.md`)).join("");
  const known = new Set(reference.match(/--[a-z][a-z0-9-]*[a-z]/g));
  const named = page.match(/--[a-z][a-z-]*[a-z]/g) ?? [];
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((flag) => !known.has(flag) && !/^--(zookeeper|peer)-tls$/.test(flag))).toEqual([]);
});

test("its file of principals can be used", () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const { tokens, certificates } = parseAuthFile(yaml, "principals.yaml");
  expect([...tokens.values()]).toMatchObject([{ name: "deployer", expiresMs: Date.parse("2030-01-31T00:00:00Z") }]);
  expect([...certificates]).toMatchObject([["CN=ops,O=Example", { name: "ops" }]]);
});

test("it tells all verbs, the words that are open, and the figures of the back-off", () => {
  for (const verb of verbs) expect(page, verb).toMatch(new RegExp(`\\b${verb}\\b`));
  expect(words.filter((word) => permissions.words[word] === "open").sort()).toEqual(["isro", "ruok"]);
  expect([FREE_FAILURES, WAIT_FIRST_MS, WAIT_MAX_MS, FORGET_MS]).toEqual([5, 1_000, 60_000, 600_000]);
});
