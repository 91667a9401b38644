import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { register as registerAdd } from "./ensemble-add.ts";
import { register as registerChange } from "./ensemble-change.ts";
import { register as registerDemote } from "./ensemble-demote.ts";
import { register as registerPromote } from "./ensemble-promote.ts";
import { register as registerRecover } from "./ensemble-recover.ts";
import { register as registerRemove } from "./ensemble-remove.ts";
import { register as registerStatus } from "./ensemble-status.ts";
import { register as registerTransferLeadership } from "./ensemble-transfer-leadership.ts";

export function register(program: Command, io: CliIo): void {
  const group = program.command("ensemble").description("Look at the ensemble, and change its members.");
  registerStatus(group, io);
  registerAdd(group, io);
  registerRemove(group, io);
  registerPromote(group, io);
  registerDemote(group, io);
  registerChange(group, io);
  registerTransferLeadership(group, io);
  registerRecover(group, io);
}
