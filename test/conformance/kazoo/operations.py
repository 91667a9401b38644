"""Every operation kazoo has, with its results and its errors."""

from kazoo.exceptions import (
    BadArgumentsError,
    BadVersionError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
)

from harness import equal, main, raises, true, until_equal


def case_create_returns_the_path(place):
    client = place.client()
    equal(client.create("/plain", b"data"), "/plain")
    equal(client.get("/plain")[0], b"data")
    equal(client.create("/empty"), "/empty")
    equal(client.get("/empty")[0], b"")
    equal(client.create("/deep/er/path", b"x", makepath=True), "/deep/er/path")
    equal(client.get("/deep/er")[0], b"")


def case_create_errors(place):
    client = place.client()
    client.create("/node")
    raises(NodeExistsError, client.create, "/node")
    raises(NoNodeError, client.create, "/missing/child")
    client.create("/ephemeral", ephemeral=True)
    raises(NoChildrenForEphemeralsError, client.create, "/ephemeral/child")
    # The parent is looked at before the node itself.
    raises(NoNodeError, client.create, "/missing/node/deeper")


def case_create2_returns_the_stat(place):
    client = place.client()
    path, stat = client.create("/with-stat", b"four", include_data=True)
    equal(path, "/with-stat")
    equal(stat, client.get("/with-stat")[1], "stat of create2 and of get")
    path, stat = client.create("/with-stat/seq-", b"", sequence=True, include_data=True)
    equal(path, "/with-stat/seq-0000000000")
    equal(stat.czxid, client.exists(path).czxid)
    raises(NodeExistsError, client.create, "/with-stat", include_data=True)


def case_sequential(place):
    client = place.client()
    client.create("/parent")
    equal(client.create("/parent/a-", sequence=True), "/parent/a-0000000000")
    equal(client.create("/parent/b-", sequence=True), "/parent/b-0000000001")
    # Every child created counts, not only sequential ones.
    client.create("/parent/plain")
    equal(client.create("/parent/a-", sequence=True), "/parent/a-0000000003")
    # A deletion takes no number back.
    client.delete("/parent/a-0000000003")
    equal(client.create("/parent/a-", sequence=True), "/parent/a-0000000004")
    # A failed creation uses none up.
    raises(NodeExistsError, client.create, "/parent/plain")
    equal(client.create("/parent/a-", sequence=True, ephemeral=True), "/parent/a-0000000005")
    # A name may be nothing but the number.
    equal(client.create("/parent/", sequence=True), "/parent/0000000006")


def case_exists(place):
    client = place.client()
    equal(client.exists("/missing"), None)
    client.create("/there", b"12")
    equal(client.exists("/there").dataLength, 2)


def case_get_and_set(place):
    client = place.client()
    raises(NoNodeError, client.get, "/missing")
    raises(NoNodeError, client.set, "/missing", b"")
    client.create("/node", b"one")
    stat = client.set("/node", b"two")
    equal(stat.version, 1, "version after the first set")
    equal(client.get("/node"), (b"two", stat))
    raises(BadVersionError, client.set, "/node", b"x", 0)
    raises(BadVersionError, client.set, "/node", b"x", 2)
    equal(client.set("/node", b"three", 1).version, 2)
    equal(client.set("/node", b"four", -1).version, 3)
    equal(client.set("/node", b"").dataLength, 0)
    # A version that does not fit a missing node: that it is missing is said.
    raises(NoNodeError, client.set, "/missing", b"", 7)


def case_binary_and_large_data(place):
    client = place.client()
    every_byte = bytes(range(256)) * 4
    client.create("/bytes", every_byte)
    equal(client.get("/bytes")[0], every_byte)
    large = b"\x00\xff" * 500_000
    client.set("/bytes", large)
    equal(client.get("/bytes")[0] == large, True, "a megabyte comes back")
    equal(client.exists("/bytes").dataLength, len(large))


