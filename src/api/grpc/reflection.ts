import { fileURLToPath } from "node:url";
import type { Server } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { protoPath as healthProto } from "grpc-health-check";

/** The package's proto folder: src/api/grpc and dist/api/grpc are equally deep. */
const PROTO_ROOT = fileURLToPath(new URL("../../../proto/", import.meta.url));
/** error_details.proto is for the ErrorInfo in trailers: grpcurl and the like decode it when they can find it. */
const FILES = [
  "muster/coordination/v1/coordination_service.proto",
  "muster/ensemble/v1/ensemble.proto",
  "google/rpc/error_details.proto",
  healthProto,
];

/** Lets tools such as grpcurl ask the server what it offers. */
export function addReflection(server: Server): void {
  new ReflectionService(loadSync(FILES, { includeDirs: [PROTO_ROOT] })).addToServer(server);
}
