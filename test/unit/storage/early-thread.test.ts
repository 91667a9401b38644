import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { EarlyThread } from "../../../src/storage/early-thread.ts";

function entry(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

const ECHO = entry(`
  import { parentPort, threadId } from "node:worker_threads";
  parentPort.once("message", (data) => parentPort.postMessage({ data, threadId }));
`);
/** Fails before it is given anything, in the first thread only. */
const FAILS_ONCE = entry(`
  import { parentPort, workerData } from "node:worker_threads";
  if (Atomics.add(workerData, 0, 1) === 0) throw new Error("not yet");
  parentPort.once("message", (data) => parentPort.postMessage(data));
`);

async function answerOf(worker: Worker): Promise<unknown> {
  onTestFinished(async () => void (await worker.terminate()));
  const [answer] = await once(worker, "message");
  return answer;
}

test("the thread that was begun early gets what it is to work on", async () => {
  const thread = new EarlyThread<string>(ECHO, {});
  const worker = thread.begin("a");
  const { threadId } = worker;
  expect(await answerOf(worker)).toEqual({ data: "a", threadId });
});

test("begun again, it is another thread", async () => {
  const thread = new EarlyThread<string>(ECHO, {});
  const [first, second] = [thread.begin("a"), thread.begin("b")];
  expect(second.threadId).not.toBe(first.threadId);
  expect(await Promise.all([answerOf(first), answerOf(second)])).toMatchObject([{ data: "a" }, { data: "b" }]);
});

test("one that failed while nobody listened is replaced", async () => {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const thread = new EarlyThread<string>(FAILS_ONCE, { workerData: counter });
  await expect.poll(() => thread.isWaiting).toBe(false);
  expect(await answerOf(thread.begin("a"))).toBe("a");
  expect(counter[0]).toBe(2);
});

test("one that is not needed is ended", async () => {
  const thread = new EarlyThread<string>(ECHO, {});
  await thread.end();
  expect(thread.isWaiting).toBe(false);
  await thread.end();
});
