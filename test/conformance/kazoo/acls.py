"""ACLs: how they are kept, shown and held; who is who by digest."""

from kazoo.exceptions import AuthFailedError, BadVersionError, InvalidACLError, NoAuthError, NoNodeError
from kazoo.protocol.states import KazooState
from kazoo.security import (
    ACL,
    CREATOR_ALL_ACL,
    OPEN_ACL_UNSAFE,
    READ_ACL_UNSAFE,
    Id,
    Permissions,
    make_acl,
    make_digest_acl,
    make_digest_acl_credential,
)

from harness import Events, States, equal, main, raises, true, until_equal

ANNA = [("digest", "anna:secret")]
BERT = [("digest", "bert:secret")]


def digest(permissions, user="anna"):
    credential = make_digest_acl_credential(user, "secret")
    return ACL(permissions, Id("digest", credential))


def case_default_is_open(place):
    client = place.client()
    client.create("/node")
    acl, stat = client.get_acls("/node")
    equal(acl, OPEN_ACL_UNSAFE)
    equal(stat, client.exists("/node"))


def case_get_and_set(place):
    client = place.client(auth_data=ANNA)
    client.create("/node")
    acl = [digest(Permissions.ALL), make_acl("world", "anyone", read=True), make_acl("ip", "127.0.0.1", all=True)]
    stat = client.set_acls("/node", acl)
    equal(stat.aversion, 1)
    equal(client.get_acls("/node"), (acl, stat))
    raises(BadVersionError, client.set_acls, "/node", acl, 7)
    raises(NoNodeError, client.set_acls, "/missing", acl)
    raises(NoNodeError, client.get_acls, "/missing")
    # Its version is that of the ACL, not of the data.
    client.set("/node", b"x")
    equal(client.set_acls("/node", acl, 1).aversion, 2)


def case_creator_becomes_its_identities(place):
    client = place.client(auth_data=ANNA)
    client.create("/node", acl=CREATOR_ALL_ACL)
    equal(client.get_acls("/node")[0], [digest(Permissions.ALL)])


def case_creator_of_several_identities(place):
    client = place.client(auth_data=ANNA + BERT)
    client.create("/node", acl=CREATOR_ALL_ACL)
    equal(set(client.get_acls("/node")[0]), {digest(Permissions.ALL), digest(Permissions.ALL, "bert")})


def case_refused_acls(place):
    client = place.client()
    # Nobody in particular is the creator: the address of a connection is no identity to give to a znode.
    raises(InvalidACLError, client.create, "/node", acl=CREATOR_ALL_ACL)
    for scheme, identity in (
        ("world", "somebody"),
        ("nonsense", "x"),
        ("digest", "without-colon"),
        ("digest", "one:two:three"),
        ("ip", "not an address"),
        ("ip", "127.0.0.1/33"),
    ):
        raises(InvalidACLError, client.create, "/node", acl=[make_acl(scheme, identity, all=True)])
    client.create("/node")
    raises(InvalidACLError, client.set_acls, "/node", [make_acl("nonsense", "x", all=True)])
    # What is wrong with the ACL is said before that the parent is missing.
    raises(InvalidACLError, client.create, "/missing/node", acl=[make_acl("nonsense", "x", all=True)])


def case_repeated_entries_are_kept_once(place):
    client = place.client()
    client.create("/node", acl=OPEN_ACL_UNSAFE + READ_ACL_UNSAFE + OPEN_ACL_UNSAFE)
    equal(client.get_acls("/node")[0], OPEN_ACL_UNSAFE + READ_ACL_UNSAFE)


def case_each_permission(place):
    anna, other = place.client(auth_data=ANNA), place.client()
    world = Permissions

    def make(path, permissions):
        anna.create(path, b"x", acl=[digest(world.ALL), ACL(permissions, Id("world", "anyone"))])

    make("/none", 0)
    raises(NoAuthError, other.get, "/none")
    raises(NoAuthError, other.get_children, "/none")
    raises(NoAuthError, other.get_children, "/none", include_data=True)
    raises(NoAuthError, other.set, "/none", b"")
    raises(NoAuthError, other.create, "/none/child")
    raises(NoAuthError, other.set_acls, "/none", OPEN_ACL_UNSAFE)
    raises(NoAuthError, other.get_acls, "/none")
    make("/read", world.READ)
    equal(other.get("/read")[0], b"x")
    equal(other.get_children("/read"), [])
    raises(NoAuthError, other.set, "/read", b"")
    make("/write", world.WRITE)
    equal(other.set("/write", b"y").version, 1)
    raises(NoAuthError, other.get, "/write")
    make("/create", world.CREATE)
    equal(other.create("/create/child"), "/create/child")
    raises(NoAuthError, other.delete, "/create/child")
    make("/delete", world.DELETE)
    anna.create("/delete/child", acl=[digest(world.ALL)])
    # It is the parent's permission that counts, not the znode's own.
    other.delete("/delete/child")
    raises(NoAuthError, other.create, "/delete/child")
    make("/admin", world.ADMIN)
    equal(other.set_acls("/admin", OPEN_ACL_UNSAFE).aversion, 1)
    equal(other.get("/admin")[0], b"x")


