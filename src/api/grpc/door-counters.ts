/** What the door has done since it was made; `streams`, `unsentBytes` and `readAheadBytes` are of this moment. */
export interface DoorCounters {
  streams: number;
  streamsOpened: number;
  /** Streams ended because their client read too slowly. */
  streamsCut: number;
  messagesReceived: number;
  messagesSent: number;
  bytesReceived: number;
  bytesSent: number;
  /** Operations taken from session streams. */
  operations: number;
  /** Reads answered OVERLOADED because too much was unsent. */
  readsOverloaded: number;
  /** Messages that could not be decoded. */
  malformed: number;
  /** Times a stream's operations were held back. */
  pauses: number;
  unaryCalls: number;
  unaryFailures: number;
  /** Calls and streams that were not let in. */
  callsRefused: number;
  /** Defects met, each logged with an id. */
  defects: number;
  /** Queued for clients, all streams. */
  unsentBytes: number;
  /** Received and held back, all streams. */
  readAheadBytes: number;
}

export function emptyCounters(): DoorCounters {
  return {
    streams: 0,
    streamsOpened: 0,
    streamsCut: 0,
    messagesReceived: 0,
    messagesSent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    operations: 0,
    readsOverloaded: 0,
    malformed: 0,
    pauses: 0,
    unaryCalls: 0,
    unaryFailures: 0,
    callsRefused: 0,
    defects: 0,
    unsentBytes: 0,
    readAheadBytes: 0,
  };
}
