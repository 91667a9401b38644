import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Subscriber, SubscriberSink } from "../../../../src/products/floor/subscriber.ts";
import { Subscribers, type SubscribersOptions } from "../../../../src/products/floor/subscribers.ts";
import { Topic } from "../../../../src/products/floor/topic.ts";
import "../../../support/fixed-seed.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

type Lines = readonly string[];

/** A topic whose content is lines, and whose change is a line more; it counts what it encodes. */
class LinesTopic extends Topic<Lines, string> {
  readonly encoded = { snapshots: 0, deltas: 0 };
  readonly defects: unknown[] = [];
  lines: Lines = [];

  constructor() {
    super({
      encoder: {
        snapshot: (content, version) => {
          this.encoded.snapshots++;
          return Buffer.from(`${version}=${content.join()}`);
        },
        delta: (change, version) => {
          this.encoded.deltas++;
          return Buffer.from(`${version}+${change}`);
        },
      },
      onDefect: (error) => this.defects.push(error),
    });
  }

  add(line: string, version = this.version + 1): void {
    this.lines = [...this.lines, line];
    this.publish(version, this.lines, line);
  }
}

/** A client in memory, and the stream to it. */
class TestClient implements SubscriberSink {
  readonly subscriber: Subscriber;
  readonly received: Uint8Array[] = [];
  reads = true;
  isCut = false;
  unsentBytes = 0;
  /** What it has made of it. */
  version = 0;
  lines: string[] = [];
  private unread: Uint8Array[] = [];

  constructor(subscribers: Subscribers) {
    this.subscriber = subscribers.add(this);
  }

  write(message: Uint8Array): void {
    if (this.reads) {
      this.take(message);
      return;
    }
    this.unread.push(message);
    this.unsentBytes += message.length;
  }

  cut(): void {
    this.isCut = true;
  }

  /** Reads one message that waits. */
  read(): void {
    const message = this.unread.shift();
    if (message === undefined) return;
    this.unsentBytes -= message.length;
    this.take(message);
    this.subscriber.drained();
  }

  private take(message: Uint8Array): void {
    this.received.push(message);
    const [, version, kind, text] = /^(\d+)([=+])(.*)$/s.exec(Buffer.from(message).toString()) ?? [];
    if (kind === "=") this.lines = text === "" ? [] : (text as string).split(",");
    else this.lines.push(text as string);
    expect(Number(version)).toBeGreaterThan(this.version);
    this.version = Number(version);
  }
}

function start(options: SubscribersOptions = {}): Subscribers {
  return new Subscribers(options);
}

/** Until everybody has been told; the sweeper goes on. */
function settle(): void {
  vi.advanceTimersByTime(1);
}