def case_unicode_paths(place):
    client = place.client()
    for name in ("/Zürich", "/日本", "/a b", "/.hidden", "/a:b,c", "/..."):
        equal(client.create(name, name.encode()), name)
        equal(client.get(name)[0], name.encode())
    equal(sorted(client.get_children("/")), sorted(["Zürich", "日本", "a b", ".hidden", "a:b,c", "..."]))


def case_bad_paths(place):
    client = place.client()
    # kazoo sends these as they are (others it mends or refuses by itself); the server refuses them.
    for path in ("/a\u0001b", "/a\u007fb", "/a\ue000b", "/a\ufff5b"):
        raises(BadArgumentsError, client.create, path)
    # What a sequence number makes whole is a good path.
    equal(client.create("/", sequence=True)[:2], "/0")


def case_delete(place):
    client = place.client()
    raises(NoNodeError, client.delete, "/missing")
    client.create("/node")
    client.create("/node/child")
    raises(NotEmptyError, client.delete, "/node")
    client.delete("/node/child")
    client.set("/node", b"x")
    raises(BadVersionError, client.delete, "/node", 0)
    # Of two faults the version is the one that is said.
    client.create("/node/child")
    raises(BadVersionError, client.delete, "/node", 0)
    client.delete("/node/child", 0)
    client.delete("/node", 1)
    equal(client.exists("/node"), None)
    client.create("/tree/of/some/nodes", makepath=True)
    client.delete("/tree", recursive=True)
    equal(client.exists("/tree"), None)


def case_root_and_reserved(place):
    client = place.client(chroot=False)
    raises(BadArgumentsError, client.delete, "/")
    raises(NodeExistsError, client.create, "/")
    true("zookeeper" in client.get_children("/"), "the root has a child zookeeper")
    for path in ("/zookeeper", "/zookeeper/quota"):
        true(client.exists(path) is not None, path + " exists")
    raises(BadArgumentsError, client.delete, "/zookeeper")
    raises(BadArgumentsError, client.delete, "/zookeeper/quota")


def case_children(place):
    client = place.client()
    raises(NoNodeError, client.get_children, "/missing")
    equal(client.get_children("/"), [])
    for name in ("b", "a", "c"):
        client.create("/" + name)
    client.create("/a/deeper")
    equal(sorted(client.get_children("/")), ["a", "b", "c"])
    names, stat = client.get_children("/", include_data=True)
    equal(sorted(names), ["a", "b", "c"])
    equal(stat.numChildren, 3)
    equal(client.get_children("/b", include_data=True)[0], [])
    raises(NoNodeError, client.get_children, "/missing", include_data=True)


def case_many_children(place):
    client = place.client()
    expected = ["child-%04d-with-a-name-of-some-length" % number for number in range(2_000)]
    for pending in [client.create_async("/" + name) for name in expected]:
        pending.get(timeout=30)
    equal(sorted(client.get_children("/")), expected)


def case_sync(place):
    client = place.client()
    client.create("/node")
    # The path comes back as the client gave it.
    equal(client.sync("/node"), "/node")
    # Nobody looks whether it is there.
    equal(client.sync("/missing"), "/missing")


def case_sync_shows_what_another_member_wrote(place):
    writer = place.client(hosts=place.hosts[:1])
    reader = place.client(hosts=place.hosts[1:2])
    writer.create("/node", b"0")
    for number in range(1, 30):
        writer.set("/node", b"%d" % number)
        reader.sync("/node")
        equal(reader.get("/node")[0], b"%d" % number, "read after sync")


def case_pipelined_answers_come_in_order(place):
    client = place.client()
    client.create("/counter", b"")
    done = []
    pending = []
    for number in range(200):
        result = client.set_async("/counter", b"%d" % number)
        result.rawlink(lambda _, number=number: done.append(number))
        pending.append(result)
        pending.append(client.get_async("/counter"))
    for number in range(200):
        equal(pending[2 * number].get(timeout=30).version, number + 1)
        # A read sees the client's own write before it, and none behind it.
        equal(pending[2 * number + 1].get(timeout=30)[0], b"%d" % number)
    until_equal(lambda: done, list(range(200)), "completions come in order")


if __name__ == "__main__":
    main()
