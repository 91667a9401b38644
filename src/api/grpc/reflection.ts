import { fileURLToPath } from "node:url";
import type { Server } from "@grpc/grpc-js";
import { addLateServices } from "./late-service.ts";

/** The package's proto folder: src/api/grpc and dist/api/grpc are equally deep. */
const PROTO_ROOT = fileURLToPath(new URL("../../../proto/", import.meta.url));
/** error_details.proto is for the ErrorInfo in trailers: grpcurl and the like decode it when they can find it. */
const FILES = [
  "muster/coordination/v1/coordination_service.proto",
  "muster/ensemble/v1/ensemble.proto",
  "muster/auth/v1/auth.proto",
  "google/rpc/error_details.proto",
];
const METHODS = ["v1", "v1alpha"].map((version) => ({
  path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
  requestStream: true,
  responseStream: true,
}));

/** Lets tools such as grpcurl ask the server what it offers. */
export function addReflection(server: Pick<Server, "addService">): void {
  addLateServices(server, METHODS, async (into) => {
    const [{ loadSync }, { ReflectionService }, { protoPath: healthProto }] = await Promise.all([
      import("@grpc/proto-loader"),
      import("@grpc/reflection"),
      import("grpc-health-check"),
    ]);
    const described = loadSync([...FILES, healthProto], { includeDirs: [PROTO_ROOT] });
    new ReflectionService(described).addToServer(into);
  });
}
