/**
 * How much the property tests of the tree try: little by default, so that `npm test` stays quick. For a long run:
 * `MODEL_SEEDS=10000 npx vitest run test/unit/core/tree/model.test.ts`; a failure prints its seed, and
 * `MODEL_FIRST_SEED=<seed> MODEL_SEEDS=1` plays it again.
 */
export const firstSeed = fromEnvironment("MODEL_FIRST_SEED", 0);
export const stepsPerHistory = fromEnvironment("MODEL_STEPS", 200);

/** The seeds of a test that plays `usual` histories by default. */
export function seeds(usual: number): number[] {
  const count = fromEnvironment("MODEL_SEEDS", usual);
  return Array.from({ length: count }, (_, at) => firstSeed + at);
}

/** A bound on a hang, not on slowness: ms for a test of that many histories. */
export function patience(histories: readonly number[]): number {
  return 60_000 + histories.length * 2_000;
}

function fromEnvironment(name: string, usual: number): number {
  const text = process.env[name];
  if (text === undefined) return usual;
  if (!/^\d+$/.test(text)) throw new Error(`${name} is a whole number, not ${text}`);
  return Number(text);
}
