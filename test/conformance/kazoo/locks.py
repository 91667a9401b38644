"""kazoo's Lock, ReadLock, WriteLock and Semaphore: who holds them, who waits, and who gets them next."""

import threading

from kazoo.exceptions import CancelledError, LockTimeout

from harness import PATIENCE, ask, equal, in_thread, join_all, main, raises, true, until

#: Time-out of a session that is to expire, seconds.
SHORT = 1.5


def waiters(client, path="/lock"):
    return len(client.get_children(path)) if client.exists(path) else 0


def case_lock_is_held_by_one(place):
    clients = place.spread(4)
    inside, most, taken = [], [], []

    def work(number, client):
        for _ in range(5):
            with client.Lock("/lock", "client-%d" % number):
                inside.append(number)
                most.append(len(inside))
                taken.append(number)
                inside.remove(number)

    join_all([in_thread(work, number, client) for number, client in enumerate(clients)])
    equal(max(most), 1, "holders at once")
    equal(sorted(taken), sorted(list(range(4)) * 5))
    clients[0].sync("/lock")
    equal(clients[0].get_children("/lock"), [], "nothing is left of it")


def case_lock_goes_in_the_order_of_arrival(place):
    clients = place.spread(5)
    order, threads = [], []
    first = clients[0].Lock("/lock", "0")
    true(first.acquire(timeout=PATIENCE), "the first takes it")

    def work(number):
        with clients[number].Lock("/lock", "%d" % number):
            order.append(number)

    for number in range(1, 5):
        threads.append(in_thread(work, number))
        until(lambda: waiters(clients[0]) == number + 1, "client %d waits" % number)
    equal(first.contenders(), ["0", "1", "2", "3", "4"])
    first.release()
    join_all(threads)
    equal(order, [1, 2, 3, 4])


def case_lock_without_waiting_and_with_a_deadline(place):
    one, two = place.client(), place.client()
    held = one.Lock("/lock", "one")
    true(held.acquire(timeout=PATIENCE), "the first takes it")
    true(held.is_acquired, "it says so")
    equal(two.Lock("/lock", "two").acquire(blocking=False), False)
    raises(LockTimeout, two.Lock("/lock", "two").acquire, timeout=0.2)
    equal(waiters(one), 1, "who gave up leaves nothing behind")
    held.release()
    equal(two.Lock("/lock", "two").acquire(blocking=False), True)


def case_lock_that_waits_is_cancelled(place):
    one, two = place.client(), place.client()
    held = one.Lock("/lock", "one")
    held.acquire(timeout=PATIENCE)
    waiting = two.Lock("/lock", "two")
    thread = in_thread(raises, CancelledError, waiting.acquire)
    until(lambda: waiters(one) == 2, "the second waits")
    waiting.cancel()
    # It looks only when something wakes it.
    held.release()
    join_all([thread])
    true(held.acquire(timeout=PATIENCE), "the first takes it again")
    equal(held.contenders(), ["one"])


def case_lock_of_a_client_that_dies(place):
    proxy = ask("proxy " + place.hosts[0])
    dying, other = place.client(hosts=[proxy], timeout=SHORT), place.client(hosts=place.hosts[1:2])
    dying.Lock("/lock", "dying").acquire(timeout=PATIENCE)
    waiting = other.Lock("/lock", "other")
    thread = in_thread(waiting.acquire)
    until(lambda: waiters(other) == 2, "the other waits")
    ask("refuse " + proxy)
    equal(join_all([thread]), [True])
    equal(waiting.contenders(), ["other"])


def case_lock_of_a_client_that_closes(place):
    closing, other = place.client(), place.client(hosts=place.hosts[1:2])
    closing.Lock("/lock", "closing").acquire(timeout=PATIENCE)
    thread = in_thread(other.Lock("/lock", "other").acquire)
    until(lambda: waiters(other) == 2, "the other waits")
    closing.stop()
    equal(join_all([thread]), [True])


def case_readers_share_and_a_writer_does_not(place):
    one, two, three = place.client(), place.client(), place.client()
    reading, reading_too = one.ReadLock("/lock", "r1"), two.ReadLock("/lock", "r2")
    true(reading.acquire(timeout=PATIENCE), "a reader takes it")
    true(reading_too.acquire(timeout=PATIENCE), "another reader takes it, too")
    writing = three.WriteLock("/lock", "w")
    equal(writing.acquire(blocking=False), False, "a writer beside readers")
    thread = in_thread(writing.acquire)
    until(lambda: waiters(one) == 3, "the writer waits")
    # Who comes behind a writer waits for it.
    equal(one.ReadLock("/lock", "r3").acquire(blocking=False), False, "a reader behind a writer")
    reading.release()
    equal(thread.outcome, None, "one reader is left")
    reading_too.release()
    equal(join_all([thread]), [True])
    equal(one.ReadLock("/lock", "r4").acquire(blocking=False), False, "a reader beside a writer")
    writing.release()
    equal(one.ReadLock("/lock", "r5").acquire(blocking=False), True)


def case_semaphore_has_so_many_leases(place):
    clients = place.spread(5)
    inside, most = [], []
    guard = threading.Lock()

    def work(number):
        for _ in range(3):
            with clients[number].Semaphore("/semaphore", "c%d" % number, max_leases=2):
                with guard:
                    inside.append(number)
                    most.append(len(inside))
                with guard:
                    inside.remove(number)

    join_all([in_thread(work, number) for number in range(5)])
    true(max(most) <= 2, "at most two at once, came %d" % max(most))
    clients[0].sync("/semaphore")
    equal(clients[0].Semaphore("/semaphore", max_leases=2).lease_holders(), [])


def case_semaphore_without_waiting(place):
    one, two, three = place.client(), place.client(), place.client()
    held = one.Semaphore("/semaphore", "one", max_leases=2)
    true(held.acquire(timeout=PATIENCE), "a lease is free")
    true(two.Semaphore("/semaphore", "two", max_leases=2).acquire(timeout=PATIENCE), "another is free")
    equal(sorted(held.lease_holders()), ["one", "two"])
    late = three.Semaphore("/semaphore", "three", max_leases=2)
    equal(late.acquire(blocking=False), False)
    raises(ValueError, three.Semaphore("/semaphore", "four", max_leases=3).acquire)
    thread = in_thread(late.acquire)
    held.release()
    equal(join_all([thread]), [True])
    equal(sorted(late.lease_holders()), ["three", "two"])


if __name__ == "__main__":
    main()