def case_not_inherited(place):
    anna, other = place.client(auth_data=ANNA), place.client()
    anna.create("/parent", acl=[digest(Permissions.ALL)])
    anna.create("/parent/child", b"open")
    equal(other.get("/parent/child")[0], b"open")
    raises(NoAuthError, other.get, "/parent")


def case_order_of_errors(place):
    anna, other = place.client(auth_data=ANNA), place.client()
    anna.create("/closed", b"", acl=[digest(Permissions.ALL)])
    anna.create("/closed/child", acl=[digest(Permissions.ALL)])
    # That it may not is said before that it is there, that the version is another, or that it has children.
    raises(NoAuthError, other.create, "/closed/child")
    raises(NoAuthError, other.set, "/closed", b"", 5)
    raises(NoAuthError, other.delete, "/closed/child", 5)
    # Whoever may delete nothing there does not learn what is there.
    raises(NoAuthError, other.delete, "/closed/missing")
    raises(NoNodeError, other.set, "/closed/missing", b"")


def case_in_a_transaction(place):
    anna, other = place.client(auth_data=ANNA), place.client()
    anna.create("/closed", acl=[digest(Permissions.ALL)])
    transaction = other.transaction()
    transaction.create("/free")
    transaction.set_data("/closed", b"")
    equal([type(result).__name__ for result in transaction.commit()], ["RolledBackError", "NoAuthError"])
    equal(other.exists("/free"), None)
    checking = other.transaction()
    checking.check("/closed", 0)
    equal([type(result).__name__ for result in checking.commit()], ["NoAuthError"])


def case_others_do_not_see_the_digest(place):
    anna, other = place.client(auth_data=ANNA), place.client()
    anna.create("/node", acl=[digest(Permissions.ALL), ACL(Permissions.READ, Id("world", "anyone"))])
    shown = other.get_acls("/node")[0]
    equal([(entry.id.scheme, entry.id.id) for entry in shown], [("digest", "anna:x"), ("world", "anyone")])
    equal(anna.get_acls("/node")[0][0], digest(Permissions.ALL))


def case_added_later_and_with_a_wrong_password(place):
    anna = place.client(auth_data=ANNA)
    anna.create("/node", b"x", acl=[digest(Permissions.ALL)])
    client = place.client()
    raises(NoAuthError, client.get, "/node")
    # A digest is no login: any is taken, and just is somebody else's.
    equal(client.add_auth("digest", "anna:wrong"), True)
    raises(NoAuthError, client.get, "/node")
    equal(client.add_auth("digest", "anna:secret"), True)
    equal(client.get("/node")[0], b"x")


def case_unknown_scheme_ends_the_connection(place):
    client = place.client()
    states = States(client)
    client.create("/node")
    raises(AuthFailedError, client.add_auth, "nonsense", "anna:secret")
    until_equal(lambda: states.seen, [KazooState.LOST], "the client gives its session up")


def case_by_address(place):
    client = place.client()
    for address in ("127.0.0.1", "127.0.0.0/8"):
        path = client.create("/at-", acl=[make_acl("ip", address, all=True)], sequence=True)
        equal(client.set(path, b"x").version, 1)
        equal(client.get_acls(path)[0], [make_acl("ip", address, all=True)])
    client.create("/elsewhere", acl=[make_acl("ip", "10.1.2.3", all=True)])
    raises(NoAuthError, client.get, "/elsewhere")


def case_digest_helper_is_the_servers(place):
    anna = place.client(auth_data=ANNA)
    anna.create("/node", b"x", acl=[make_digest_acl("anna", "secret", all=True)])
    equal(anna.get("/node")[0], b"x")


def case_watch_of_what_may_be_read_no_longer(place):
    anna, other = place.client(auth_data=ANNA), place.client()
    anna.create("/node", b"x")
    events = Events()
    other.get("/node", watch=events)
    # A change of the ACL is no event.
    anna.set_acls("/node", [digest(Permissions.ALL)])
    other.sync("/node")
    raises(NoAuthError, other.get, "/node")
    equal(events.seen, [])
    true(anna.get("/node")[0] == b"x", "its owner reads on")


if __name__ == "__main__":
    main()
