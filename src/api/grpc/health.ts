import type { Server } from "@grpc/grpc-js";
import type { HealthImplementation, ServingStatus } from "grpc-health-check";
import type { Coordination } from "../../coordination/port.ts";
import { addLateServices } from "./late-service.ts";

/** What grpc.health.v1 may be asked about: the server as a whole, and each service it has. */
const SERVICES = [
  "",
  "muster.coordination.v1.CoordinationService",
  "muster.ensemble.v1.EnsembleService",
  "muster.auth.v1.AuthService",
];
const METHODS = [
  { path: "/grpc.health.v1.Health/Check", requestStream: false, responseStream: false },
  { path: "/grpc.health.v1.Health/List", requestStream: false, responseStream: false },
  { path: "/grpc.health.v1.Health/Watch", requestStream: false, responseStream: true },
];

/** grpc.health.v1, following whether the member serves; the port tells no changes, so it is asked every `pollMs`. */
export class Health {
  private readonly coordination: Coordination;
  private readonly pollMs: number;
  private implementation: HealthImplementation | undefined;
  private timer: NodeJS.Timeout | undefined;
  private shown: ServingStatus = "NOT_SERVING";

  constructor(coordination: Coordination, pollMs: number) {
    this.coordination = coordination;
    this.pollMs = pollMs;
  }

  addToServer(server: Pick<Server, "addService">): void {
    addLateServices(server, METHODS, async (into) => {
      const { HealthImplementation } = await import("grpc-health-check");
      const known = SERVICES.map((service) => [service, this.shown]);
      this.implementation = new HealthImplementation(Object.fromEntries(known));
      this.implementation.addToServer(into);
    });
  }

  start(): void {
    this.look();
    this.timer = setInterval(() => this.look(), this.pollMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.show("NOT_SERVING");
  }

  private look(): void {
    this.show(this.coordination.status().notReady.length === 0 ? "SERVING" : "NOT_SERVING");
  }

  private show(status: ServingStatus): void {
    if (status === this.shown) return;
    this.shown = status;
    for (const service of SERVICES) this.implementation?.setStatus(service, status);
  }
}
