import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { FrameParser } from "../../src/transport/frame-codec.ts";
import { frameKind } from "../../src/transport/frame-kind.ts";
import { decodeHello } from "../../src/transport/hello.ts";
import { FRAME_BYTES_MAX } from "../../src/transport/transport-limits.ts";
import { FaultyWay } from "./faulty-way.ts";

/** A member as the network knows it. */
export interface LinkEnd {
  readonly id: number;
  /** Where the member itself listens, on the loopback. */
  readonly port: number;
}

interface Connection {
  /** 0 until its first frame says who dialled. */
  from: number;
  readonly to: number;
  readonly client: Socket;
  readonly server: Socket;
  readonly ways: FaultyWay[];
}

/** What is wrong with the way from one member to another. */
export interface WayFault {
  /** Nothing passes; what stands still arrives when the way is healed, as late as that may be. */
  readonly stalled?: boolean;
  readonly delayMs?: number;
  /** Up to so much is added to the delay, anew for each piece; pieces never overtake each other. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
}

/**
 * The network between the members of an ensemble. In front of each member stands a listener whose address the others
 * are told; who dials is read from the first frame, so that each directed pair of members has faults of its own,
 * whichever of the two dialled.
 */
export class FaultyLinks implements AsyncDisposable {
  private readonly listeners = new Map<number, Server>();
  private readonly connections = new Set<Connection>();
  private readonly faults = new Map<string, WayFault>();
  private readonly refused = new Set<string>();
  private readonly random: () => number;

  private constructor(random: () => number) {
    this.random = random;
  }

  static async start(ends: readonly LinkEnd[], random: () => number): Promise<FaultyLinks> {
    const links = new FaultyLinks(random);
    for (const { id, port } of ends) {
      const listener = createServer((client) => links.accept(client, id, port));
      links.listeners.set(id, listener);
      listener.listen(0, "127.0.0.1");
      await once(listener, "listening");
    }
    return links;
  }

  /** Where the others are told to reach a member. */
  addressOf(id: number): string {
    const { port } = (this.listeners.get(id) as Server).address() as AddressInfo;
    return `127.0.0.1:${port}`;
  }

  /** From now on, until healed, for connections there are and new ones. */
  set(from: number, to: number, fault: WayFault): void {
    this.faults.set(`${from}>${to}`, fault);
    for (const { ways } of this.connections) for (const way of ways) this.steer(way);
  }

  setBoth(one: number, other: number, fault: WayFault): void {
    this.set(one, other, fault);
    this.set(other, one, fault);
  }

  /** Resets what the pair has; new connections are taken. */
  cut(one: number, other: number): void {
    for (const connection of this.between(one, other)) this.reset(connection);
  }

  /** Cuts, and resets every new connection of the pair. */
  refuse(one: number, other: number): void {
    this.refused.add(pair(one, other));
    this.cut(one, other);
  }

  /** Nothing to or from this member any more: a cable is pulled. Silence, not an error. */
  isolate(id: number): void {
    for (const other of this.listeners.keys()) if (other !== id) this.setBoth(id, other, { stalled: true });
  }

  /** All is well again; what stood still arrives. */
  heal(): void {
    this.faults.clear();
    this.refused.clear();
    for (const { ways } of this.connections) for (const way of ways) this.steer(way);
  }

  /** As {@link heal}, but what stood still is lost with its connection, as after a long outage. */
  healWithResets(): void {
    const stalled = [...this.connections].filter(({ ways }) => ways.some((way) => way.fault.stalled === true));
    for (const connection of stalled) this.reset(connection);
    this.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = [...this.listeners.values()].map((listener) => {
      const gone = once(listener, "close");
      listener.close();
      return gone;
    });
    for (const connection of [...this.connections]) this.reset(connection);
    await Promise.all(closed);
  }

  private *between(one: number, other: number): Iterable<Connection> {
    for (const connection of [...this.connections]) {
      const { from, to } = connection;
      if ((from === one && to === other) || (from === other && to === one)) yield connection;
    }
  }

  private accept(client: Socket, to: number, port: number): void {
    const server = connect({ host: "127.0.0.1", port, noDelay: true });
    client.setNoDelay(true);
    const connection: Connection = { from: 0, to, client, server, ways: [] };
    this.connections.add(connection);
    const end = (socket: Socket, other: Socket): void => {
      socket.on("error", () => {});
      socket.on("close", () => {
        // Once there are ways, they take care of what is still to arrive.
        if (connection.ways.length === 0) other.destroy();
        if (other.closed) this.connections.delete(connection);
      });
    };
    end(client, server);
    end(server, client);
    this.introduce(connection);
  }

  /** Gathers the dialler's first frame; what does not begin with one passes as nobody's, without faults. */
  private introduce(connection: Connection): void {
    const { client } = connection;
    const gathered: Buffer[] = [];
    let from: number | undefined;
    const parser = new FrameParser(
      {
        onFrame: (kind, payload) => {
          from = kind === frameKind.HELLO ? senderOf(payload) : 0;
          parser.stop();
        },
      },
      FRAME_BYTES_MAX,
    );
    const onData = (bytes: Buffer): void => {
      gathered.push(bytes);
      const fault = parser.push(bytes);
      if (fault === undefined && from === undefined) return;
      client.off("data", onData);
      client.pause();
      this.join(connection, from ?? 0, gathered);
    };
    client.on("data", onData);
  }

  private join(connection: Connection, from: number, first: readonly Buffer[]): void {
    const { client, server, to } = connection;
    connection.from = from;
    if (this.refused.has(pair(from, to))) {
      this.reset(connection);
      return;
    }
    const { random } = this;
    const there = new FaultyWay(client, server, `${from}>${to}`, random);
    const back = new FaultyWay(server, client, `${to}>${from}`, random);
    connection.ways.push(there, back);
    there.take(first);
    this.steer(there);
    this.steer(back);
  }

  private steer(way: FaultyWay): void {
    way.steer(this.faults.get(way.name) ?? {});
  }

  private reset({ client, server }: Connection): void {
    client.resetAndDestroy();
    server.resetAndDestroy();
  }
}

function senderOf(payload: Uint8Array): number {
  try {
    return decodeHello(payload).senderId;
  } catch {
    return 0;
  }
}

function pair(one: number, other: number): string {
  return `${Math.min(one, other)}-${Math.max(one, other)}`;
}
