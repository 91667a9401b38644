/** One general name of a subjectAltName as Node prints it: a type, and a value that is quoted if it is unusual. */
const GENERAL_NAME = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * The alternative names of a certificate, each a type and a value, from their text in Node's form. Unreadable from
 * somewhere: only what came before counts. Never splits at a comma inside a quoted value.
 */
export function alternativeNames(text: string): [string, string][] {
  const names: [string, string][] = [];
  GENERAL_NAME.lastIndex = 0;
  for (let match = GENERAL_NAME.exec(text); match !== null; match = GENERAL_NAME.exec(text)) {
    names.push([match[1] as string, match[2] as string]);
    if (GENERAL_NAME.lastIndex >= text.length) break;
  }
  return names;
}
