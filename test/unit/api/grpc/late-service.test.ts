import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { addLateServices } from "../../../../src/api/grpc/late-service.ts";

const encode = (text: unknown): Buffer => Buffer.from(`<${text}>`);
const decode = (bytes: Buffer): string => {
  const text = bytes.toString();
  if (!text.startsWith("<")) throw new Error("that is no request");
  return text.slice(1, -1);
};
const same = (bytes: Buffer): Buffer => bytes;

function method(path: string, requestStream: boolean, responseStream: boolean): ServiceDefinition[string] {
  const codec = { requestSerialize: encode, requestDeserialize: decode };
  return { path, requestStream, responseStream, ...codec, responseSerialize: encode, responseDeserialize: decode };
}

const ECHO = method("/late.Echo/Echo", false, false);
const REPEAT = method("/late.Echo/Repeat", false, true);
/** A method of a service that is there from the beginning. */
const PING = method("/early.Ping/Ping", false, false);
const CHAT = method("/late.Echo/Chat", true, true);

/** A server whose echo service is loaded late, by `load` if it is given. */
async function serve(load?: () => Promise<void>) {
  let loads = 0;
  let repeats = 0;
  const server = new Server();
  const echo = (call: { request: string }, answer: (error: null, value: string) => void) => answer(null, call.request);
  server.addService({ Ping: PING }, { Ping: echo });
  addLateServices(server, [ECHO, REPEAT, CHAT], async (into) => {
    loads++;
    await load?.();
    into.addService(
      { Echo: ECHO, Repeat: REPEAT, Chat: CHAT },
      {
        Echo: echo,
        Repeat: (call: { request: string; write(value: string): void; end(): void }) => {
          repeats++;
          call.write(call.request);
          call.write(call.request);
          call.end();
        },
        Chat: (call: NodeJS.EventEmitter & { write(value: string): void; end(): void }) => {
          call.on("data", (text: string) => call.write(text.toUpperCase()));
          call.on("end", () => call.end());
        },
      },
    );
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => {
    client.close();
    server.forceShutdown();
  });
  const ask = (bytes: Buffer, path = ECHO.path): Promise<string> => {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, same, decode, bytes, new Metadata(), {}, (error, value) => {
        if (error === null) resolve(value as string);
        else reject(error);
      });
    });
  };
  return { client, ask, loads: () => loads, repeats: () => repeats };
}

function withResolvers() {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** What a stream brings until it ends. */
async function all(stream: AsyncIterable<string>): Promise<string[]> {
  const texts: string[] = [];
  for await (const text of stream) texts.push(text);
  return texts;
}

test("nothing is loaded before the first call, and once for all", async () => {
  const { ask, loads } = await serve();
  expect(loads()).toBe(0);
  expect(await Promise.all([ask(encode("a")), ask(encode("b"))])).toEqual(["a", "b"]);
  expect(await ask(encode("c"))).toBe("c");
  expect(loads()).toBe(1);
});

test("the first call may be a stream of answers", async () => {
  const { client } = await serve();
  expect(await all(client.makeServerStreamRequest(REPEAT.path, encode, decode, "a"))).toEqual(["a", "a"]);
});

test("or a stream both ways, whose messages wait", async () => {
  const { client } = await serve();
  const chat = client.makeBidiStreamRequest(CHAT.path, encode, decode);
  chat.write("a");
  chat.write("b");
  chat.end();
  expect(await all(chat)).toEqual(["A", "B"]);
});

test("a request that cannot be decoded is refused, the next is answered", async () => {
  const { ask } = await serve();
  await expect(ask(Buffer.from("?"))).rejects.toMatchObject({ code: status.INTERNAL, details: "that is no request" });
  expect(await ask(encode("a"))).toBe("a");
});

test("what cannot be loaded is an error of each call", async () => {
  const { client, ask } = await serve(() => Promise.reject(new Error("the file is missing")));
  await expect(ask(encode("a"))).rejects.toMatchObject({ code: status.INTERNAL, details: "the file is missing" });
  const repeated = all(client.makeServerStreamRequest(REPEAT.path, encode, decode, "a"));
  await expect(repeated).rejects.toMatchObject({ code: status.INTERNAL } satisfies Partial<ServiceError>);
});

test("a caller that went away while it was loaded is not handed over", async () => {
  const { promise: loadable, resolve: go } = withResolvers();
  const { client, loads, ask, repeats } = await serve(() => loadable);
  const stream = client.makeServerStreamRequest(REPEAT.path, encode, decode, "a");
  const ended = new Promise<ServiceError>((resolve) => stream.once("error", resolve));
  await expect.poll(loads).toBe(1);
  stream.cancel();
  expect((await ended).code).toBe(status.CANCELLED);
  // On the same connection, so what is answered here has come to the server after the cancellation.
  expect(await ask(encode("b"), PING.path)).toBe("b");
  go();
  expect(await ask(encode("c"))).toBe("c");
  expect(repeats()).toBe(0);
});
