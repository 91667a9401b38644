"""SASL by DIGEST-MD5."""

from kazoo.exceptions import AuthFailedError, NoAuthError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_acl

from harness import PATIENCE, equal, main, raises


def options(place, **changes):
    return dict(mechanism="DIGEST-MD5", **{**place.target["sasl"], **changes})


def case_user_is_known(place):
    client = place.client(sasl_options=options(place))
    name = place.target["sasl"]["username"]
    client.create("/node", b"x", acl=[make_acl("sasl", name, all=True)])
    equal(client.get("/node")[0], b"x")
    equal(client.get_acls("/node")[0], [make_acl("sasl", name, all=True)])
    raises(NoAuthError, place.client().get, "/node")


def case_wrong_password(place):
    client = place.new_client(sasl_options=options(place, password="wrong"))
    try:
        client.start(timeout=PATIENCE)
    except (AuthFailedError, KazooTimeoutError):
        return
    raise AssertionError("expected that a wrong password does not connect")


if __name__ == "__main__":
    main()
