import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { AnswerLane, type Delay } from "./answer-lane.ts";

const HOST = "127.0.0.1";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly lane: AnswerLane;
}

/**
 * The network between clients and the door of a server: one port that stays while servers behind it come and go, and
 * that can hold back what they answer. While nobody is behind it, connections are reset: to a client that is as good as
 * no server, and the port cannot become another process's meanwhile.
 */
export class Relay {
  private readonly listener: Server;
  private readonly pairs = new Set<Pair>();
  private target: number | undefined;
  private delay: Delay = 0;

  private constructor() {
    this.listener = createServer({ noDelay: true }, (client) => this.accept(client));
  }

  /** On any free port of the loopback. */
  static async open(): Promise<Relay> {
    const relay = new Relay();
    relay.listener.listen(0, HOST);
    await once(relay.listener, "listening");
    return relay;
  }

  /** `host:port` */
  get endpoint(): string {
    return `${HOST}:${(this.listener.address() as AddressInfo).port}`;
  }

  /** From now on connections go to this port of the loopback. */
  connectTo(port: number): void {
    this.target = port;
  }

  /** Resets every connection, on both sides, and those that come, until there is a server again. */
  cut(): void {
    this.target = undefined;
    for (const { client, server } of [...this.pairs]) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  setDelay(delay: Delay): void {
    this.delay = delay;
    for (const { lane } of this.pairs) lane.delayChanged();
  }

  /** Cuts, and gives the port back. */
  async close(): Promise<void> {
    const closed = once(this.listener, "close");
    this.listener.close();
    this.cut();
    await closed;
  }

  private accept(client: Socket): void {
    if (this.target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: HOST, port: this.target, noDelay: true });
    const lane = new AnswerLane(server, client, () => this.delay);
    const pair = { client, server, lane };
    this.pairs.add(pair);
    client.pipe(server);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      // An error is always followed by close.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.pairs.delete(pair);
        lane.close();
        other.destroy();
      });
    }
  }
}
