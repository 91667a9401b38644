/** ZooKeeper's four-letter words answered here. The others of 3.8 (gtmk, stmk) set trace masks, which nothing has. */
export const words = [
  "ruok",
  "srvr",
  "stat",
  "mntr",
  "conf",
  "cons",
  "crst",
  "dump",
  "envi",
  "isro",
  "wchs",
  "wchc",
  "wchp",
  "dirs",
  "srst",
  "hash",
] as const;
export type Word = (typeof words)[number];

const wordsByCode: ReadonlyMap<number, Word> = new Map(words.map((word) => [Buffer.from(word).readInt32BE(), word]));

/**
 * The word whose letters are the bytes of this big-endian 32-bit integer: where a client's first frame has its length,
 * and far longer than any frame may be, so that nothing is mistaken for the other. Undefined: it is no word.
 */
export function wordOf(code: number): Word | undefined {
  return wordsByCode.get(code);
}
