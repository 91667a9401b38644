import { createGrpcDoor, type GrpcDoor } from "../api/grpc/grpc-door.ts";
import { LocalCoordination } from "../coordination/local-coordination.ts";
import { MemberEnsemble } from "../coordination/member-ensemble.ts";
import { encodeUtf8 } from "../core/base/bytes.ts";
import { errors } from "../core/base/errors.ts";
import { ANY_VERSION, createMode, type LeafOperation, type WriteOperation } from "../core/tree/operation.ts";
import { MemberRuntime } from "../runtime/member-runtime.ts";
import { MemoryOpening } from "../runtime/memory-opening.ts";
import type { BeginOpening } from "../runtime/opening.ts";
import type { MemberSettings, RuntimeEvents } from "../runtime/runtime-contract.ts";
import type { MemoryMedium } from "../storage/memory-medium.ts";
import { openIdentities } from "./identity.ts";
import { type CallOutcome, callPort } from "./port-call.ts";
import { TestingError } from "./testing-error.ts";
import { VERSION } from "./version.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface MemoryMemberOptions {
  /** Where its clients are told to find it, `host:port`. */
  readonly advertise: string;
  /** Is told what a server writes to its log. */
  readonly onLog?: ((level: LogLevel, message: string, fields: object) => void) | undefined;
  /** An invariant is broken: the member has ended as if it had been killed, and what it holds is not to be trusted. */
  readonly onBroken: (error: Error) => void;
}

/** Any free one. */
const LISTEN = "127.0.0.1:0";
/** Nobody dials a member that is alone. */
const PEER_ADDRESS = "127.0.0.1:0";
/** Journal bytes per snapshot round: a server that is used for long must not keep all it was ever told. */
const ROUND_BYTES = 8 * 1024 * 1024;
const settings: MemberSettings = {
  memberId: 1,
  peerAddress: PEER_ADDRESS,
  // The process is the application's: how much it may use is not for its servers to say.
  memoryBytes: Number.POSITIVE_INFINITY,
  roundBytes: ROUND_BYTES,
};
/** What other processes would have written, whoever they are: no ACL is in the way. */
const ANYBODY = [{ scheme: "super", id: "" }];
/** Its clients look for another member at once. */
const STOP_GRACE_MS = 0;

interface Parts {
  readonly runtime: MemberRuntime;
  readonly opening: MemoryOpening;
  readonly coordination: LocalCoordination;
  readonly door: GrpcDoor;
}

/** A server's whole member - core, runtime loop, coordination port, gRPC door - that keeps what it has in memory. */
export class MemoryMember {
  /** Of its gRPC door, as bound. */
  readonly address: string;
  private readonly parts: Parts;
  /** Rejects when the member has ended: nobody is answered any more. */
  private readonly ended: Promise<never>;
  private end: (error: Error) => void = () => undefined;
  private isKilled = false;

  private constructor(address: string, parts: Parts) {
    this.address = address;
    this.parts = parts;
    this.ended = new Promise((_, reject) => {
      this.end = reject;
    });
    this.ended.catch(() => undefined);
  }

  /** Goes on with what the medium holds; resolves when the door is open. */
  static async start(medium: MemoryMedium, options: MemoryMemberOptions): Promise<MemoryMember> {
    const { advertise, onLog = () => undefined, onBroken } = options;
    let member: MemoryMember | undefined;
    let opening: MemoryOpening | undefined;
    const events: RuntimeEvents = {
      onTransition: ({ kind, ...fields }) => onLog("debug", kind, fields),
      onNotice: onLog,
      onFsync: () => undefined,
      onCommit: () => undefined,
      onFatal: (error) => {
        if (member?.isKilled === true) return;
        onBroken(error);
        void member?.kill();
      },
    };
    const begin = async (...given: Parameters<BeginOpening<MemberSettings>>): Promise<MemoryOpening> => {
      opening = new MemoryOpening(medium, ...given);
      return opening;
    };
    const runtime = await MemberRuntime.open(begin, settings, events);
    const coordination = new LocalCoordination(runtime.member, (error) => runtime.fail(error), {
      version: VERSION,
      ensemble: new MemberEnsemble(runtime),
      onNotice: onLog,
    });
    const log = logTo(onLog);
    const { gatekeeper: gate, tokens } = openIdentities({ authFile: null }, coordination, log);
    const door = createGrpcDoor(
      { listen: LISTEN, version: VERSION, mayBeAnonymous: true },
      { coordination, log, gate, tokens },
    );
    try {
      const { address } = await door.start();
      coordination.setAddresses({ grpc: advertise, http: "", zookeeper: "", peer: "" });
      member = new MemoryMember(address, { runtime, opening: opening as MemoryOpening, coordination, door });
      return member;
    } catch (error) {
      await runtime.stop();
      throw error;
    }
  }

