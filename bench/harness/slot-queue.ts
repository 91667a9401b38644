/**
 * The free slots of clients, each of which may hold one request. The slot that has been free longest comes first: so
 * that a load below the peak goes over all clients alike, and with them over all members.
 */
export class SlotQueue {
  private readonly slots: Uint16Array;
  private first = 0;
  private size: number;

  constructor(clients: number, outstanding: number) {
    this.slots = Uint16Array.from({ length: clients * outstanding }, (_, index) => index % clients);
    this.size = this.slots.length;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** The client whose slot is taken. */
  take(): number {
    if (this.size === 0) throw new Error("no slot is free");
    const client = this.slots[this.first] as number;
    this.first = (this.first + 1) % this.slots.length;
    this.size--;
    return client;
  }

  give(client: number): void {
    this.slots[(this.first + this.size) % this.slots.length] = client;
    this.size++;
  }
}
