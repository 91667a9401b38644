import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { referencePages } from "../../../scripts/reference-pages.ts";

test("docs/reference says what the program does; after a change run: npx tsx scripts/reference-pages.ts", async () => {
  const pages = await referencePages();
  expect(pages.size).toBe(3);
  for (const [name, text] of pages) {
    expect(readFileSync(new URL(`../../../docs/reference/${name}`, import.meta.url), "utf8"), name).toBe(text);
  }
});
