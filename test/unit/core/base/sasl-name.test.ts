import { expect, test } from "vitest";
import { isSaslName } from "../../../../src/core/base/sasl-name.ts";

test.each(["bob", "super", "a b", "é", "a/b", "a/b/c", "a@b", "a@", "@b", "@", "a/b@c", "/@", "a\nb@c"])(
  "ZooKeeper takes %j for a SASL user",
  (name) => expect(isSaslName(name)).toBe(true),
);

test.each(["", "a@b@c", "@@", "a@b/c", "a@/", "a/b/c@d"])("and not %j", (name) => expect(isSaslName(name)).toBe(false));