describe("products.md 18: a topic's subscribers", () => {
  test("10,000 subscribers of one topic, 100 changes: encoded 100 times", () => {
    const subscribers = start();
    const topic = new LinesTopic();
    topic.add("0");
    // A million messages: no more is done with one than is looked at.
    const told = new Map<Uint8Array, number>();
    const write = (message: Uint8Array) => told.set(message, (told.get(message) ?? 0) + 1);
    for (let i = 0; i < 10_000; i++) {
      subscribers.add({ unsentBytes: 0, write, cut: () => expect.unreachable() }).subscribe(topic, 1);
    }
    for (let change = 1; change <= 100; change++) {
      topic.add(`${change}`);
      settle();
    }
    expect(topic.encoded).toEqual({ snapshots: 0, deltas: 100 });
    expect([...told.values()]).toEqual(Array(100).fill(10_000));
  }, 60_000);

  test("exactly one version behind get the delta, all others the one snapshot, and those that have it nothing", () => {
    const subscribers = start();
    const topic = new LinesTopic();
    for (const line of ["a", "b", "c"]) topic.add(line);
    const told = [0, 1, 2, 3, 9].map((version) => {
      const client = new TestClient(subscribers);
      client.subscriber.subscribe(topic, version);
      return client;
    });
    settle();
    expect(told.map(({ received }) => received.map((message) => Buffer.from(message).toString()))).toEqual([
      ["3=a,b,c"],
      ["3=a,b,c"],
      ["3+c"],
      [],
      [],
    ]);
    expect(topic.encoded).toEqual({ snapshots: 1, deltas: 1 });
  });

  test("wait for the first version; one without a change is told as a snapshot", () => {
    const subscribers = start();
    const topic = new LinesTopic();
    const client = new TestClient(subscribers);
    client.subscriber.subscribe(topic, 0);
    settle();
    expect(client.received).toEqual([]);
    topic.add("a", 7);
    settle();
    topic.publish(9, ["b"], undefined);
    settle();
    expect([client.version, client.lines, client.received.length]).toEqual([9, ["b"], 2]);
    expect(() => topic.publish(9, [], undefined)).toThrow("a topic's version did not rise");
  });

  test("that are ahead, from another member, are told once this one has passed them", () => {
    const subscribers = start();
    const topic = new LinesTopic();
    topic.add("a", 5);
    const client = new TestClient(subscribers);
    client.subscriber.subscribe(topic, 8);
    topic.add("b", 6);
    settle();
    expect(client.received).toEqual([]);
    topic.add("c", 9);
    settle();
    expect([client.version, client.lines]).toEqual([9, ["a", "b", "c"]]);
  });

  test("leave: nothing more is told, and the topic knows that it is idle", () => {
    const subscribers = start();
    const [one, other] = [new LinesTopic(), new LinesTopic()];
    const client = new TestClient(subscribers);
    for (const topic of [one, other]) client.subscriber.subscribe(topic, 0);
    one.add("a");
    client.subscriber.unsubscribe(one);
    settle();
    expect([one.isIdle, other.isIdle, client.received.length]).toEqual([true, false, 0]);
    client.subscriber.close();
    client.subscriber.close();
    other.add("b");
    client.subscriber.send(Buffer.from("1=own"));
    client.subscriber.subscribe(one, 0);
    settle();
    expect([one.isIdle, other.isIdle, client.received.length]).toEqual([true, true, 0]);
  });

  test("are not told what cannot be encoded, which is a defect; the next version is told again", () => {
    const subscribers = start();
    const error = new Error("broken");
    const defects: unknown[] = [];
    let isBroken = true;
    const encode = (content: string, version: number) => {
      if (isBroken) throw error;
      return Buffer.from(`${version}=${content}`);
    };
    const topic = new Topic<string, string>({
      encoder: { snapshot: encode, delta: encode },
      onDefect: (each) => defects.push(each),
    });
    const clients = [new TestClient(subscribers), new TestClient(subscribers)];
    for (const { subscriber } of clients) subscriber.subscribe(topic, 0);
    topic.publish(1, "a", undefined);
    settle();
    expect([defects, clients[0]?.received]).toEqual([[error], []]);
    isBroken = false;
    topic.publish(2, "b", "b");
    settle();
    expect(clients.map(({ lines }) => lines)).toEqual([["b"], ["b"]]);
  });

  test("are told in turn, for a bounded time per turn of the loop, a message each", () => {
    const subscribers = start();
    const topics = [new LinesTopic(), new LinesTopic()];
    const clients = Array.from({ length: 100 }, () => new TestClient(subscribers));
    for (const { subscriber } of clients) for (const topic of topics) subscriber.subscribe(topic, 0);
    // A clock that shows the bound to be over whenever it is looked at.
    let clock = 0;
    vi.spyOn(performance, "now").mockImplementation(() => {
      clock += 10;
      return clock;
    });
    // Both begin where they have the same versions: a client here knows one topic only.
    topics[0]?.add("a", 1);
    topics[1]?.add("b", 2);
    const told = [];
    while (told.at(-1) !== 200) {
      vi.advanceTimersToNextTimer();
      told.push(clients.reduce((sum, { received }) => sum + received.length, 0));
    }
    vi.restoreAllMocks();
    expect(told).toEqual([32, 64, 96, 128, 160, 192, 200]);
  });
});

