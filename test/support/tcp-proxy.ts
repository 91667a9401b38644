import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Which bytes stand still: what a client sends, what a server sends, or both. */
export type Stalled = "to-server" | "to-client" | "both";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A network between clients and one server that can be told to fail: cut, refuse, or stand still in one direction or
 * both. What stands still is not lost: it arrives when the network goes on, as late as that may be.
 */
export class TcpProxy implements AsyncDisposable {
  private readonly listener: Server;
  private readonly target: { readonly host: string; readonly port: number };
  private readonly pairs = new Set<Pair>();
  private stalled: Stalled | undefined;
  private refusing = false;

  private constructor(target: string) {
    const colon = target.lastIndexOf(":");
    this.target = { host: target.slice(0, colon), port: Number(target.slice(colon + 1)) };
    this.listener = createServer((client) => this.accept(client));
  }

  /** `target` is host:port. */
  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.listener.listen(0, "127.0.0.1");
    await once(proxy.listener, "listening");
    return proxy;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.pairs.size;
  }

  /** Resets every connection, on both sides; new ones are taken. */
  cut(): void {
    for (const { client, server } of [...this.pairs]) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Cuts, and resets every new connection until {@link goOn}. */
  refuse(): void {
    this.refusing = true;
    this.cut();
  }

  /** From now on nothing passes in this direction, on connections there are and new ones, until {@link goOn}. */
  stall(which: Stalled): void {
    this.stalled = which;
    for (const pair of this.pairs) this.steer(pair);
  }

  /** Ends a stall or a refusal. */
  goOn(): void {
    this.stalled = undefined;
    this.refusing = false;
    for (const pair of this.pairs) this.steer(pair);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.listener, "close");
    this.listener.close();
    this.cut();
    await closed;
  }

  private accept(client: Socket): void {
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.target, noDelay: true });
    client.setNoDelay(true);
    const pair = { client, server };
    this.pairs.add(pair);
    this.join(pair, client, server);
    this.join(pair, server, client);
    this.steer(pair);
  }

  /** Bytes of `from` go to `to`, no faster than it takes them; the end of one is the end of both. */
  private join(pair: Pair, from: Socket, to: Socket): void {
    from.on("data", (bytes) => {
      if (!to.write(bytes)) from.pause();
    });
    to.on("drain", () => this.steer(pair));
    // An error is always followed by close.
    from.on("error", () => {});
    from.on("close", () => {
      this.pairs.delete(pair);
      to.destroy();
    });
  }

  /** Lets flow what may flow. A socket that is not read reports neither bytes nor its end. */
  private steer({ client, server }: Pair): void {
    const toServer = this.stalled !== "to-server" && this.stalled !== "both";
    const toClient = this.stalled !== "to-client" && this.stalled !== "both";
    if (toServer && !server.writableNeedDrain) client.resume();
    else client.pause();
    if (toClient && !client.writableNeedDrain) server.resume();
    else server.pause();
  }
}
