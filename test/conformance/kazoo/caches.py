"""kazoo's DataWatch, ChildrenWatch and TreeCache: watches that set themselves again."""

from kazoo.recipe.cache import TreeCache, TreeEvent

from harness import PATIENCE, ask, equal, main, true, until, until_equal


def case_data_watch(place):
    client, other = place.client(), place.client()
    seen = []

    def on_data(data, stat, event):
        seen.append((data, stat and stat.version, event and event.type))

    client.DataWatch("/node", on_data)
    equal(seen, [(None, None, None)])
    other.create("/node", b"a")
    until(lambda: len(seen) == 2, "it is told of the creation")
    other.set("/node", b"b")
    until(lambda: len(seen) == 3, "it is told of the change")
    other.delete("/node")
    until(lambda: len(seen) == 4, "it is told of the deletion")
    other.create("/node", b"again")
    until(lambda: len(seen) == 5, "it is told of the creation")
    expected = [(None, None, None), (b"a", 0, "CREATED"), (b"b", 1, "CHANGED"), (None, None, "DELETED")]
    equal(seen, expected + [(b"again", 0, "CREATED")])


def case_data_watch_over_a_cut(place):
    proxy = ask("proxy " + place.hosts[0])
    client, other = place.client(hosts=[proxy]), place.client(hosts=place.hosts[1:2])
    other.create("/node", b"before")
    client.sync("/node")
    seen = []
    client.DataWatch("/node", lambda data, stat: seen.append(data))
    equal(seen, [b"before"])
    ask("refuse " + proxy)
    other.set("/node", b"meanwhile")
    ask("go-on " + proxy)
    until_equal(lambda: seen, [b"before", b"meanwhile"], "it is told what it missed")
    other.set("/node", b"after")
    until_equal(lambda: seen, [b"before", b"meanwhile", b"after"], "it goes on")


def case_children_watch(place):
    client, other = place.client(), place.client()
    client.create("/node")
    seen = []
    client.ChildrenWatch("/node", lambda children: seen.append(sorted(children)))
    equal(seen, [[]])
    other.create("/node/a")
    until_equal(lambda: seen, [[], ["a"]], "it is told of the first child")
    other.create("/node/b")
    until_equal(lambda: seen[2:], [["a", "b"]], "it is told of the second")
    other.delete("/node/a")
    until_equal(lambda: seen[3:], [["b"]], "it is told when one goes")


def case_children_watch_sees_each_last_state(place):
    """Changes may be too fast to be seen one by one, but the last one is."""
    client, other = place.client(hosts=place.hosts[:1]), place.client(hosts=place.hosts[1:2])
    client.create("/node")
    seen = []
    client.ChildrenWatch("/node", lambda children: seen.append(len(children)))
    other.sync("/node")
    pending = [other.create_async("/node/c-", sequence=True, ephemeral=True) for _ in range(200)]
    for result in pending:
        result.get(timeout=PATIENCE)
    until(lambda: seen[-1] == 200, "it sees all of them")
    equal(seen, sorted(seen), "it never sees less than before")
    other.stop()
    until(lambda: seen[-1] == 0, "it sees none of them")


def case_tree_cache(place):
    client, other = place.client(), place.client()
    other.create("/tree/a/deep", b"1", makepath=True)
    cache, events, paths = TreeCache(client, "/tree"), [], []

    def on_event(event):
        events.append(event.event_type)
        if event.event_type in (TreeEvent.NODE_ADDED, TreeEvent.NODE_UPDATED, TreeEvent.NODE_REMOVED):
            paths.append((event.event_type, event.event_data.path))

    cache.listen(on_event)
    cache.start()
    until(lambda: TreeEvent.INITIALIZED in events, "it has seen all there is")
    equal(cache.get_data("/tree/a/deep").data, b"1")
    equal(cache.get_children("/tree"), {"a"})
    del paths[:]
    other.set("/tree/a/deep", b"2")
    other.create("/tree/b", b"new")
    other.create("/tree/b/deeper")
    other.delete("/tree/a", recursive=True)
    until(lambda: cache.get_data("/tree/a") is None and cache.get_children("/tree/b") == {"deeper"}, "it follows")
    equal(cache.get_data("/tree/b").data, b"new")
    equal(cache.get_children("/tree"), {"b"})
    expected = {
        (TreeEvent.NODE_UPDATED, "/tree/a/deep"),
        (TreeEvent.NODE_ADDED, "/tree/b"),
        (TreeEvent.NODE_ADDED, "/tree/b/deeper"),
        (TreeEvent.NODE_REMOVED, "/tree/a"),
        (TreeEvent.NODE_REMOVED, "/tree/a/deep"),
    }
    # A change may be overtaken by the deletion of its znode.
    until(lambda: expected - set(paths) <= {(TreeEvent.NODE_UPDATED, "/tree/a/deep")}, "it says what changed")
    true(set(paths) <= expected | {(TreeEvent.NODE_UPDATED, "/tree/b")}, "it says nothing else, came %r" % paths)
    cache.close()


if __name__ == "__main__":
    main()
