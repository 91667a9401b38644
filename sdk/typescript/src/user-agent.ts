import { VERSION } from "./version.ts";

/** What the server's log shows of a client. */
export function userAgent(applicationName: string | undefined): string {
  const name = applicationName?.replace(/[^\x21-\x7e]/g, "-");
  return name === undefined || name === "" ? `muster-client/${VERSION}` : `${name} muster-client/${VERSION}`;
}
