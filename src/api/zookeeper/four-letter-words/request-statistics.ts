import { SizeStatistics } from "../../../core/base/size-statistics.ts";
import { LatencyStatistics } from "./latency-statistics.ts";
import { NO_OPERATION } from "./operation-name.ts";

/** A request that has been answered. */
export interface Reply {
  /** See `operationName`. */
  readonly operation: string;
  /** The request's id; negative ones are the protocol's own and leave the last one shown as it is. */
  readonly cxid: number;
  /** Last applied at this member, which the reply tells. */
  readonly zxid: number;
  /** It went through the ensemble: a write, even a refused one, or the begin or end of a session. */
  readonly isUpdate: boolean;
  /** In ms, both of one clock that does not go back; ZooKeeper's is one of no known beginning, and `lresp` shows it. */
  readonly requestedAt: number;
  readonly repliedAt: number;
  readonly bytes: number;
}

/** What the door has done since it was made or since `srst`; `outstanding` is of this moment. */
export class DoorStatistics {
  received = 0;
  sent = 0;
  receivedBytes = 0;
  sentBytes = 0;
  outstanding = 0;
  authenticationFailures = 0;
  /** Connections asking for a session. */
  sessionRequests = 0;
  /** Connections refused, as there were too many. */
  connectionsRejected = 0;
  /** Connections that ended without the client's word. */
  connectionsDropped = 0;
  /** Connections closed, as they asked for no session in time. */
  sessionlessExpired = 0;
  /** Requests refused, as they were too large. */
  largeRequestsRejected = 0;
  /** Connections ended for a frame that could not be read, and for a defect of the door. */
  malformed = 0;
  defects = 0;
  readonly latency = new LatencyStatistics();
  readonly readLatency = new LatencyStatistics();
  readonly updateLatency = new LatencyStatistics();
  readonly responseSizes = new SizeStatistics();

  /** For `srst`. What is outstanding stays, as it will be answered. */
  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.receivedBytes = 0;
    this.sentBytes = 0;
    this.authenticationFailures = 0;
    this.sessionRequests = 0;
    this.connectionsRejected = 0;
    this.connectionsDropped = 0;
    this.sessionlessExpired = 0;
    this.largeRequestsRejected = 0;
    this.malformed = 0;
    this.defects = 0;
    this.latency.reset();
    this.readLatency.reset();
    this.updateLatency.reset();
    this.responseSizes.reset();
  }
}

/**
 * What one connection has done since it was made or since `crst`, as `cons` prints it. Tells the door's statistics,
 * too, so that a request and its reply are one call each.
 */
export class ConnectionStatistics {
  /** Time of day, ms since 1970. */
  readonly establishedAt: number;
  private readonly door: DoorStatistics;
  received = 0;
  /** Replies and events. */
  sent = 0;
  outstanding = 0;
  lastOperation = NO_OPERATION;
  /** -1 and below: none. */
  lastCxid = -1;
  lastZxid = -1;
  /** On the clock of `Reply.repliedAt`. */
  lastResponseAt = 0;
  lastLatencyMs = 0;
  readonly latency = new LatencyStatistics();

  constructor(establishedAt: number, door: DoorStatistics) {
    this.establishedAt = establishedAt;
    this.door = door;
  }

  /** A packet came that is no request, as a word is. */
  heard(bytes: number): void {
    this.received += 1;
    this.door.received += 1;
    this.door.receivedBytes += bytes;
  }

  /** A packet was sent that answers no request: an event of a watch, the text of a word. */
  told(bytes: number): void {
    this.sent += 1;
    this.door.sent += 1;
    this.door.sentBytes += bytes;
  }

  /** A request came, as a handshake and a ping are: outstanding until it is `replied`, `answered` or `closed`. */
  requested(bytes: number): void {
    this.heard(bytes);
    this.outstanding += 1;
    this.door.outstanding += 1;
  }

  /** A request was answered by the door alone, as credentials are: ZooKeeper counts neither operation nor latency. */
  answered(bytes: number): void {
    this.told(bytes);
    this.outstanding -= 1;
    this.door.outstanding -= 1;
  }

  /** Any other request was answered. */
  replied(reply: Reply): void {
    this.answered(reply.bytes);
    const { door } = this;
    const latencyMs = Math.max(0, Math.trunc(reply.repliedAt - reply.requestedAt));
    if (reply.cxid >= 0) this.lastCxid = reply.cxid;
    this.lastZxid = reply.zxid;
    this.lastOperation = reply.operation;
    this.lastResponseAt = reply.repliedAt;
    this.lastLatencyMs = latencyMs;
    this.latency.record(latencyMs);
    door.latency.record(latencyMs);
    (reply.isUpdate ? door.updateLatency : door.readLatency).record(latencyMs);
    door.responseSizes.record(reply.bytes);
  }

  /** Nothing outstanding will be answered any more. */
  closed(): void {
    this.door.outstanding -= this.outstanding;
    this.outstanding = 0;
  }

  /** For `crst`. What is outstanding stays, as it will be answered. */
  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.lastOperation = NO_OPERATION;
    this.lastCxid = -1;
    this.lastZxid = -1;
    this.lastResponseAt = 0;
    this.lastLatencyMs = 0;
    this.latency.reset();
  }
}
