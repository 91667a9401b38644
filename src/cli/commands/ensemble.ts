import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { register as registerStatus } from "./ensemble-status.ts";

export function register(program: Command, io: CliIo): void {
  registerStatus(program.command("ensemble").description("Look at the ensemble and its members."), io);
}