  /**
   * Sets a znode's data, and creates it and its parents where they are missing. ACLs are not asked.
   *
   * @returns the zxid of the change
   * @throws TestingError with the reason the tree gives, or OUTCOME_UNKNOWN when the member is killed meanwhile
   */
  async publish(path: string, data: Uint8Array | string): Promise<number> {
    const bytes = typeof data === "string" ? encodeUtf8(data) : data;
    for (;;) {
      const set = await this.submit({ kind: "set", path, data: bytes, version: ANY_VERSION });
      if (set.reason !== "NODE_NOT_FOUND") return zxidOf(set, path);
      const made = await this.submit({ kind: "multi", operations: creates(path, bytes) });
      // Somebody was faster: then there is something to set.
      if (made.reason !== "NODE_EXISTS") return zxidOf(made, path);
    }
  }

  /**
   * Ends a session through the log, as its leader does when nothing was heard for a time-out. Resolves when it is over.
   *
   * @throws TestingError SESSION_EXPIRED when no such session is open
   */
  async expireSession(id: number): Promise<void> {
    const { member } = this.parts.runtime;
    const { sessions } = member.tree.state;
    if (sessions.get(id) === undefined) {
      const fix = "give the id of an open one, such as client.session.id";
      throw new TestingError("SESSION_EXPIRED", `session ${id}: no session of this id is open; ${fix}`);
    }
    // One that moves to another connection meanwhile is not ended by that.
    while (sessions.get(id) !== undefined) {
      member.expireSession(id);
      // A command that changes nothing, behind it in the log.
      await this.submit({ kind: "multi", operations: [{ kind: "check", path: "/", version: ANY_VERSION }] });
    }
  }

  /** Ends it as the end of its process would: what is not written yet never is, and nobody is answered any more. */
  async kill(): Promise<void> {
    this.isKilled = true;
    this.parts.opening.drop();
    this.parts.runtime.fail(new Error("killed"));
    await this.stop();
  }

  /** Answers what is in flight, closes everything. */
  async stop(): Promise<void> {
    const { runtime, door } = this.parts;
    runtime.beginStop();
    await door.stop(STOP_GRACE_MS);
    await runtime.stop();
    this.end(new TestingError("OUTCOME_UNKNOWN", errors.OUTCOME_UNKNOWN.message));
  }

  private submit(operation: WriteOperation): Promise<CallOutcome> {
    return Promise.race([callPort(this.parts.coordination, ANYBODY, operation), this.ended]);
  }
}

/** Of a znode with what is missing above it. */
function creates(path: string, data: Uint8Array): LeafOperation[] {
  const mode = createMode.PERSISTENT;
  const parents: LeafOperation[] = [];
  for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
    parents.push({ kind: "create", path: path.slice(0, slash), data: new Uint8Array(0), mode, ifAbsent: true });
  }
  return [...parents, { kind: "create", path, data, mode }];
}

function zxidOf({ reason, zxid }: CallOutcome, path: string): number {
  if (reason === undefined) return zxid;
  throw new TestingError(reason, `publish ${JSON.stringify(path)}: ${errors[reason].message}`);
}

type Tell = (fields: object, message: string) => void;

function logTo(onLog: (level: LogLevel, message: string, fields: object) => void): Record<LogLevel, Tell> {
  const at =
    (level: LogLevel): Tell =>
    (fields, message) =>
      onLog(level, message, fields);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
