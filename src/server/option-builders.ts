import { z } from "zod";
import { parseAdvertised, parsePath, ValueError } from "./options-values.ts";

/** What people are told about one option, in `--help` and in docs/reference/options.md. */
export interface OptionAbout {
  /** Stands for the value in help; without one the option is a switch. */
  readonly placeholder?: string;
  readonly unit: string;
  /** The default as people write it. */
  readonly fallback: string;
  readonly text: string;
}

function checked<Value>(parse: (raw: unknown) => Value) {
  return z.unknown().transform((raw, context): Value => {
    try {
      return parse(raw);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      context.issues.push({ code: "custom", message: error.message, input: raw });
      return z.NEVER;
    }
  });
}

/** An option whose default is read as if it had been written. */
export function option<Value>(parse: (raw: unknown) => Value, about: OptionAbout) {
  return checked(parse)
    .prefault(about.fallback)
    .meta({ ...about });
}

/** An option that has no value unless it is given; its default depends on others. */
export function optional<Value>(parse: (raw: unknown) => Value, about: OptionAbout) {
  return checked(parse)
    .optional()
    .meta({ ...about });
}

/** Where others are told to reach a door. */
export function advertise(what: string, whom: string, listen: string) {
  return optional(parseAdvertised, {
    placeholder: "host:port",
    unit: "",
    fallback: "where it listens",
    text: `Where ${whom} are told to reach ${what}, if not at ${listen}.`,
  });
}

/** One of the three files of TLS between members. */
export function tlsFile(what: string) {
  return optional(parsePath, {
    placeholder: "path",
    unit: "",
    fallback: "none",
    text:
      `PEM file: the ${what}. All three --peer-tls files, or none; SIGHUP reads them again. ` +
      "In the file, relative to the file.",
  });
}

/** One of the files that a door's TLS is made of. */
export function doorTlsFile(what: string): OptionAbout {
  return {
    placeholder: "path",
    unit: "",
    fallback: "none",
    text: `PEM file: ${what}. SIGHUP reads it again. In the file, relative to the file.`,
  };
}
