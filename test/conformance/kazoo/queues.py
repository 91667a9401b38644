"""kazoo's Queue and LockingQueue, and the Counter."""

from harness import PATIENCE, ask, equal, in_thread, join_all, main, raises, true, until

#: Time-out of a session that is to expire, seconds.
SHORT = 1.5


def case_queue_in_order(place):
    client = place.client()
    queue = client.Queue("/queue")
    equal(queue.get(), None)
    for number in range(5):
        queue.put(b"%d" % number)
    equal(len(queue), 5)
    equal([queue.get() for _ in range(6)], [b"0", b"1", b"2", b"3", b"4", None])


def case_queue_by_priority(place):
    queue = place.client().Queue("/queue")
    queue.put(b"late", priority=300)
    queue.put(b"usual")
    queue.put(b"early", priority=1)
    queue.put(b"usual-too")
    equal([queue.get() for _ in range(4)], [b"early", b"usual", b"usual-too", b"late"])


def case_queue_gives_each_entry_once(place):
    clients = [place.client() for _ in range(4)]
    for number in range(60):
        clients[0].Queue("/queue").put(b"%d" % number)

    def take(client):
        queue, taken = client.Queue("/queue"), []
        while True:
            entry = queue.get()
            if entry is None:
                return taken
            taken.append(int(entry))

    taken = join_all([in_thread(take, client) for client in clients])
    equal(sorted(sum(taken, [])), list(range(60)))


def case_locking_queue(place):
    one, two = place.client(), place.client()
    queue, other = one.LockingQueue("/queue"), two.LockingQueue("/queue")
    queue.put_all([b"a", b"b"])
    queue.put(b"first", priority=1)
    equal(queue.get(timeout=PATIENCE), b"first")
    # The same until it is consumed, and another one for others.
    equal(queue.get(timeout=PATIENCE), b"first")
    true(queue.holds_lock(), "it is held")
    equal(other.get(timeout=PATIENCE), b"a")
    equal(queue.consume(), True)
    equal(queue.consume(), False)
    equal(queue.get(timeout=PATIENCE), b"b")
    equal(queue.release(), True)
    equal(other.consume(), True)
    equal(other.get(timeout=PATIENCE), b"b")
    equal(other.consume(), True)
    equal(queue.get(timeout=0.2), None)


def case_locking_queue_wakes_who_waits(place):
    one, two = place.client(), place.client()
    thread = in_thread(one.LockingQueue("/queue").get, PATIENCE)
    until(lambda: two.exists("/queue/entries"), "the queue is there")
    two.LockingQueue("/queue").put(b"entry")
    equal(join_all([thread]), [b"entry"])


def case_locking_queue_of_a_client_that_dies(place):
    proxy = ask("proxy " + place.hosts[0])
    dying, other = place.client(hosts=[proxy], timeout=SHORT), place.client(hosts=place.hosts[1:2])
    dying.LockingQueue("/queue").put(b"entry")
    equal(dying.LockingQueue("/queue").get(timeout=PATIENCE), b"entry")
    ask("refuse " + proxy)
    queue = other.LockingQueue("/queue")
    equal(queue.get(timeout=PATIENCE), b"entry")
    equal(queue.consume(), True)


def case_counter(place):
    clients = place.spread(4)

    def count(client):
        counter = client.Counter("/counter")
        for _ in range(10):
            counter += 1

    join_all([in_thread(count, client) for client in clients])
    clients[0].sync("/counter")
    counter = clients[0].Counter("/counter")
    equal(counter.value, 40)
    counter -= 15
    equal(counter.value, 25)
    equal(clients[1].Counter("/float", default=1.5).value, 1.5)
    clients[0].create("/text", b"no number")
    raises(ValueError, getattr, clients[0].Counter("/text"), "value")


if __name__ == "__main__":
    main()
