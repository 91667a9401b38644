import { expect, test } from "vitest";
import { OptionsError, resolveOptions } from "../../../src/server/options.ts";

function resolveGiven(flags: Record<string, unknown>, env: Record<string, string> = {}) {
  return resolveOptions({ command: "server", flags, env, cwd: "/somewhere", terminal: false });
}

function problemsOf(flags: Record<string, unknown>, env: Record<string, string> = {}): readonly string[] {
  try {
    resolveGiven(flags, env);
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

const doors = { grpcListen: "0.0.0.0:7400", httpListen: "0.0.0.0:7401" };

test("decision 15: with TLS, the gRPC and HTTP doors may be reached by others without the loud flag", () => {
  const { options, warnings } = resolveGiven({ ...doors, tlsCert: "c.pem", tlsKey: "k.pem" });
  expect(options.tls).toEqual({ cert: "/somewhere/c.pem", key: "/somewhere/k.pem", clientCa: null });
  expect(warnings).toEqual([]);
});

test("decision 15: with TLS and the loud flag they let everybody in, which is told", () => {
  const { warnings } = resolveGiven({ ...doors, tlsCert: "c", tlsKey: "k", insecure: true });
  expect(warnings).toEqual([
    "INSECURE: 0.0.0.0:7400 and 0.0.0.0:7401 let everybody in; " +
      "without --insecure they ask for a token or a certificate",
  ]);
});

test("decision 15: TLS at those doors opens no ZooKeeper door in plain text", () => {
  expect(problemsOf({ zookeeperListen: "0.0.0.0:2181", tlsCert: "c", tlsKey: "k" })).toEqual([
    '--zookeeper-listen: "0.0.0.0:2181" is reachable from other machines, which needs TLS and authentication; use ' +
      "--zookeeper-tls-listen with --zookeeper-tls-client-ca in its place, or accept the risk with --insecure",
  ]);
});

test("a ZooKeeper door in plain text that can let nobody in is told", () => {
  const { warnings } = resolveGiven({ zookeeperListen: "127.0.0.1:2181", authRequired: true });
  expect(warnings).toEqual([expect.stringContaining("--auth-required: nobody can prove anything")]);
});

test("a certificate and its key come together, and an authority of clients with both", () => {
  expect(problemsOf({ tlsCert: "c" })).toEqual([
    "--tls-cert: TLS needs a certificate and its key; give --tls-key, too",
  ]);
  expect(problemsOf({}, { MUSTER_TLS_KEY: "k" })).toEqual([
    "MUSTER_TLS_KEY: TLS needs a certificate and its key; give --tls-cert, too",
  ]);
  expect(problemsOf({ tlsClientCa: "ca" })).toEqual([
    "--tls-client-ca: is for TLS, which is off; give --tls-cert and --tls-key",
  ]);
});
