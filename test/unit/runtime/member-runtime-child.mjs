/**
 * A member that writes and then waits to be killed. Arguments: the compiled modules of the runtime, its opening and the
 * coordination port, and the data directory. Prints its state as JSON once all it wrote has been answered.
 */
const [runtimeModule, openingModule, coordinationModule, dataDir] = process.argv.slice(2);
const { MemberRuntime } = await import(runtimeModule);
const { Opening } = await import(openingModule);
const { LocalCoordination } = await import(coordinationModule);

const WRITES = 2000;
const ignore = () => undefined;
const runtime = await MemberRuntime.open(
  Opening.begin,
  { memberId: 1, dataDir, peerAddress: "127.0.0.1:1", memoryBytes: 2 ** 36, roundBytes: 100_000 },
  {
    onTransition: ignore,
    onNotice: ignore,
    onFsync: ignore,
    onCommit: ignore,
    onFatal: (error) => {
      throw error;
    },
  },
);
const coordination = new LocalCoordination(runtime.member, (error) => runtime.fail(error));
let answered = 0;
const connection = coordination.connect(
  {
    onOpened() {
      for (let number = 1; number <= WRITES; number++) {
        const data = new Uint8Array(100).fill(number);
        connection.submit(number, 0, { kind: "create", path: "/n-", data, mode: 2 });
      }
    },
    onAnswer(answer) {
      if (answer.code !== 0) throw new Error(`write ${answer.number} failed with ${answer.code}`);
      if (++answered < WRITES) return;
      const { tree } = runtime.member;
      process.stdout.write(`${JSON.stringify({ zxid: tree.zxid, digest: tree.state.digest.lanes() })}\n`);
    },
    onEvents: ignore,
    onTouched: ignore,
    onClosed: ignore,
    onTurnEnd: ignore,
  },
  [],
);
connection.open(new Uint8Array(32).fill(1), 600_000);
