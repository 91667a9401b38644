import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { emptyCounters } from "../../../../src/api/grpc/door-counters.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../../../../src/api/grpc/outbound-queue.ts";
import { SubscriptionStream } from "../../../../src/api/grpc/subscription-stream.ts";
import { Subscribers, type SubscribersOptions } from "../../../../src/products/floor/subscribers.ts";
import { Topic } from "../../../../src/products/floor/topic.ts";
import { type Ending, endingOf } from "./door-fixture.ts";

const PATH = "/test.Feed/Follow";
const same = (bytes: Buffer) => bytes;

/** One topic of numbered lines behind a real gRPC server; a client asks with the version it has. */
async function startFeed(options: SubscribersOptions) {
  const subscribers = new Subscribers(options);
  const counters = emptyCounters();
  const topic = new Topic<readonly string[], string>({
    encoder: {
      snapshot: (lines, version) => new TextEncoder().encode(JSON.stringify({ version, lines })),
      delta: (line, version) => new TextEncoder().encode(JSON.stringify({ version, line })),
    },
    onDefect: () => expect.unreachable(),
  });
  const streams = new Set<SubscriptionStream>();
  const server = new Server();
  const method = { path: PATH, requestStream: false, responseStream: true } as const;
  const codecs = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService(
    { follow: { ...method, ...codecs } },
    {
      follow: (call: ServerWritableStream<Buffer, Buffer>) => {
        const limits = { inFlightBytesTarget: 256 * 1024, lingerMs: 10_000 };
        const onGone = (gone: SubscriptionStream) => streams.delete(gone);
        const stream = new SubscriptionStream(call, { subscribers, limits, counters, onGone });
        streams.add(stream);
        stream.subscriber.subscribe(topic, Number(call.request.toString()));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => {
    client.close();
    server.forceShutdown();
    subscribers.stop();
  });
  let lines: readonly string[] = [];
  const add = (line: string) => {
    lines = [...lines, line];
    topic.publish(topic.version + 1, lines, line);
  };
  return { add, topic, counters, streams, follow: (version: number) => new Follower(client, version) };
}

class Follower {
  readonly ended: Promise<Ending>;
  version: number;
  lines: string[] = [];
  messages = 0;
  private readonly call;
  private readonly waiting: (() => void)[] = [];

  constructor(client: Client, version: number) {
    this.version = version;
    this.call = client.makeServerStreamRequest(PATH, same, same, Buffer.from(`${version}`));
    this.call.on("data", (bytes: Buffer) => {
      const message = JSON.parse(bytes.toString()) as { version: number; lines?: string[]; line?: string };
      this.version = message.version;
      this.lines = message.lines ?? [...this.lines, message.line ?? ""];
      this.messages++;
      for (const resolve of this.waiting.splice(0)) resolve();
    });
    this.ended = new Promise((resolve) => {
      this.call.on("error", (error: ServiceError) => resolve(endingOf(error)));
      this.call.on("status", (status) => status.code === 0 && resolve(endingOf(status)));
    });
  }

  /** Resolves once it has this version or a later one. */
  async reached(version: number): Promise<void> {
    while (this.version < version) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  pause(): void {
    this.call.pause();
  }

  resume(): void {
    this.call.resume();
  }

  cancel(): void {
    this.call.cancel();
  }
}

test("a client that stops reading costs a bounded number of bytes and is cut, and can come back", async () => {
  const unsentBytesMax = 64 * 1024;
  const feed = await startFeed({ unsentBytesMax, stalledMs: 1_000 });
  feed.add("first");
  const [stalled, well] = [feed.follow(0), feed.follow(0)];
  await Promise.all([stalled.reached(1), well.reached(1)]);
  stalled.pause();
  const line = "x".repeat(10_000);
  const messageBytesMax = 2 * line.length + MESSAGE_OVERHEAD_BYTES;
  while (feed.counters.streamsCut === 0) {
    // Enough to fill what the system keeps between the two.
    if (feed.topic.version < 200) feed.add(line);
    await well.reached(feed.topic.version);
    await new Promise((resolve) => setImmediate(resolve));
    expect(feed.counters.unsentBytes).toBeLessThan(unsentBytesMax + messageBytesMax);
  }
  expect(well.messages).toBe(feed.topic.version);
  stalled.resume();
  expect(await stalled.ended).toMatchObject({ reason: "WATCH_OVERFLOW", code: 8 });
  expect(stalled.version).toBeLessThan(feed.topic.version);
  expect(stalled.lines).toEqual(well.lines.slice(0, stalled.version));
  const again = feed.follow(stalled.version);
  await again.reached(feed.topic.version);
  expect([again.messages, again.lines]).toEqual([1, well.lines]);
}, 30_000);

test("a stream ends as its owner says, behind what was written; the topic is left in any case", async () => {
  const feed = await startFeed({});
  feed.add("a");
  const followers = [feed.follow(0), feed.follow(0), feed.follow(0)];
  await Promise.all(followers.map((follower) => follower.reached(1)));
  const [stopping, done] = feed.streams;
  for (const each of [stopping, done]) each?.subscriber.send(Buffer.from('{"version":9,"line":"own"}'));
  stopping?.end("STOPPING");
  done?.end(undefined);
  expect(await followers[0]?.ended).toMatchObject({ reason: "STOPPING", code: 14 });
  expect(await followers[1]?.ended).toMatchObject({ code: 0 });
  expect(followers.slice(0, 2).map(({ lines }) => lines)).toEqual([
    ["a", "own"],
    ["a", "own"],
  ]);
  expect(feed.topic.isIdle).toBe(false);
  followers[2]?.cancel();
  await expect.poll(() => [feed.streams.size, feed.counters.streams, feed.topic.isIdle]).toEqual([0, 0, true]);
  expect(feed.counters.unsentBytes).toBe(0);
});
