/**
 * For the packages and tools of this repository. Does not follow semantic versioning.
 */
export { sessionCoreOf } from "./client.ts";
export { type ConnectModules, connectWith } from "./connect.ts";
export { parseEndpoints } from "./endpoints.ts";
export type { Environment } from "./environment.ts";
export { clientReasons, failureError, serverReasons } from "./errors.ts";
export { grpcTransport } from "./grpc-transport.ts";
export type { SessionCore } from "./session.ts";
export { type TlsTrouble, tlsTroubleIn } from "./tls-trouble.ts";
export type { ProbeAnswer, SessionStream, SessionTransport, StreamListener } from "./transport.ts";
