import { expect, test } from "vitest";
import { checkListenAddress, ListenError } from "../../../../src/api/grpc/listen-address.ts";

test.for(["127.0.0.1:7400", "127.1.2.3:0", "localhost:7400", "[::1]:7400"])("%s is loopback", (listen) => {
  expect(checkListenAddress(listen, false)).toBe(listen);
});

test.for(["0.0.0.0:7400", "10.0.0.1:7400", "[::]:7400", "example.org:7400", "127.example.org:7400"])(
  "%s can be reached by others",
  (listen) => {
    expect(() => checkListenAddress(listen, false)).toThrow(/loopback only/);
    expect(checkListenAddress(listen, true)).toBe(listen);
  },
);

test.for(["7400", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1:7400", ""])("%s is no address", (listen) => {
  expect(() => checkListenAddress(listen, true)).toThrow(ListenError);
});
