import { expect, test } from "vitest";
import { tlsTroubleIn, withTlsAdvice } from "../src/tls-trouble.ts";

test.for([
  ["SSL routines:ssl3_get_record:wrong version number", true, "member speaks plain text"],
  ["Error: self-signed certificate in certificate chain", true, "unknown authority"],
  ["Error: unable to verify the first certificate", true, "unknown authority"],
  ["Hostname/IP does not match certificate's altnames: IP: 10.0.0.1", true, "wrong name"],
  ["connect ECONNREFUSED 127.0.0.1:7400", true, undefined],
  ["connect ECONNREFUSED 127.0.0.1:7400", false, undefined],
  ["read ECONNRESET", false, "member may speak TLS"],
  ["No connection established. Last error: Failed to connect", false, "member may speak TLS"],
] as const)("%s, with TLS %s: %s", ([message, usesTls, trouble]) => {
  expect(tlsTroubleIn(message, usesTls)).toBe(trouble);
});

test("what is about TLS says what to do, in the SDK's words", () => {
  const advised = withTlsAdvice("Last error: self-signed certificate. Resolution note: ", true);
  expect(advised).toBe(
    "Last error: self-signed certificate; the member's certificate is of an authority that is not trusted: give its " +
      "certificate as tls.ca",
  );
  expect(withTlsAdvice("No answer", true)).toBe("No answer");
});
