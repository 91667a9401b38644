import { X509Certificate } from "node:crypto";
import type { Metadata, Server, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Reason } from "../../core/base/errors.ts";
import type { Admission, Gatekeeper } from "../../products/floor/gatekeeper.ts";
import { isAllowed, permissions } from "../../products/floor/permission-table.ts";
import type { Principal } from "../../products/floor/principal.ts";
import { addressOfPeer } from "./credentials.ts";
import type { DoorCounters } from "./door-counters.ts";
import { failureOf } from "./status.ts";

/** As much of grpc-js's four kinds of calls as is common to them. */
export interface AnyCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getPeer(): string;
  getPath(): string;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Buffer } | undefined };
  emit(event: "error", error: object): boolean;
}
type Answer = (error: object) => void;
type Handle = (call: AnyCall, answer?: Answer) => void;

/** What of the gatekeeper a door uses. */
export type Gate = Pick<Gatekeeper, "admit" | "isCurrent">;

/**
 * Lets calls in, all of them in this one place: who asks is found out once for a call or stream, then the table says
 * whether they may. A method without a row in the table is refused.
 */
export class Admissions {
  private readonly gate: Gate;
  private readonly mayBeAnonymous: boolean;
  private readonly counters: DoorCounters;
  private readonly principals = new WeakMap<object, Principal>();

  constructor(gate: Gate, mayBeAnonymous: boolean, counters: DoorCounters) {
    this.gate = gate;
    this.mayBeAnonymous = mayBeAnonymous;
    this.counters = counters;
  }

  /** Who asked this call, which was let in. */
  principalOf(call: object): Principal {
    const principal = this.principals.get(call);
    if (principal === undefined) throw new Error("a call is handled that was not let in");
    return principal;
  }

  /** A server to add services to: their calls are let in before they come to their handlers. */
  guarding(server: Server): Pick<Server, "addService"> {
    return {
      addService: (service: ServiceDefinition, implementation: UntypedServiceImplementation) => {
        const guarded = Object.entries(service).map(([name, method]) => {
          const handle = implementation[name] ?? implementation[method.originalName ?? name];
          return [name, this.guarded(method.path, handle as Handle)];
        });
        server.addService(service, Object.fromEntries(guarded) as UntypedServiceImplementation);
      },
    };
  }

  private guarded(path: string, handle: Handle): Handle {
    const rule = permissions.grpc[path];
    if (rule === "open") return handle;
    return (call, answer) => {
      this.identify(call, (admission) => {
        // Whoever went away meanwhile will never tell the handler so.
        if (call.cancelled) return;
        if ("refusal" in admission) {
          const { reason, detail } = admission.refusal;
          this.refuse(call, answer, reason, detail);
        } else if (!isAllowed(rule, admission.principal.rights)) {
          const { name, rights } = admission.principal;
          const needed = rule === undefined ? "what nobody is granted" : `${rule.verb} on ${rule.resource}`;
          this.refuse(call, answer, "NO_PERMISSION", `it needs ${needed}, and ${name} has ${rights}`);
        } else {
          this.principals.set(call, admission.principal);
          handle(call, answer);
        }
      });
    };
  }

  private identify(call: AnyCall, done: (admission: Admission) => void): void {
    const authorization = call.metadata.get("authorization")[0]?.toString();
    const raw = call.getAuthContext().sslPeerCertificate?.raw;
    const certificate = raw === undefined ? undefined : new X509Certificate(raw);
    const { mayBeAnonymous } = this;
    this.gate.admit({ address: addressOfPeer(call.getPeer()), authorization, certificate, mayBeAnonymous }, done);
  }

  private refuse(call: AnyCall, answer: Answer | undefined, reason: Reason, detail: string): void {
    this.counters.callsRefused++;
    const failure = failureOf(reason, { detail });
    if (answer === undefined) call.emit("error", failure);
    else answer(failure);
  }
}
