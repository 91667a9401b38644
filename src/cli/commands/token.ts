import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { register as registerCreate } from "./token-create.ts";
import { register as registerLs } from "./token-ls.ts";
import { register as registerRevoke } from "./token-revoke.ts";

export function register(program: Command, io: CliIo): void {
  const group = program.command("token").description("Make, list and revoke the tokens that say who asks.");
  for (const add of [registerCreate, registerLs, registerRevoke]) add(group, io);
}
