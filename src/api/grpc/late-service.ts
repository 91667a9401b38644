import { type MethodDefinition, type Server, type ServiceDefinition, status } from "@grpc/grpc-js";

/** What has to be known of a method before its service is loaded. */
export interface LateMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** As much of grpc-js's four kinds of calls as is common to them. */
interface Call {
  /** Of a method without a stream of requests: as bytes, since nobody can decode it yet. */
  request?: unknown;
  readonly cancelled: boolean;
  emit(event: "error", error: object): boolean;
}
type Answer = (error: object) => void;
type Handle = (call: Call, answer?: Answer) => void;

interface Loaded {
  readonly method: MethodDefinition<unknown, unknown>;
  readonly handle: Handle;
}

/**
 * Adds services whose code and descriptors are loaded when one of their methods is called for the first time. They are
 * tools' services, and reading their descriptors takes longer than everything else a door does before it opens.
 *
 * @param load adds the services, as it would to a server; of that, nothing but `addService` is there
 */
export function addLateServices(
  server: Pick<Server, "addService">,
  methods: readonly LateMethod[],
  load: (into: Server) => Promise<void>,
): void {
  const loaded = new Map<string, Loaded>();
  const registrar: Pick<Server, "addService"> = {
    addService: (service, implementation) => {
      for (const [name, method] of Object.entries(service)) {
        const handle = implementation[name] ?? implementation[method.originalName ?? name];
        loaded.set(method.path, { method, handle: handle as Handle });
      }
    },
  };
  let loading: Promise<void> | undefined;
  const find = async (path: string): Promise<Loaded> => {
    loading ??= load(registrar as Server);
    await loading;
    const found = loaded.get(path);
    if (found === undefined) throw new Error(`${path} is not among the services that were loaded for it`);
    return found;
  };
  for (const method of methods) {
    const { path, requestStream } = method;
    const handle: Handle = (call, answer) => {
      find(path)
        .then((found) => {
          // Whoever went away meanwhile will never tell the implementation so.
          if (call.cancelled) return;
          if (!requestStream) call.request = found.method.requestDeserialize(call.request as Buffer);
          found.handle(call, answer);
        })
        .catch((error: Error) => fail(call, answer, error));
    };
    server.addService({ [path]: lateDefinition(method, loaded) }, { [path]: handle as never });
  }
}

/** A stream's messages are read, and answers written, only once its handler has it: the codecs are there by then. */
function lateDefinition(method: LateMethod, loaded: ReadonlyMap<string, Loaded>): ServiceDefinition[string] {
  const { path, requestStream } = method;
  const codec = () => loaded.get(path)?.method as MethodDefinition<unknown, unknown>;
  return {
    ...method,
    requestSerialize: (value: unknown) => codec().requestSerialize(value),
    requestDeserialize: requestStream ? (bytes) => codec().requestDeserialize(bytes) : (bytes) => bytes,
    responseSerialize: (value: unknown) => codec().responseSerialize(value),
    responseDeserialize: (bytes: Buffer) => codec().responseDeserialize(bytes),
  };
}

function fail(call: Call, answer: Answer | undefined, { message }: Error): void {
  const error = { code: status.INTERNAL, details: message };
  if (answer === undefined) call.emit("error", error);
  else answer(error);
}
