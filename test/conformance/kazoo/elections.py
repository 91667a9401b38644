"""kazoo's Election and NonBlockingLease."""

import datetime
import threading

from harness import PATIENCE, ask, equal, in_thread, join_all, main, true, until

#: Time-out of a session that is to expire, seconds.
SHORT = 1.5


class Reign:
    """Lets a candidate lead until it is told to resign."""

    def __init__(self):
        self.began = threading.Event()
        self.over = threading.Event()

    def __call__(self):
        self.began.set()
        true(self.over.wait(PATIENCE), "somebody ends the reign")


def candidate(client, name):
    reign = Reign()
    election = client.Election("/election", name)
    thread = in_thread(election.run, reign)
    until(lambda: name in client.Election("/election").contenders(), "%s stands for election" % name)
    return election, reign, thread


def case_leaders_follow_in_the_order_of_standing(place):
    clients = [place.client() for _ in range(3)]
    standing = [candidate(client, "c%d" % number) for number, client in enumerate(clients)]
    election = clients[0].Election("/election")
    for number, (_, reign, thread) in enumerate(standing):
        true(reign.began.wait(PATIENCE), "c%d leads" % number)
        equal(election.contenders(), ["c%d" % left for left in range(number, 3)])
        equal([later.began.is_set() for _, later, _ in standing[number + 1 :]], [False] * (2 - number))
        reign.over.set()
        join_all([thread])


def case_candidate_withdraws(place):
    one, two = place.client(), place.client()
    _, leading, leads = candidate(one, "one")
    true(leading.began.wait(PATIENCE), "the first leads")
    waiting, never, waits = candidate(two, "two")
    waiting.cancel()
    leading.over.set()
    join_all([leads, waits])
    true(not never.began.is_set(), "who withdrew does not lead")
    equal(one.Election("/election").contenders(), [])


def case_leader_that_dies_is_followed(place):
    proxy = ask("proxy " + place.hosts[0])
    dying, other = place.client(hosts=[proxy], timeout=SHORT), place.client(hosts=place.hosts[1:2])
    _, dead, _ = candidate(dying, "dying")
    true(dead.began.wait(PATIENCE), "the first leads")
    _, follows, thread = candidate(other, "other")
    ask("refuse " + proxy)
    true(follows.began.wait(PATIENCE), "the other leads")
    follows.over.set()
    join_all([thread])
    dead.over.set()


def case_lease(place):
    one, two = place.client(), place.client()
    hour = datetime.timedelta(hours=1)
    true(one.NonBlockingLease("/lease", hour, "one"), "the lease is free")
    true(not two.NonBlockingLease("/lease", hour, "two"), "the lease is taken")
    true(one.NonBlockingLease("/lease", hour, "one"), "its holder may renew it")


if __name__ == "__main__":
    main()
