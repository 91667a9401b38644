import { SaxesParser } from "saxes";
import { invalid, tooLarge } from "../content-fault.ts";
import { DEPTH_MAX } from "./content-limits.ts";
import { documentText } from "./document-text.ts";

/**
 * Checks that XML 1.0 with namespaces is well-formed, and reads nothing else: no document type, so no entities but the
 * five that XML has, and nothing from outside.
 */
export function checkXml({ content }: { content: Uint8Array }): Record<never, never> {
  const parser = new SaxesParser({ xmlns: true });
  const here = (): string => `${parser.line}:${parser.column}`;
  let depth = 0;
  parser.on("error", ({ message }) => {
    throw invalid("syntax", here(), `this is not well-formed XML: ${message.replace(/^\d+:\d+: /, "")}`);
  });
  parser.on("doctype", () => {
    throw invalid(
      "doctype",
      here(),
      "XML with a document type is not read, for the entities it may define: leave it out",
    );
  });
  parser.on("opentagstart", () => {
    if (++depth <= DEPTH_MAX) return;
    throw tooLarge("depth", here(), `elements are nested deeper than ${DEPTH_MAX} levels: make it flatter`);
  });
  parser.on("closetag", () => void depth--);
  parser.write(documentText(content)).close();
  return {};
}
