import { expect, test } from "vitest";
import { callMetadata } from "../src/token.ts";

test("a token goes as a Bearer, without the line end of its file, and is read for each call", () => {
  expect(callMetadata(undefined).get("authorization")).toEqual([]);
  expect(callMetadata("abc").get("authorization")).toEqual(["Bearer abc"]);
  let token = "one\n";
  const read = (): string => token;
  expect(callMetadata(read).get("authorization")).toEqual(["Bearer one"]);
  token = "two";
  expect(callMetadata(read).get("authorization")).toEqual(["Bearer two"]);
});

test.for(["", " ", "a b", "a\nb", "é"])("%j can be no token, and is not repeated", (text) => {
  expect(() => callMetadata(text)).toThrow("the token is empty or has characters that no token has");
});