describe("a subscriber that does not read", () => {
  const LINE = "x".repeat(1_000);

  test("a stalled subscriber costs a bounded number of bytes and is cut off; it comes back with its version", () => {
    const subscribers = start({ unsentBytesMax: 10_000, stalledMs: 30_000 });
    const topic = new LinesTopic();
    topic.add("0");
    const [stalled, well] = [new TestClient(subscribers), new TestClient(subscribers)];
    for (const { subscriber } of [stalled, well]) subscriber.subscribe(topic, 1);
    stalled.reads = false;
    for (let change = 0; change < 300; change++) {
      topic.add(LINE);
      settle();
      expect(stalled.unsentBytes).toBeLessThan(10_000 + LINE.length + 10);
    }
    expect(well.received).toHaveLength(300);
    vi.advanceTimersByTime(29_000);
    expect(stalled.isCut).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect([stalled.isCut, well.isCut]).toEqual([true, false]);
    const again = new TestClient(subscribers);
    again.subscriber.subscribe(topic, stalled.version);
    settle();
    expect([again.received.length, again.version, again.lines]).toEqual([1, 301, topic.lines]);
  });

  test("but slowly skips what is old, and is not cut", () => {
    const subscribers = start({ unsentBytesMax: 1, stalledMs: 1_000 });
    const topic = new LinesTopic();
    const client = new TestClient(subscribers);
    client.subscriber.subscribe(topic, 0);
    client.reads = false;
    for (let change = 0; change < 100; change++) {
      topic.add(`${change}`);
      vi.advanceTimersByTime(100);
      if (change % 9 === 8) client.read();
    }
    client.read();
    expect(client.isCut).toBe(false);
    settle();
    client.read();
    expect(client.lines).toEqual(topic.lines);
    expect(client.received.length).toBeLessThan(15);
  });

  test("with all others makes everybody wait at the bound of all, and is cut sooner; then the others are told", () => {
    const options = { unsentBytesMax: 10_000, allUnsentBytesMax: 50_000, stalledMs: 30_000, stalledPressedMs: 5_000 };
    const subscribers = start(options);
    const topic = new LinesTopic();
    const clients = Array.from({ length: 100 }, () => new TestClient(subscribers));
    for (const client of clients) {
      client.reads = false;
      client.subscriber.subscribe(topic, 0);
    }
    topic.add(LINE);
    settle();
    const unsent = () => clients.reduce((sum, { isCut, unsentBytes }) => sum + (isCut ? 0 : unsentBytes), 0);
    expect(unsent()).toBeGreaterThanOrEqual(50_000);
    expect(unsent()).toBeLessThan(50_000 + LINE.length + 10);
    const waiting = clients.filter(({ unsentBytes }) => unsentBytes === 0);
    expect(waiting.length).toBeGreaterThan(40);
    for (const client of waiting) client.reads = true;
    vi.advanceTimersByTime(6_000);
    expect(clients.filter(({ isCut }) => isCut)).toHaveLength(100 - waiting.length);
    expect(waiting.every(({ version }) => version === 1)).toBe(true);
  });

  test("is told its own messages as well, which count", () => {
    const subscribers = start({ stalledMs: 1_000 });
    const client = new TestClient(subscribers);
    client.subscriber.send(Buffer.from("1=own"));
    expect(client.lines).toEqual(["own"]);
    client.reads = false;
    client.subscriber.send(Buffer.from("2=own"));
    vi.advanceTimersByTime(2_000);
    expect(client.isCut).toBe(true);
  });
});

test("stopped, nobody is told anything, and no timer is left", () => {
  const subscribers = start();
  const topic = new LinesTopic();
  const client = new TestClient(subscribers);
  client.subscriber.subscribe(topic, 0);
  topic.add("a");
  subscribers.stop();
  expect(vi.getTimerCount()).toBe(0);
  expect(client.received).toEqual([]);
});

test("however fast they read and whenever they come: whoever reads all has all, in rising versions", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom("read" as const, "stop" as const, "again" as const), client: fc.nat(4) }),
    fc.constantFrom({ kind: "publish" as const, client: 0 }, { kind: "turn" as const, client: 0 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 20), (steps, unsentBytesMax) => {
      vi.clearAllTimers();
      const subscribers = start({ unsentBytesMax });
      const topic = new LinesTopic();
      const clients = Array.from({ length: 5 }, () => new TestClient(subscribers));
      for (const { subscriber } of clients) subscriber.subscribe(topic, 0);
      for (const { kind, client: index } of steps) {
        const client = clients[index] as TestClient;
        if (kind === "publish") topic.add(`${topic.version}`);
        else if (kind === "turn") settle();
        else if (kind === "read") client.read();
        else if (kind === "stop") client.reads = false;
        else {
          // Its stream breaks, and what was on its way is lost.
          client.subscriber.close();
          const next = new TestClient(subscribers);
          next.version = client.version;
          next.lines = [...client.lines];
          next.subscriber.subscribe(topic, client.version);
          clients[index] = next;
        }
      }
      for (let round = 0; round < 100; round++) {
        settle();
        for (const client of clients) client.read();
      }
      for (const { lines, version } of clients) expect([lines, version]).toEqual([topic.lines, topic.version]);
      const versions = topic.version;
      expect(topic.encoded.deltas).toBeLessThanOrEqual(versions);
      expect(topic.encoded.snapshots).toBeLessThanOrEqual(versions);
      subscribers.stop();
    }),
  );
});
