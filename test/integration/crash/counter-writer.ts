import type { MusterClient } from "@muster/client";
import { expect } from "vitest";
import { type Acknowledged, makeValue, tokenOf } from "./acknowledged-history.ts";

/**
 * Sets one znode again and again, each time to a value nobody else writes. The n-th set makes version n, since a
 * session's requests are applied in order and once; so a version tells exactly which sets were applied.
 */
export class CounterWriter {
  readonly path: string;
  /** Sets asked for, and sets answered: the version the znode had at most, and has at least. */
  issued = 0;
  acknowledged = 0;
  private readonly client: MusterClient;
  private readonly bytes: number;
  private readonly history: Acknowledged[];

  constructor(client: MusterClient, path: string, bytes: number, history: Acknowledged[] = []) {
    this.client = client;
    this.path = path;
    this.bytes = bytes;
    this.history = history;
  }

  async create(): Promise<void> {
    const token = this.token(0);
    const { zxid } = await this.client.znodes.create(this.path, makeValue(token, this.bytes));
    this.history.push({ zxid, changes: [{ type: "create", path: this.path, token, bytes: this.bytes }] });
  }

  /** The next set. May be called again before it is answered; answers come in order. */
  async set(): Promise<void> {
    const number = ++this.issued;
    const token = this.token(number);
    const { zxid, stat } = await this.client.znodes.set(this.path, makeValue(token, this.bytes));
    expect(stat.version, `set ${number} of ${this.path}`).toBe(number);
    this.acknowledged = number;
    this.history.push({ zxid, changes: [{ type: "set", path: this.path, token, bytes: this.bytes }] });
  }

  /** Nothing acknowledged lost, nothing applied twice, as another client sees it. `acknowledged` as of the crash. */
  async check(observer: MusterClient, acknowledged: number): Promise<void> {
    const { data, stat } = await observer.znodes.get(this.path);
    expect(stat.version, `acknowledged sets of ${this.path}`).toBeGreaterThanOrEqual(acknowledged);
    expect(stat.version, `sets of ${this.path} ever asked for`).toBeLessThanOrEqual(this.issued);
    const token = this.token(stat.version);
    expect(tokenOf(data), `${this.path} at version ${stat.version}`).toBe(token);
    expect(Buffer.compare(data, makeValue(token, this.bytes)), `${this.path} is damaged`).toBe(0);
  }

  private token(number: number): string {
    return `${this.path}#${number}`;
  }
}
