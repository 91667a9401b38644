/** What a frame is: the top byte of its first word. Part of the wire format. */
export const frameKind = {
  /** Handshake: see hello.ts. */
  HELLO: 1,
  /** Handshake: no, with a refusal. */
  REFUSE: 2,
  /** Handshake: the dialler agrees to the listener's HELLO; the connection is up. */
  READY: 3,
  /** Data: one message, opaque. */
  MESSAGE: 4,
  /** Data: the sender's ensemble and `about` are others now. */
  IDENTITY: 5,
  /** Data: the sender drops the link, and says why. */
  GOODBYE: 6,
  /** Bulk, receiver: begin. */
  ACCEPT: 7,
  /** Bulk, sender: one chunk. */
  CHUNK: 8,
  /** Bulk, sender: that was all. */
  END: 9,
  /** Bulk, receiver: all taken. */
  CONFIRM: 10,
  /** Bulk, either side: gives up, and says why. */
  ABORT: 11,
  /** Data: one message beside those of the core, opaque, and lost where there is no room for it. */
  ASIDE: 12,
} as const;
