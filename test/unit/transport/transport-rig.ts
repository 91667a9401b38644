import type {
  BulkReceiver,
  PeerInfo,
  PeerTransport,
  PeerTransportEvents,
} from "../../../src/transport/peer-transport.ts";
import { startPeerTransport } from "../../../src/transport/tcp-peer-transport.ts";
import type { TcpTransportOptions } from "../../../src/transport/tcp-transport-options.ts";

export type Told =
  | { readonly kind: "up"; readonly peer: PeerInfo }
  | { readonly kind: "down"; readonly id: number; readonly why: string }
  | { readonly kind: "frame"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "aside"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "bulk"; readonly id: number; readonly header: Uint8Array; readonly stream: BulkReceiver }
  | { readonly kind: "identity"; readonly peer: PeerInfo }
  | { readonly kind: "notice"; readonly level: string; readonly text: string };

type Kind = Told["kind"];
type Of<K extends Kind> = Extract<Told, { kind: K }>;

/** Remembers what a transport tells, and lets a test wait for the next of a kind. */
export class Recorder implements PeerTransportEvents {
  readonly all: Told[] = [];
  heard = 0;
  keepFrames = true;
  frames = 0;
  private readonly read = new Map<Kind, number>();
  private waiting: (() => void)[] = [];

  onUp(peer: PeerInfo): void {
    this.tell({ kind: "up", peer });
  }
  onDown(id: number, why: string): void {
    this.tell({ kind: "down", id, why });
  }
  onFrame(id: number, frame: Uint8Array): void {
    this.frames++;
    if (this.keepFrames) this.tell({ kind: "frame", id, bytes: frame.slice() });
    else this.tell(undefined);
  }
  onAside(id: number, bytes: Uint8Array): void {
    this.tell({ kind: "aside", id, bytes: bytes.slice() });
  }
  onHeard(): void {
    this.heard++;
  }
  onBulk(id: number, header: Uint8Array, stream: BulkReceiver): void {
    this.tell({ kind: "bulk", id, header, stream });
  }
  onIdentity(peer: PeerInfo): void {
    this.tell({ kind: "identity", peer });
  }
  onNotice(level: string, text: string): void {
    this.tell({ kind: "notice", level, text });
  }

  of<K extends Kind>(kind: K): Of<K>[] {
    return this.all.filter((told): told is Of<K> => told.kind === kind);
  }

  /** The next of this kind that was not read yet. */
  async next<K extends Kind>(kind: K): Promise<Of<K>> {
    const at = this.read.get(kind) ?? 0;
    this.read.set(kind, at + 1);
    await this.until(() => this.of(kind).length > at);
    return this.of(kind)[at] as Of<K>;
  }

  /** Resolves once the condition holds after something was told. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private tell(told: Told | undefined): void {
    if (told !== undefined) this.all.push(told);
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export interface TestMember {
  readonly id: number;
  readonly told: Recorder;
  readonly transport: PeerTransport;
}

export const ENSEMBLE = "0123456789abcdef0123456789abcdef";
export const OTHER_ENSEMBLE = "fedcba9876543210fedcba9876543210";

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(of: Uint8Array): string {
  return new TextDecoder().decode(of);
}

/** The members of one test; all are stopped at its end. */
export class TransportRig implements AsyncDisposable {
  private readonly members: TestMember[] = [];
  private readonly owned: AsyncDisposable[] = [];

  /** Ends it with the rig, after the members. */
  own<T extends AsyncDisposable>(disposable: T): T {
    this.owned.push(disposable);
    return disposable;
  }

  async member(id: number, options: Partial<TcpTransportOptions> = {}): Promise<TestMember> {
    const told = new Recorder();
    const transport = await startPeerTransport(
      {
        id,
        incarnation: `incarnation-${id}`,
        ensembleId: ENSEMBLE,
        about: bytes(`about ${id}`),
        listen: "127.0.0.1:0",
        ...options,
      },
      told,
    );
    const member = { id, told, transport };
    this.members.push(member);
    return member;
  }

  /** Two members with a link, dialled by the first. */
  async pair(first: Partial<TcpTransportOptions> = {}, second = first): Promise<[TestMember, TestMember]> {
    const a = await this.member(1, first);
    const b = await this.member(2, second);
    a.transport.setPeers([{ id: 2, address: b.transport.address }]);
    await Promise.all([a.told.next("up"), b.told.next("up")]);
    return [a, b];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(({ transport }) => transport.stop()));
    for (const each of this.owned) await each[Symbol.asyncDispose]();
  }
}
