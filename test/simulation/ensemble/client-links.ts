import type { Prng } from "../../../src/core/base/prng.ts";
import type { Identity } from "../../../src/core/tree/operation.ts";
import type { ClientRequest, ServerMessage } from "../client-message.ts";
import { Link, type LinkEnd } from "../network.ts";
import type { ClientLink, SimulatedClient } from "../simulated-client.ts";
import type { SimulatedMember } from "../simulated-member.ts";
import type { Timeline } from "../timeline.ts";

/** The connections of clients, by the member they go to. */
export class ClientLinks {
  private readonly timeline: Timeline;
  private readonly random: Prng;
  private readonly links = new Map<number, Set<ClientLink>>();

  constructor(timeline: Timeline, random: Prng) {
    this.timeline = timeline;
    this.random = random;
  }

  connect(client: SimulatedClient, identities: readonly Identity[], member: SimulatedMember): ClientLink {
    let link: ClientLink | undefined;
    const door: LinkEnd<ClientRequest> = member.accept({
      name: client.name,
      identities,
      reply: (message) => link?.reply(message),
    });
    const guarded: LinkEnd<ClientRequest> = {
      receive: (request) => member.run(() => door.receive(request)),
      lost: () => member.run(() => door.lost()),
    };
    const ours: LinkEnd<ServerMessage> = {
      receive: (message) => client.receive(link, message),
      lost: () => client.lost(link),
    };
    link = new Link(this.timeline, this.random, guarded, ours);
    const links = this.links.get(member.id) ?? new Set();
    this.links.set(member.id, links.add(link));
    return link;
  }

  /** The member is gone. */
  crash(member: number): void {
    for (const link of this.links.get(member) ?? []) link.crash();
    this.links.delete(member);
  }
}
