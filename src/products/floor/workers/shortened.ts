/** Characters of a place or a message about content. */
const TEXT_CHARACTERS_MAX = 1_000;

/** Text as far as it is told: what comes from content may be as long as that. What is cut off is marked. */
export function shortened(text: string, max: number = TEXT_CHARACTERS_MAX): string {
  return text.length <= max ? text : `${text.slice(0, max)}...`;
}
