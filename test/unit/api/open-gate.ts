import type { Admission, Gatekeeper } from "../../../src/products/floor/gatekeeper.ts";
import { anonymous, type Principal } from "../../../src/products/floor/principal.ts";
import { Rights, type Verb } from "../../../src/products/floor/rights.ts";

/** Lets everybody in, as one principal: nobody in particular with every right, unless a test says otherwise. */
export function openGate(
  principal: Principal = anonymous,
): Pick<Gatekeeper, "admit" | "admitWithoutToken" | "isCurrent"> {
  const admission: Admission = { principal };
  return {
    admit: (_caller, done) => done(admission),
    admitWithoutToken: () => admission,
    isCurrent: (_tokenId, done) => done(true),
  };
}

/** Somebody with a token that grants these verbs everywhere. */
export function somebody(...verbs: readonly Verb[]): Principal {
  const rights = verbs.length === 0 ? Rights.none : new Rights([{ verbs, spaces: ["*"] }]);
  const identities = [{ scheme: "sasl", id: "somebody" }];
  return { kind: "token", name: "somebody", rights, identities, tokenId: "0123456789abcdef" };
}
