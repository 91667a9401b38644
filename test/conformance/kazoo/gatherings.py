"""Recipes in which clients meet: Barrier, DoubleBarrier, Party, ShallowParty and SetPartitioner."""

from harness import PATIENCE, ask, equal, in_thread, join_all, main, true, until, until_equal

#: Time-out of a session that is to expire, seconds.
SHORT = 1.5


def case_barrier(place):
    one, two = place.client(), place.client()
    barrier = one.Barrier("/barrier")
    equal(barrier.wait(0), True, "there is no barrier")
    barrier.create()
    equal(two.Barrier("/barrier").wait(0.2), False)
    thread = in_thread(two.Barrier("/barrier").wait, PATIENCE)
    equal(barrier.remove(), True)
    equal(join_all([thread]), [True])
    equal(barrier.remove(), False)


def case_double_barrier(place):
    clients = [place.client() for _ in range(3)]
    barriers = [client.DoubleBarrier("/barrier", 3, "c%d" % number) for number, client in enumerate(clients)]
    entering = [in_thread(barrier.enter) for barrier in barriers[:2]]
    until(lambda: clients[2].exists("/barrier") and len(clients[2].get_children("/barrier")) == 2, "two wait")
    equal([thread.outcome for thread in entering], [None, None])
    join_all(entering + [in_thread(barriers[2].enter)])
    equal([barrier.participating for barrier in barriers], [True] * 3)
    leaving = [in_thread(barrier.leave) for barrier in barriers[:2]]
    join_all(leaving + [in_thread(barriers[2].leave)])
    equal(clients[0].get_children("/barrier"), [])


def case_party(place):
    one, two = place.client(), place.client()
    party = one.Party("/party", "one")
    equal((len(party), list(party)), (0, []))
    party.join()
    two.Party("/party", "two").join()
    equal((len(party), sorted(party)), (2, ["one", "two"]))
    party.leave()
    equal(list(party), ["two"])
    two.stop()
    one.sync("/party")
    equal((len(party), list(party)), (0, []))


def case_party_of_a_client_that_dies(place):
    proxy = ask("proxy " + place.hosts[0])
    dying, other = place.client(hosts=[proxy], timeout=SHORT), place.client(hosts=place.hosts[1:2])
    dying.Party("/party", "dying").join()
    party = other.Party("/party", "other")
    party.join()
    equal(sorted(party), ["dying", "other"])
    ask("refuse " + proxy)
    until_equal(lambda: list(party), ["other"], "the dead one is gone")


def case_shallow_party(place):
    one, two = place.client(), place.client()
    party = one.ShallowParty("/party", "one")
    party.join()
    two.ShallowParty("/party", "two").join()
    two.sync("/party")
    equal((len(party), sorted(party)), (2, ["one", "two"]))
    party.leave()
    equal(list(party), ["two"])


def case_set_partitioner(place):
    one, two = place.client(), place.client()
    partitions = tuple(range(6))

    def partitioner(client, name):
        return client.SetPartitioner("/partitions", partitions, identifier=name, time_boundary=0.2)

    def step(each):
        """What its user does again and again: lets go when told, waits while others do."""
        if each.release:
            each.release_set()
        elif each.allocating:
            each.wait_for_acquire(1)

    first = partitioner(one, "one")
    until(lambda: step(first) or first.acquired, "the first has a share")
    equal(sorted(first), list(partitions))
    second = partitioner(two, "two")

    def shared():
        step(first)
        step(second)
        return first.acquired and second.acquired and len(list(first)) == len(list(second)) == 3

    until(shared, "each has half of it")
    equal(sorted(list(first) + list(second)), list(partitions))
    second.finish()
    until(lambda: step(first) or (first.acquired and len(list(first)) == 6), "the first has all of it again")
    true(not first.failed, "nothing failed")
    first.finish()


if __name__ == "__main__":
    main()
