import { expect, test } from "vitest";
import { operationName } from "../../../../../src/api/zookeeper/four-letter-words/operation-name.ts";
import { type OpCode, opCode } from "../../../../../src/api/zookeeper/op-code.ts";

test.for([
  ["CREATE_SESSION", "SESS"],
  ["CREATE2", "CREA"],
  ["DELETE_CONTAINER", "DELE"],
  ["GET_CHILDREN2", "GETC"],
  ["PING", "PING"],
  ["MULTI", "MULT"],
  ["SET_WATCHES2", "STW2"],
  ["GET_ALL_CHILDREN_NUMBER", "GETACN"],
  ["WHO_AM_I", "HOMI"],
] as const)("%s is %s", ([code, name]) => {
  expect(operationName(opCode[code], false)).toBe(name);
});

test("every request has a name of capitals and digits, but for those that are never answered by the tree", () => {
  const unnamed: readonly OpCode[] = [opCode.NOTIFICATION, opCode.AUTH, opCode.SASL, opCode.ERROR];
  for (const code of Object.values(opCode)) {
    expect(operationName(code, false)).toMatch(unnamed.includes(code) ? /^NA$/ : /^[A-Z][A-Z0-9]{3,5}$/);
  }
});

test("a write that was refused has none", () => {
  expect(operationName(opCode.CREATE, true)).toBe("NA");
});
