"""One-shot watches: what sets them off, what does not, and in what order events and answers come."""

from kazoo.exceptions import NoNodeError

from harness import Events, equal, main, raises, until_equal


def case_data_watch(place):
    client, other = place.client(), place.client()
    client.create("/node", b"")
    events = Events()
    client.get("/node", watch=events)
    # Children are no data, and an ACL is none.
    other.create("/node/child")
    other.set_acls("/node", client.get_acls("/node")[0])
    other.set("/node", b"first")
    until_equal(lambda: events.seen, [("CHANGED", "/node")], "the watch fires")
    # Once, and never again.
    other.set("/node", b"second")
    client.sync("/node")
    client.get("/node")
    equal(events.seen, [("CHANGED", "/node")])


def case_data_watch_on_deletion(place):
    client, other = place.client(), place.client()
    client.create("/node")
    events = Events()
    client.get("/node", watch=events)
    other.delete("/node")
    until_equal(lambda: events.seen, [("DELETED", "/node")], "the watch fires")
    other.create("/node")
    client.sync("/node")
    client.exists("/node")
    equal(events.seen, [("DELETED", "/node")])


def case_exists_watch(place):
    client, other = place.client(), place.client()
    on_creation, on_change, on_deletion = Events(), Events(), Events()
    equal(client.exists("/node", watch=on_creation), None)
    other.create("/node")
    until_equal(lambda: on_creation.seen, [("CREATED", "/node")], "a watch on a missing znode fires")
    client.exists("/node", watch=on_change)
    other.set("/node", b"x")
    until_equal(lambda: on_change.seen, [("CHANGED", "/node")], "a watch of exists fires on a change")
    client.exists("/node", watch=on_deletion)
    other.delete("/node")
    until_equal(lambda: on_deletion.seen, [("DELETED", "/node")], "a watch of exists fires on a deletion")


def case_failed_get_leaves_no_watch(place):
    client, other = place.client(), place.client()
    events = Events()
    raises(NoNodeError, client.get, "/node", watch=events)
    raises(NoNodeError, client.get_children, "/node", watch=events)
    other.create("/node")
    other.delete("/node")
    client.sync("/node")
    client.exists("/node")
    equal(events.seen, [])


def case_child_watch(place):
    client, other = place.client(), place.client()
    client.create("/node")
    events = Events()
    client.get_children("/node", watch=events)
    # The data of the znode, of its children and what is below them is no matter of its list of children.
    other.set("/node", b"x")
    other.create("/node/child")
    until_equal(lambda: events.seen, [("CHILD", "/node")], "the watch fires when a child comes")
    again = Events()
    client.get_children("/node", watch=again)
    other.set("/node/child", b"x")
    other.create("/node/child/deeper")
    other.delete("/node/child/deeper")
    client.sync("/node")
    client.exists("/node")
    equal(again.seen, [])
    other.delete("/node/child")
    until_equal(lambda: again.seen, [("CHILD", "/node")], "the watch fires when a child goes")


def case_child_watch_on_deletion(place):
    client, other = place.client(), place.client()
    client.create("/node")
    events = Events()
    client.get_children("/node", watch=events)
    other.delete("/node")
    until_equal(lambda: events.seen, [("DELETED", "/node")], "the watch fires when the znode goes")


def case_data_and_child_watch_are_told_of_a_deletion_once(place):
    client, other = place.client(), place.client()
    client.create("/node")
    data, children = Events(), Events()
    client.get("/node", watch=data)
    client.get_children("/node", watch=children)
    other.delete("/node")
    until_equal(lambda: (data.seen, children.seen), ([("DELETED", "/node")],) * 2, "each is told once")
    client.sync("/")
    client.exists("/node")
    equal((len(data.seen), len(children.seen)), (1, 1))


def case_one_watch_of_many_functions(place):
    client, other = place.client(), place.client()
    client.create("/node")
    one, two = Events(), Events()
    client.get("/node", watch=one)
    client.exists("/node", watch=two)
    other.set("/node", b"")
    until_equal(lambda: (one.seen, two.seen), ([("CHANGED", "/node")],) * 2, "both are told")


def case_own_changes_fire_before_their_answer(place):
    client = place.client()
    client.create("/node")
    order = []
    client.get("/node", watch=lambda event: order.append(event.type))
    # kazoo runs watch functions and completions in two threads; so an answer is taken from a second request, which
    # is sent only when the first was answered.
    for number in range(50):
        client.set("/node", b"%d" % number)
        until_equal(lambda: len(order), number + 1, "the event of change %d came" % number)
        client.get("/node", watch=lambda event: order.append(event.type))
    equal(order, ["CHANGED"] * 50)


def case_events_come_in_the_order_of_changes(place):
    client, other = place.client(), place.client()
    order = []
    for number in range(100):
        client.exists("/n%d" % number, watch=lambda event: order.append(event.path))
    pending = [other.create_async("/n%d" % number) for number in range(100)]
    for result in pending:
        result.get(timeout=30)
    until_equal(lambda: order, ["/n%d" % number for number in range(100)], "events come in order")


def case_ephemeral_of_a_closed_session(place):
    client, other = place.client(), place.client()
    client.create("/parent")
    other.create("/parent/mine", ephemeral=True)
    gone, children = Events(), Events()
    client.exists("/parent/mine", watch=gone)
    client.get_children("/parent", watch=children)
    other.stop()
    until_equal(lambda: gone.seen, [("DELETED", "/parent/mine")], "the znode's watch fires")
    until_equal(lambda: children.seen, [("CHILD", "/parent")], "the parent's watch fires")


def case_watch_is_kept_at_the_member_asked(place):
    """A watch set at one member fires for a change that was made at another."""
    for watching, changing in ((0, 1), (1, 2), (2, 0)):
        client = place.client(hosts=[place.hosts[watching]])
        other = place.client(hosts=[place.hosts[changing]])
        path = "/node-%d" % watching
        client.create(path)
        events = Events()
        client.get(path, watch=events)
        other.sync(path)
        other.set(path, b"x")
        until_equal(lambda: events.seen, [("CHANGED", path)], "the watch fires")


if __name__ == "__main__":
    main()
