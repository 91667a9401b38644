/**
 * Opens the data directory given as the second argument with the compiled module given as the first, prints "open" or
 * "error: ..." and then lives until it is killed or its stdin ends; in the latter case it closes the directory first.
 */
const [module, directory] = process.argv.slice(2);
const { openDataDir } = await import(module);
try {
  const opened = await openDataDir(directory, { memberId: 1, lockWaitMs: 0 });
  process.stdout.write("open\n");
  process.stdin.resume();
  process.stdin.once("end", () => opened.close());
} catch (error) {
  process.stdout.write(`error: ${error.message}\n`);
}
