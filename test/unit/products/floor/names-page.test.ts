import { expect, test } from "vitest";
import {
  encodeName,
  NAME_CHARS_MAX,
  NAME_SEGMENT_CHARS_MAX,
  OWN_CHILD_MARK,
  parseName,
} from "../../../../src/products/floor/name.ts";
import { readCheckout } from "../../../support/checkout.ts";

const page = readCheckout("docs/names.md");
const blocks = [...page.matchAll(/```text\n([\s\S]*?)```/g)].map(([, block]) => (block as string).trimEnd());
const [refused, encoded] = blocks as [string, string];

test("docs/names.md has the two blocks that are tried here, and the limits of names", () => {
  expect(blocks).toHaveLength(2);
  expect(page.replaceAll("\n", " ")).toContain(
    `A segment has at most ${NAME_SEGMENT_CHARS_MAX} characters, a whole name at most ${NAME_CHARS_MAX};`,
  );
  expect(page).toContain(`begins with \`${OWN_CHILD_MARK}\``);
});

test.each(refused.split("\n\n"))("docs/names.md: %s", (example) => {
  const [written = "", message = ""] = example.split("\n");
  expect(() => parseName(written)).toThrow(expect.objectContaining({ message }));
});

test.each(encoded.split("\n"))("docs/names.md: %s", (line) => {
  const [name = "", segment] = line.split(/ +-> {2}/);
  expect(encodeName(parseName(name))).toBe(segment);
});
