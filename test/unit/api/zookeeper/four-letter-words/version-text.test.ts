import { expect, test } from "vitest";
import { versionText } from "../../../../../src/api/zookeeper/four-letter-words/version-text.ts";

test("a version has the day of its build as every reader knows it", () => {
  const builtAt = Date.UTC(2022, 1, 25, 8, 49, 59);
  expect(versionText({ text: "3.8.0-muster-0.1.0", builtAt })).toBe(
    "3.8.0-muster-0.1.0, built on 02/25/2022 08:49 GMT",
  );
});

test("a version has letters, digits, dots and hyphens only", () => {
  expect(versionText({ text: "3.8.0-a+b_c, d", builtAt: 0 })).toBe("3.8.0-a-b-c--d, built on 01/01/1970 00:00 GMT");
});
