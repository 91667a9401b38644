import { expect, test } from "vitest";
import { EnsembleRig } from "./ensemble-rig.ts";

test("three empty members make one ensemble, elect one leader, and each serves", async () => {
  const rig = await EnsembleRig.start();
  const leader = await rig.settled();
  expect(rig.followers).toHaveLength(2);
  const client = await rig.connect();
  await client.znodes.create("/first", "1");
  for (const { grpc } of rig.members) {
    const other = await rig.connect({ endpoints: grpc });
    expect(Buffer.from((await other.znodes.get("/first", { linearizable: true })).data).toString()).toBe("1");
  }
  expect(leader.role).toBe("leader");
});
