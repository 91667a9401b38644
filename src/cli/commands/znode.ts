import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { register as registerCreate } from "./znode-create.ts";
import { register as registerDelete } from "./znode-delete.ts";
import { register as registerExport } from "./znode-export.ts";
import { register as registerGet } from "./znode-get.ts";
import { register as registerImport } from "./znode-import.ts";
import { register as registerLs } from "./znode-ls.ts";
import { register as registerSet } from "./znode-set.ts";
import { register as registerStat } from "./znode-stat.ts";
import { register as registerWatch } from "./znode-watch.ts";

export function register(program: Command, io: CliIo): void {
  const group = program.command("znode").description("Read, change, watch and copy znodes of the tree.");
  for (const add of [registerLs, registerGet, registerSet, registerCreate, registerDelete, registerStat])
    add(group, io);
  for (const add of [registerWatch, registerExport, registerImport]) add(group, io);
}
