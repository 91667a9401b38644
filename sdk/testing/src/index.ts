export { type LogLevel, TestingError } from "muster/testing";
export type { Held } from "./answer-lane.ts";
export { type MusterServer, type MusterServerOptions, startMuster } from "./muster-server.ts";
