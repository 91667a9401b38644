/** An ensemble that is compared with another. */
export interface Target {
  readonly name: string;
  /** Its members' addresses for clients, host:port. */
  readonly addresses: readonly string[];
  /**
   * ZooKeeper 3.8 at times leaves the last read of a burst lying until another request comes, of whichever session.
   * Where that is so, one is sent after a while.
   */
  readonly losesWakeUps: boolean;
  /** The ends of its members' logs, where they are known. */
  readonly logs: string;
}

/** Two of them: left is the one that is right. */
export interface Peers {
  readonly left: Target;
  readonly right: Target;
}
