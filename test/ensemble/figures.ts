/** Prints what a test observed, for people: nothing is judged by it. */
export function figure(what: string, values: object): void {
  const shown = Object.entries(values).map(([name, value]) => {
    return `${name} ${typeof value === "number" ? Math.round(value) : String(value)}`;
  });
  process.stdout.write(`  ${what}: ${shown.join(", ")}\n`);
}
