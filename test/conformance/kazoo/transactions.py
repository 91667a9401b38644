"""Transactions: what they answer when they are made, and when one of their operations fails."""

from kazoo.exceptions import (
    BadVersionError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)

from harness import equal, main, true


def kinds(results):
    return [type(result) for result in results]


def case_results_of_each_operation(place):
    client = place.client()
    client.create("/old", b"")
    client.create("/doomed", b"")
    transaction = client.transaction()
    transaction.check("/old", 0)
    transaction.create("/new", b"1")
    transaction.create("/new/child", b"2")
    transaction.create("/new/s-", sequence=True)
    transaction.create("/mine", ephemeral=True)
    transaction.set_data("/old", b"three")
    transaction.delete("/doomed")
    results = transaction.commit()
    equal(results[:5], [True, "/new", "/new/child", "/new/s-0000000001", "/mine"])
    stat, deleted = results[5:]
    equal(stat, client.exists("/old"), "stat of the set")
    equal((stat.version, stat.dataLength), (1, 5))
    equal(deleted, True)
    equal(client.exists("/doomed"), None)
    equal(client.exists("/mine").ephemeralOwner, client.client_id[0])


def case_operations_see_those_before_them(place):
    client = place.client()
    transaction = client.transaction()
    transaction.create("/a", b"1")
    transaction.set_data("/a", b"2", version=0)
    transaction.check("/a", 1)
    transaction.set_data("/a", b"3", version=1)
    transaction.create("/a/b")
    transaction.delete("/a/b")
    results = transaction.commit()
    equal((results[1].version, results[3].version), (1, 2))
    equal(client.get("/a")[0], b"3")
    equal(client.exists("/a").cversion, 2)


def case_failure_undoes_all_of_it(place):
    client = place.client()
    client.create("/node", b"before")
    before = client.get("/node")
    transaction = client.transaction()
    transaction.create("/new")
    transaction.set_data("/node", b"after")
    transaction.delete("/missing")
    transaction.create("/never")
    transaction.check("/node", 99)
    results = transaction.commit()
    expected = [RolledBackError, RolledBackError, NoNodeError, RuntimeInconsistency, RuntimeInconsistency]
    equal(kinds(results), expected, "before the failure, the failure, after it")
    equal(client.exists("/new"), None)
    equal(client.exists("/never"), None)
    equal(client.get("/node"), before)


def case_each_error(place):
    client = place.client()
    client.create("/node")
    client.create("/parent/child", makepath=True)
    client.create("/ephemeral", ephemeral=True)

    def outcome(add):
        transaction = client.transaction()
        transaction.check("/node", 0)
        add(transaction)
        return kinds(transaction.commit())

    failures = [
        (lambda t: t.create("/node"), NodeExistsError),
        (lambda t: t.create("/missing/child"), NoNodeError),
        (lambda t: t.create("/ephemeral/child"), NoChildrenForEphemeralsError),
        (lambda t: t.delete("/missing"), NoNodeError),
        (lambda t: t.delete("/parent"), NotEmptyError),
        (lambda t: t.delete("/node", 3), BadVersionError),
        (lambda t: t.set_data("/missing", b""), NoNodeError),
        (lambda t: t.set_data("/node", b"", 3), BadVersionError),
        (lambda t: t.check("/missing", 0), NoNodeError),
        (lambda t: t.check("/node", 1), BadVersionError),
    ]
    for add, error in failures:
        equal(outcome(add), [RolledBackError, error])
    equal(client.exists("/node").version, 0)


def case_first_operation_fails(place):
    client = place.client()
    transaction = client.transaction()
    transaction.check("/missing", -1)
    transaction.create("/a")
    equal(kinds(transaction.commit()), [NoNodeError, RuntimeInconsistency])


def case_check_of_any_version(place):
    client = place.client()
    client.create("/node")
    client.set("/node", b"")
    transaction = client.transaction()
    transaction.check("/node", -1)
    equal(transaction.commit(), [True])


def case_empty(place):
    equal(place.client().transaction().commit(), [])


def case_failed_sequence_uses_no_number(place):
    client = place.client()
    client.create("/node")
    transaction = client.transaction()
    transaction.create("/node/s-", sequence=True)
    transaction.check("/node", 5)
    equal(kinds(transaction.commit()), [RolledBackError, BadVersionError])
    equal(client.create("/node/s-", sequence=True), "/node/s-0000000000")
    equal(client.exists("/node").cversion, 1)


def case_hundreds_of_operations(place):
    client = place.client()
    client.create("/node")
    transaction = client.transaction()
    for _ in range(500):
        transaction.create("/node/s-", b"data", sequence=True)
    results = transaction.commit()
    equal(results, ["/node/s-%010d" % number for number in range(500)])
    equal(client.exists("/node").numChildren, 500)


def case_watches_fire_once_it_is_made(place):
    client = place.client()
    client.create("/node")
    events = []
    client.get("/node", watch=lambda event: events.append(event.type))
    failing = client.transaction()
    failing.set_data("/node", b"never")
    failing.check("/node", 7)
    equal(kinds(failing.commit()), [RolledBackError, BadVersionError])
    client.sync("/node")
    equal(events, [], "events of a transaction that failed")
    made = client.transaction()
    made.set_data("/node", b"once")
    made.set_data("/node", b"twice")
    true(len(made.commit()) == 2, "the transaction is made")
    client.sync("/node")
    client.get("/node")
    equal(events, ["CHANGED"], "events of a transaction that was made")


if __name__ == "__main__":
    main()
