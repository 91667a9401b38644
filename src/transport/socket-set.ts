import type { Socket } from "node:net";

/** The connections there are, so that stopping can wait for the last one and then end what is left. */
export class SocketSet {
  private readonly sockets = new Set<Socket>();
  private whenEmpty: (() => void) | undefined;

  add(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("close", () => {
      this.sockets.delete(socket);
      if (this.sockets.size === 0) this.whenEmpty?.();
    });
  }

  /** Resolves when all are closed; what is still open after `ms` is destroyed. */
  async drain(ms: number): Promise<void> {
    if (this.sockets.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.whenEmpty = resolve;
    });
    const timer = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy();
    }, ms);
    await empty;
    clearTimeout(timer);
  }
}
