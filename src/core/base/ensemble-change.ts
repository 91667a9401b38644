/** One change of the membership: of exactly one member, so that old and new quorums always overlap (core.md 25). */
export type ConfigurationChange =
  /** A member that is connected as a joiner: a new one, or a known id with a new incarnation, which is readmitted. */
  | {
      readonly kind: "add";
      readonly id: number;
      readonly role: "voter" | "observer";
      /** Where members reach it, host:port; by default what the joiner itself says. */
      readonly peerAddress?: string | undefined;
      /** By default 1, or what it was for a member that is readmitted; `group` likewise, 0. */
      readonly weight?: number | undefined;
      readonly group?: number | undefined;
    }
  | { readonly kind: "remove"; readonly id: number }
  /** What is absent stays as it is. */
  | {
      readonly kind: "change";
      readonly id: number;
      readonly role?: "voter" | "observer" | undefined;
      readonly weight?: number | undefined;
      readonly group?: number | undefined;
      readonly peerAddress?: string | undefined;
    };
