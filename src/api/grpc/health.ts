import type { Server } from "@grpc/grpc-js";
import { HealthImplementation, type ServingStatus } from "grpc-health-check";
import type { Coordination } from "../../coordination/port.ts";

/** What grpc.health.v1 may be asked about: the server as a whole, and each service it has. */
const SERVICES = ["", "muster.coordination.v1.CoordinationService", "muster.ensemble.v1.EnsembleService"];

/** grpc.health.v1, following whether the member serves; the port tells no changes, so it is asked every `pollMs`. */
export class Health {
  private readonly coordination: Coordination;
  private readonly implementation = new HealthImplementation();
  private readonly pollMs: number;
  private timer: NodeJS.Timeout | undefined;
  private shown: ServingStatus | undefined;

  constructor(coordination: Coordination, pollMs: number) {
    this.coordination = coordination;
    this.pollMs = pollMs;
    this.show("NOT_SERVING");
  }

  addToServer(server: Server): void {
    this.implementation.addToServer(server);
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
    for (const service of SERVICES) this.implementation.setStatus(service, status);
  }
}
