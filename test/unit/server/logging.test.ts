import { expect, test } from "vitest";
import { createLog } from "../../../src/server/logging.ts";

test("a line is JSON with time, level, member and fields; below the level nothing is written", () => {
  const lines: string[] = [];
  const log = createLog(
    { level: "info", format: "json", memberId: 4 },
    { write: (line: string) => void lines.push(line) },
  );
  log.debug("not this");
  log.info({ zxid: "0x1" }, "applied");
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0] as string) as Record<string, unknown>;
  expect(line).toMatchObject({ level: 30, member: 4, zxid: "0x1", msg: "applied" });
  expect(line["time"]).toMatch(/^\d{4}-\d\d-\d\dT/);
});
