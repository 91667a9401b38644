import { TcpProxy } from "../support/tcp-proxy.ts";
import type { ConformanceTarget } from "./conformance-target.ts";

/**
 * What a client program may ask of the test it runs in, one line each: `kill HOST`, `revive`, `proxy HOST` (answers
 * with the proxy's own address), and `cut`, `refuse`, `stall`, `go-on` with that address. All proxies are gone after
 * the program.
 */
export class ClientFaults implements AsyncDisposable {
  private readonly target: ConformanceTarget;
  private readonly proxies = new Map<string, TcpProxy>();

  constructor(target: ConformanceTarget) {
    this.target = target;
  }

  /** Does what the line says; resolves with the answer. */
  async ask(line: string): Promise<string> {
    const [verb, host = ""] = line.trim().split(/\s+/);
    switch (verb) {
      case "kill":
        await this.target.kill(host);
        return "killed";
      case "revive":
        await this.target.revive();
        return "revived";
      case "proxy": {
        const proxy = await TcpProxy.start(host);
        this.proxies.set(proxy.endpoint, proxy);
        return proxy.endpoint;
      }
      case "cut":
        this.proxy(host).cut();
        return "cut";
      case "refuse":
        this.proxy(host).refuse();
        return "refusing";
      case "stall":
        this.proxy(host).stall("both");
        return "stalled";
      case "go-on":
        this.proxy(host).goOn();
        return "going on";
      default:
        throw new Error(`a client program asked for "${line}", which nobody knows how to do`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.proxies.values()].map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  private proxy(endpoint: string): TcpProxy {
    const proxy = this.proxies.get(endpoint);
    if (proxy === undefined) throw new Error(`there is no proxy at ${endpoint}`);
    return proxy;
  }
}
