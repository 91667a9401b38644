import { createServer } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { FEATURE_LEVEL, FeatureLevelError } from "../../../src/core/tree/feature-level.ts";
import { resolveOptions } from "../../../src/server/options.ts";
import {
  decodeOptions,
  encodeOptions,
  explainStartFailure,
  formatAddresses,
} from "../../../src/server/options-handover.ts";
import { TransportError } from "../../../src/transport/transport-error.ts";

function optionsWith(flags: Record<string, string>) {
  return resolveOptions({ command: "server", flags, env: {}, cwd: "/d", terminal: false }).options;
}

/** Takes a port of the system's choice for the length of `use`. */
async function withTakenPort(use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use((server.address() as { port: number }).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test("options arrive in the member process as they were resolved", () => {
  const options = optionsWith({ memory: "1GiB", zookeeperListen: "[::1]:2181" });
  expect(decodeOptions(encodeOptions(options))).toEqual(options);
});

test("a member process started by hand says who starts it", () => {
  expect(() => decodeOptions(undefined)).toThrow("a member is started by `muster server` or `muster dev`");
});

test("a taken port names its option and how to choose another", async () => {
  await withTakenPort(async (port) => {
    const options = optionsWith({ httpListen: `127.0.0.1:${port}` });
    const error = await new Promise((resolve) => createServer().once("error", resolve).listen(port, "127.0.0.1"));
    const explained = explainStartFailure(error, options);
    expect(explained.message).toBe(`127.0.0.1:${port} (--http-listen) is in use by another program`);
    expect(explained.fix).toContain("--http-listen 127.0.0.1:0");
  });
});

test("a taken port is recognised in what grpc-js says of it", async () => {
  await withTakenPort(async (port) => {
    const server = new Server();
    const error = await new Promise((resolve) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), resolve);
    });
    server.forceShutdown();
    const { message } = explainStartFailure(error, optionsWith({ grpcListen: `127.0.0.1:${port}` }));
    expect(message).toBe(`127.0.0.1:${port} (--grpc-listen) is in use by another program`);
  });
});

test("a full disk and a directory that cannot be written name --data-dir", () => {
  const options = optionsWith({ dataDir: "x" });
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  expect(explainStartFailure(full, options)).toEqual({
    message: "the disk of /d/x is full",
    fix: "make room, or choose another place with --data-dir",
  });
  const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/d/x'"), { code: "EACCES" });
  expect(explainStartFailure(denied, options).message).toContain("the data directory /d/x cannot be written");
});

test("what is wrong with the links to other members names their options", async () => {
  await withTakenPort(async (port) => {
    const listen = `127.0.0.1:${port}`;
    const cause = await new Promise((resolve) => createServer().once("error", resolve).listen(port, "127.0.0.1"));
    const error = new TransportError("listen", `cannot listen for other members on ${listen}: taken`, cause);
    expect(explainStartFailure(error, optionsWith({ peerListen: listen }))).toEqual({
      message: `${listen} (--peer-listen) is in use by another program`,
      fix: "stop that program, or choose another address with --peer-listen",
    });
  });
  const options = optionsWith({});
  expect(explainStartFailure(new TransportError("listen", "no such name"), options)).toEqual({
    message: "no such name",
    fix: "choose another address with --peer-listen",
  });
  const { message, fix } = explainStartFailure(new TransportError("certificates", "the key file k is none"), options);
  expect(message).toBe("the key file k is none");
  expect(fix).toContain("--peer-tls-ca, --peer-tls-cert and --peer-tls-key");
});

test("core.md 5: data of a newer version is not damage, and the version is what has to change", () => {
  const error = new FeatureLevelError(FEATURE_LEVEL + 1);
  const { message, fix } = explainStartFailure(error, optionsWith({ dataDir: "x" }));
  expect(message).toBe(`the data in /d/x is of a newer version: ${error.message}`);
  expect(fix).toContain("start the version that ran there before, or a newer one");
});

test("any other failure keeps its own words", () => {
  expect(explainStartFailure(new Error("the journal is damaged"), optionsWith({}))).toEqual({
    message: "the journal is damaged",
    fix: "",
  });
});

test("addresses.json shows each door as host:port", () => {
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const least = { grpc: at(1), http: at(2), zookeeper: null, zookeeperTls: null, peer: null };
  const doors = { id: 3, grpc: "127.0.0.1:1", http: "127.0.0.1:2" };
  expect(JSON.parse(formatAddresses(3, least))).toEqual(doors);
  expect(JSON.parse(formatAddresses(3, { ...least, peer: at(4) }))).toEqual({ ...doors, peer: "127.0.0.1:4" });
  expect(JSON.parse(formatAddresses(3, { ...least, zookeeper: at(5), zookeeperTls: at(6) }))).toEqual({
    ...doors,
    zookeeper: "127.0.0.1:5",
    zookeeperTls: "127.0.0.1:6",
  });
});
