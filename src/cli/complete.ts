import type { Argument, Command, Option } from "commander";

/** What a word on the command line stands for. */
export interface CompletionPoint {
  /** The finished command, or the deepest group reached. */
  readonly command: Command;
  /** Commands, options and choices that begin with the word. */
  readonly candidates: readonly string[];
  /** Set when the word is the value of an argument or option that no list is known of: its name. */
  readonly value: string | undefined;
  /** Options before the word, by attribute name, as far as they can be told. */
  readonly options: Readonly<Record<string, string>>;
}

/** Finds what the last of `words` may become, by the same definitions that parse the command line. */
export function findCompletion(program: Command, words: readonly string[]): CompletionPoint {
  const last = words.at(-1) ?? "";
  const options: Record<string, string> = {};
  let command = program;
  let argumentIndex = 0;
  let awaiting: Option | undefined;
  let onlyArguments = false;
  for (const word of words.slice(0, -1)) {
    if (awaiting !== undefined) {
      options[awaiting.attributeName()] = word;
      awaiting = undefined;
    } else if (word === "--") {
      onlyArguments = true;
    } else if (!onlyArguments && word.startsWith("-") && word !== "-") {
      awaiting = optionOf(command, word, options);
    } else {
      const next = command.commands.find((known) => known.name() === word || known.aliases().includes(word));
      if (next === undefined) argumentIndex++;
      else command = next;
    }
  }
  const base = { command, options };
  if (awaiting !== undefined) return { ...base, ...candidatesOf(awaiting, last) };
  if (!onlyArguments && last.startsWith("-"))
    return { ...base, candidates: optionNames(command, last), value: undefined };
  if (command.commands.length > 0) return { ...base, candidates: commandNames(command, last), value: undefined };
  const argument = command.registeredArguments[argumentIndex];
  return argument === undefined
    ? { ...base, candidates: [], value: undefined }
    : { ...base, ...candidatesOf(argument, last) };
}

function optionOf(command: Command, word: string, options: Record<string, string>): Option | undefined {
  const [name = "", value] = word.split("=", 2);
  const option = command.options.find((known) => known.long === name || known.short === name);
  if (option === undefined || (!option.required && !option.optional)) return undefined;
  if (value === undefined) return option;
  options[option.attributeName()] = value;
  return undefined;
}

function candidatesOf(of: Option | Argument, word: string): Pick<CompletionPoint, "candidates" | "value"> {
  const choices = of.argChoices ?? [];
  const name = "attributeName" in of ? of.attributeName() : of.name();
  return {
    candidates: choices.filter((choice) => choice.startsWith(word)),
    value: choices.length === 0 ? name : undefined,
  };
}

function optionNames(command: Command, word: string): string[] {
  const names = command.options
    .filter((option) => !option.hidden)
    .flatMap((option) => option.long ?? option.short ?? []);
  return [...names, "--help"].filter((name) => name.startsWith(word)).sort();
}

function commandNames(command: Command, word: string): string[] {
  const names = command
    .createHelp()
    .visibleCommands(command)
    .map((known) => known.name());
  return names.filter((name) => name.startsWith(word)).sort();
}
