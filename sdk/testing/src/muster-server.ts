import { type LogLevel, MemoryMedium, MemoryMember, TestingError } from "muster/testing";
import type { Held } from "./answer-lane.ts";
import { Relay } from "./relay.ts";

/** The longest a fixed delay may be, ms: an hour. */
const DELAY_MS_MAX = 3_600_000;

export interface MusterServerOptions {
  /** Is told what a server writes to its log; by default nobody is. */
  readonly onLog?: ((level: LogLevel, message: string, fields: object) => void) | undefined;
}

type State = "running" | "killed" | "starting" | "stopped";

/**
 * Starts a Muster server in this process, on any free port of the loopback: the same code as in `muster server`, alone
 * in its ensemble, without a file, a thread or a child process. Each is a world of its own.
 */
export function startMuster(options: MusterServerOptions = {}): Promise<MusterServer> {
  return MusterServer.start(options);
}

/** A server that tests control; see {@link startMuster}. */
export class MusterServer implements AsyncDisposable {
  /** For clients, `host:port`; the same for as long as the server is not stopped. */
  readonly endpoint: string;
  private readonly relay: Relay;
  private readonly options: MusterServerOptions;
  private readonly medium = new MemoryMedium();
  private member: MemoryMember | undefined;
  private state: State = "starting";
  /** What it does just now: starting, or being killed. */
  private busy: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | undefined;
  private broken: Error | undefined;

  private constructor(relay: Relay, options: MusterServerOptions) {
    this.relay = relay;
    this.options = options;
    this.endpoint = relay.endpoint;
  }

  /** See {@link startMuster}. */
  static async start(options: MusterServerOptions): Promise<MusterServer> {
    const server = new MusterServer(await Relay.open(), options);
    try {
      await server.begin();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /**
   * Sets a znode's data, and creates the znode and its parents where they are missing: what another process would have
   * written. ACLs do not stop it.
   *
   * @returns the zxid of the change, for a read's `minZxid`
   * @throws TestingError INVALID_ARGUMENT, NOT_READY while the server is killed, OUTCOME_UNKNOWN when it is killed
   * meanwhile; otherwise as a client's write: INVALID_PATH, TOO_LARGE, QUOTA_EXCEEDED and so on
   */
  async publish(path: string, data: Uint8Array | string): Promise<number> {
    if (typeof path !== "string") throw invalid("publish", "path", path, "must be a string", 'give one like "/app"');
    if (typeof data !== "string" && !(data instanceof Uint8Array)) {
      throw invalid("publish", "data", data, "must be a string or bytes", "encode it first, with JSON.stringify say");
    }
    return this.running("publish").publish(path, data);
  }

  /**
   * Ends a session as if nothing had been heard of its client for the whole time-out: its ephemeral znodes go, and its
   * client is told SESSION_EXPIRED. Resolves when that is done.
   *
   * @throws TestingError SESSION_EXPIRED when no session of this id is open, INVALID_ARGUMENT, NOT_READY
   */
  async expireSession(sessionId: number): Promise<void> {
    if (!Number.isSafeInteger(sessionId) || sessionId <= 0) {
      throw invalid("expireSession", "sessionId", sessionId, "must be a session's id", "give client.session.id");
    }
    return this.running("expireSession").expireSession(sessionId);
  }

  /**
   * Ends the server as `kill -9` ends a process: connections are reset, what was not answered may or may not have been
   * done, clients that come find nobody. Sessions do not run out while it lasts.
   *
   * @throws TestingError NOT_READY when it is killed already, or stopped
   */
  async kill(): Promise<void> {
    const member = this.running("kill");
    this.state = "killed";
    this.relay.cut();
    this.busy = member.kill();
    await this.busy;
  }

  /**
   * Starts the server again after {@link kill}, at the same endpoint, with every write that was answered. Sessions are
   * there again too, each with its whole time-out before it.
   *
   * @throws TestingError UNSUPPORTED when it was not killed
   */
  async restart(): Promise<void> {
    if (this.state !== "killed") {
      const fix = this.state === "stopped" ? "start another with startMuster()" : "kill() it first";
      throw new TestingError(
        "UNSUPPORTED",
        `restart: the server is ${this.state}, and only a killed one starts; ${fix}`,
      );
    }
    this.state = "starting";
    const killed = this.busy;
    this.busy = killed.then(() => this.begin());
    await this.busy;
  }

  /**
   * Holds back what the server sends: answers, events, and the greeting of new connections. What it does is not
   * delayed, nor is any order changed. It lasts until the next call; 0, as at first, ends it, and what is held back
   * goes at once.
   *
   * @param how so many ms, up to an hour; or for as long as a predicate, which is asked every 10 ms, says true
   * @throws TestingError INVALID_ARGUMENT
   */
  delay(how: number | Held): void {
    const isDelay = typeof how === "number" && how >= 0 && how <= DELAY_MS_MAX;
    if (typeof how !== "function" && !isDelay) {
      throw invalid("delay", "how", how, `must be 0 to ${DELAY_MS_MAX} ms, or a predicate`, "give 0 to end it");
    }
    this.relay.setDelay(how);
  }

  /**
   * Stops the server, and leaves nothing behind: no port, no timer, no state. Idempotent.
   *
   * @throws the error of a server that broke down by itself, which is a defect of Muster
   */
  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private async begin(): Promise<void> {
    const { relay, medium, options, endpoint } = this;
    let fail: (error: Error) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    // Nobody waits for it any more once the member runs.
    failed.catch(() => undefined);
    const onBroken = (error: Error): void => {
      this.broken = error;
      this.relay.cut();
      fail(error);
    };
    this.member = await Promise.race([
      MemoryMember.start(medium, { advertise: endpoint, onLog: options.onLog, onBroken }),
      failed,
    ]);
    relay.connectTo(Number(this.member.address.slice(this.member.address.lastIndexOf(":") + 1)));
    this.state = "running";
  }

  private async end(): Promise<void> {
    const wasKilled = this.state === "killed";
    // A start that fails has told whoever asked for it.
    await this.busy.catch(() => undefined);
    this.state = "stopped";
    this.relay.setDelay(0);
    if (!wasKilled) await this.member?.stop();
    await this.relay.close();
    if (this.broken !== undefined) throw this.broken;
  }

  private running(what: string): MemoryMember {
    if (this.broken !== undefined) throw this.broken;
    if (this.state === "running" && this.member !== undefined) return this.member;
    const fix = this.state === "stopped" ? "start another with startMuster()" : "await restart() first";
    throw new TestingError("NOT_READY", `${what}: the server is ${this.state}; ${fix}`);
  }
}

function invalid(what: string, argument: string, given: unknown, rule: string, fix: string): TestingError {
  const shown = typeof given === "number" ? String(given) : typeof given;
  return new TestingError("INVALID_ARGUMENT", `${what}: ${argument} (${shown}) ${rule}; ${fix}`);
}
