import { MusterError } from "./errors.ts";

/** The gRPC port of a member unless it says otherwise. */
const DEFAULT_PORT = 7400;

/**
 * Takes "host:port", a comma list, or an array of either. A missing port is 7400; IPv6 addresses go in brackets.
 * Throws INVALID_ARGUMENT when nothing is left or one of them is no address.
 */
export function parseEndpoints(input: string | readonly string[]): string[] {
  const list = (typeof input === "string" ? [input] : input).flatMap((item) => item.split(","));
  const endpoints = list.map((item) => item.trim()).filter((item) => item !== "");
  if (endpoints.length === 0) throw new MusterError("INVALID_ARGUMENT", { message: "no endpoint given" });
  return [...new Set(endpoints.map(withPort))];
}

function withPort(endpoint: string): string {
  const match = /^(\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^:/\s[\]]+)(?::(\d{1,5}))?$/.exec(endpoint);
  const port = match?.[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  if (match === null || port < 1 || port > 65_535) {
    throw new MusterError("INVALID_ARGUMENT", { message: `not an endpoint (host:port): ${endpoint}` });
  }
  return `${match[1]}:${port}`;
}

/**
 * The members to try, in turn: those configured, shuffled so that clients spread over members, then those the server
 * named. The discovered ones come last because a member's own idea of its address may not hold where the client is.
 */
export class EndpointList {
  readonly #configured: readonly string[];
  #all: readonly string[];
  #next = 0;

  constructor(configured: readonly string[], random: () => number) {
    const shuffled = [...configured];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = Math.floor(random() * (index + 1));
      [shuffled[index], shuffled[other]] = [shuffled[other] as string, shuffled[index] as string];
    }
    this.#configured = shuffled;
    this.#all = shuffled;
  }

  get all(): readonly string[] {
    return this.#all;
  }

  /** All of them, `first` before the others if there is one. */
  startingWith(first: string | undefined): readonly string[] {
    return first === undefined ? this.#all : [first, ...this.#all.filter((other) => other !== first)];
  }

  /** The endpoint the next attempt goes to. */
  peek(): string {
    return this.#all[this.#next % this.#all.length] as string;
  }

  take(): string {
    const endpoint = this.peek();
    this.#next = (this.#next + 1) % this.#all.length;
    return endpoint;
  }

  /** The next attempt goes to `endpoint` again: it answered, only not with the session asked for. */
  stay(endpoint: string): void {
    this.#next = Math.max(0, this.#all.indexOf(endpoint));
  }

  /**
   * Takes over what the server at `current` says about its members; addresses that are none are left out. The next
   * attempt goes to the endpoint behind `current`.
   */
  discover(named: readonly string[], current: string): void {
    const discovered: string[] = [];
    for (const endpoint of named) {
      try {
        discovered.push(...parseEndpoints(endpoint));
      } catch {
        // A member without a usable address is simply not a place to go to.
      }
    }
    this.#all = [...new Set([...this.#configured, ...discovered])];
    this.#next = (this.#all.indexOf(current) + 1) % this.#all.length;
  }
}
