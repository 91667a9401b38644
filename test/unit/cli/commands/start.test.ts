import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { banner, ensembleBanner, groupEvents } from "../../../../src/cli/commands/dev.ts";
import { readyLine } from "../../../../src/cli/commands/server.ts";
import { processIo } from "../../../../src/cli/io.ts";
import { resolveDevEnsemble } from "../../../../src/server/dev-ensemble.ts";
import { resolveOptions } from "../../../../src/server/options.ts";

const at = (port: number) => ({ host: "127.0.0.1", port });
const addresses = { grpc: at(7400), http: at(7401), zookeeper: null, zookeeperTls: null, peer: null };
const { options } = resolveOptions({ command: "dev", flags: {}, env: {}, cwd: "/home/ann", terminal: false });

test("server's ready line is one line of JSON with the addresses bound", () => {
  const line = readyLine(3, 42, { ...addresses, peer: at(5) });
  expect(line.indexOf("\n")).toBe(line.length - 1);
  const doors = { grpc: "127.0.0.1:7400", http: "127.0.0.1:7401", peer: "127.0.0.1:5" };
  expect(JSON.parse(line)).toEqual({ ready: true, id: 3, pid: 42, ...doors });
});

test("dev's banner says where everything is and names three commands to try", () => {
  const text = banner(options, addresses, "/home/ann");
  for (const part of ["127.0.0.1:7400", "http://127.0.0.1:7401", "./.muster/member-1"]) expect(text).toContain(part);
  expect(text.match(/^ {4}npx muster znode /gm)).toHaveLength(3);
});

test("dev's banner says where ZooKeeper clients go, if the door is open", () => {
  expect(banner(options, addresses, "/home/ann")).not.toContain("ZooKeeper");
  const text = banner(options, { ...addresses, zookeeper: at(33123) }, "/home/ann");
  expect(text).toMatch(/^ {4}ZooKeeper +127\.0\.0\.1:33123 /m);
});

test("dev's commands to try reach the member on other ports too", () => {
  const text = banner(options, { ...addresses, grpc: at(9) }, "/elsewhere");
  expect(text.match(/^ {4}MUSTER_ENDPOINTS=127\.0\.0\.1:9 npx muster znode /gm)).toHaveLength(3);
  expect(text).toContain("/home/ann/.muster/member-1");
});

const { members } = resolveDevEnsemble({ command: "dev", flags: {}, env: {}, cwd: "/home/ann", terminal: false }, 3);

test("dev's banner of several lists their addresses and one command that asks all of them", () => {
  const closed = { zookeeper: null, zookeeperTls: null, peer: null };
  const bound = new Map(
    members.map(({ id, grpcListen: grpc, httpListen: http }) => [
      id,
      { ...closed, grpc, http, zookeeper: at(2180 + id) },
    ]),
  );
  const text = ensembleBanner(members, bound, "/home/ann");
  for (const part of [
    "an ensemble of 3",
    "member 2   gRPC 127.0.0.1:7410   HTTP http://127.0.0.1:7411   ZooKeeper 127.0.0.1:2182\n",
    "./.muster/member-1 to member-3",
    "npx muster ensemble status --endpoints 127.0.0.1:7400,127.0.0.1:7410,127.0.0.1:7420",
  ])
    expect(text).toContain(part);
  const without = new Map([...bound].map(([id, doors]) => [id, { ...doors, zookeeper: null }]));
  expect(ensembleBanner(members, without, "/home/ann")).not.toContain("ZooKeeper");
  expect(ensembleBanner(members, bound, "/elsewhere")).toContain("/home/ann/.muster/member-1 to");
});

test("what happens to members is told in lines that name them", () => {
  let stderr = "";
  const sink = new Writable({
    write(chunk, _encoding, done) {
      stderr += String(chunk);
      done();
    },
  });
  const events = groupEvents(members, { ...processIo(), stderr: sink });
  events.onLine(2, "leads");
  events.onLine(2, '{"member":2}');
  events.onDied(2, { how: "was ended by SIGKILL", lastWords: "oh\u0007", restartMs: 200 });
  events.onDied(3, { how: "ended with code 1", lastWords: "", restartMs: 400 });
  events.onBack(2);
  events.onFailed(3, "no port", "free one");
  events.onFailed(3, "no port", "");
  events.onStopping();
  events.onKilled([1], "late");
  events.onKilled([1, 2], "late");
  expect(stderr.split("\n")).toEqual([
    "[2] leads",
    '{"member":2}',
    "muster: member 2 was ended by SIGKILL, its last words: oh\\u0007; it is started again in 200 ms",
    "muster: member 3 ended with code 1, without a word; it is started again in 400 ms",
    "muster: member 2 serves again",
    "muster: member 3: no port; free one",
    "muster: member 3: no port",
    "muster: stopping all members; once more to end them at once",
    "muster: ended member 1 by force: late",
    "muster: ended members 1, 2 by force: late",
    "",
  ]);
});
