"""The stat of a znode, field by field, through everything that changes it."""

import time

from kazoo.exceptions import BadVersionError
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl

from harness import equal, main, raises, true


def case_of_a_new_znode(place):
    client = place.client()
    before = int(time.time() * 1000)
    client.create("/node", b"12345")
    after = int(time.time() * 1000)
    stat = client.exists("/node")
    true(stat.czxid > 0, "czxid is a zxid")
    equal(stat.mzxid, stat.czxid, "mzxid")
    equal(stat.pzxid, stat.czxid, "pzxid")
    equal(stat.mtime, stat.ctime, "mtime")
    true(before - 1000 <= stat.ctime <= after + 1000, "ctime is now in milliseconds of Unix time")
    equal(stat.version, 0, "version")
    equal(stat.cversion, 0, "cversion")
    equal(stat.aversion, 0, "aversion")
    equal(stat.ephemeralOwner, 0, "ephemeralOwner")
    equal(stat.dataLength, 5, "dataLength")
    equal(stat.numChildren, 0, "numChildren")


def case_set_changes_mzxid_mtime_and_version(place):
    client = place.client()
    client.create("/node", b"x")
    before = client.exists("/node")
    after = client.set("/node", b"longer")
    equal(after, client.exists("/node"), "stat of set and of exists")
    true(after.mzxid > before.czxid, "mzxid grows")
    true(after.mtime >= before.mtime, "mtime does not fall")
    equal(
        after,
        before._replace(mzxid=after.mzxid, mtime=after.mtime, version=1, dataLength=6),
        "nothing else changes",
    )
    # The same data again is a change, too.
    equal(client.set("/node", b"longer").version, 2)


def case_child_changes_pzxid_and_cversion(place):
    client = place.client()
    client.create("/node")
    before = client.exists("/node")
    client.create("/node/a")
    child = client.exists("/node/a")
    after = client.exists("/node")
    equal(after, before._replace(pzxid=child.czxid, cversion=1, numChildren=1), "after a child came")
    # What happens to the child itself, or below it, does not touch its parent.
    client.set("/node/a", b"data")
    client.create("/node/a/deeper")
    equal(client.exists("/node"), after, "after the child changed")
    client.delete("/node/a/deeper")
    client.delete("/node/a")
    gone = client.exists("/node")
    true(gone.pzxid > after.pzxid, "pzxid grows when a child goes")
    equal(gone, before._replace(pzxid=gone.pzxid, cversion=2, numChildren=0), "after the child went")


def case_sequential_children_count_by_creations(place):
    client = place.client()
    client.create("/node")
    for _ in range(3):
        client.create("/node/s-", sequence=True)
    client.delete("/node/s-0000000001")
    stat = client.exists("/node")
    equal((stat.cversion, stat.numChildren), (4, 2), "cversion counts what came and what went")
    equal(client.create("/node/s-", sequence=True), "/node/s-0000000003")


def case_acl_changes_aversion_alone(place):
    client = place.client()
    client.create("/node", b"x")
    before = client.exists("/node")
    after = client.set_acls("/node", OPEN_ACL_UNSAFE + [make_digest_acl("u", "p", all=True)])
    equal(after, before._replace(aversion=1), "only aversion changes, no zxid does")
    equal(client.get_acls("/node")[1], after, "stat of getACL")
    raises(BadVersionError, client.set_acls, "/node", OPEN_ACL_UNSAFE, version=0)
    equal(client.set_acls("/node", OPEN_ACL_UNSAFE, version=1).aversion, 2)


def case_ephemeral_owner_is_the_session(place):
    client = place.client()
    client.create("/ephemeral", ephemeral=True)
    owner = client.exists("/ephemeral").ephemeralOwner
    equal(owner, client.client_id[0], "ephemeralOwner")
    true(owner != 0, "a session's id is not 0")


def case_zxids_are_one_order(place):
    client = place.client()
    other = place.client(hosts=place.hosts[1:2])
    zxids = []
    client.create("/node")
    for number in range(20):
        zxids.append((client, other)[number % 2].set("/node", b"").mzxid)
    equal(zxids, sorted(set(zxids)), "zxids of changes in the order they were made")
    for member in place.hosts:
        seen = place.client(hosts=[member])
        seen.sync("/node")
        equal(seen.exists("/node").mzxid, zxids[-1], "mzxid at " + member)


def case_transaction_has_one_zxid(place):
    client = place.client()
    transaction = client.transaction()
    transaction.create("/a")
    transaction.create("/b")
    transaction.set_data("/a", b"x")
    transaction.commit()
    a, b = client.exists("/a"), client.exists("/b")
    equal((a.czxid, a.mzxid), (b.czxid, b.czxid), "zxids of one transaction")
    equal((a.version, a.ctime), (1, b.ctime))


if __name__ == "__main__":
    main()
