"""Sessions: how long they live, what they own, and that they go from member to member."""

import json
import os
import signal
import subprocess
import sys
import time

from kazoo.exceptions import ConnectionLoss
from kazoo.protocol.states import KazooState

from harness import (
    PATIENCE,
    Events,
    LogLines,
    States,
    ask,
    equal,
    in_thread,
    join_all,
    main,
    raises,
    true,
    until,
    until_equal,
)

#: The shortest time-out of these cases, seconds.
SHORT = 1.5

#: A program that opens a session, makes a znode of its own, says so, and stands still.
HOLDER = """
import json, sys
from kazoo.client import KazooClient
client = KazooClient(hosts=sys.argv[1], timeout=float(sys.argv[2]))
client.start(timeout=30)
client.create("/held", ephemeral=True)
print(json.dumps(client.client_id[0]), flush=True)
sys.stdin.read()
"""


def expect_expired(place, client_id, hosts):
    """A client that comes with this session is told that there is none, and gets another one."""
    log = LogLines()
    client = place.client(hosts=hosts, client_id=client_id, logger=log.logger)
    # kazoo passes over the state by which others would learn of it: it has no listener to tell of its first one.
    true("Session has expired" in log.seen, "it is told so at %s, came %r" % (hosts, log.seen))
    true(client.client_id[0] != client_id[0], "it gets another session")


def takeover(place, client, hosts, **options):
    """A client that goes on with the session of another."""
    return place.client(hosts=hosts, client_id=client.client_id, **options)


def case_ephemerals_go_at_close(place):
    client, other = place.client(), place.client(hosts=place.hosts[1:2])
    for number in range(5):
        client.create("/e-%d" % number, ephemeral=True)
    client.create("/stays")
    client.stop()
    # The answer to the close comes when all of it is done.
    other.sync("/")
    equal(other.get_children("/"), ["stays"])


def case_ephemeral_may_be_deleted_by_anybody(place):
    client, other = place.client(), place.client()
    client.create("/mine", ephemeral=True)
    other.delete("/mine")
    client.sync("/")
    equal(client.exists("/mine"), None)


def case_sessions_have_ids_of_their_own(place):
    ids = {place.client(hosts=[host]).client_id[0] for host in place.hosts for _ in range(3)}
    equal(len(ids), 9)
    true(0 not in ids, "no session is number 0")


def case_killed_client_expires(place):
    watcher = place.client()
    hosts = ",".join(place.hosts) + place.prefix
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, hosts, str(SHORT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        session = json.loads(child.stdout.readline())
        watcher.sync("/held")
        gone = Events()
        equal(watcher.exists("/held", watch=gone).ephemeralOwner, session)
        # It pings: twice its time-out later it is still there.
        time_out = time.monotonic() + 2 * SHORT
        until(lambda: time.monotonic() > time_out or gone.seen, "twice the time-out passes")
        equal(gone.seen, [])
    finally:
        killed = time.monotonic()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    until_equal(lambda: gone.seen, [("DELETED", "/held")], "the znode of the dead client goes")
    # Its last ping was at most a third of the time-out before it died.
    true(time.monotonic() - killed > SHORT / 2, "it does not go before its time")
    equal(watcher.exists("/held"), None)


def case_stalled_client_expires_and_learns_of_it(place):
    proxy = ask("proxy " + place.hosts[0])
    client, watcher = place.client(hosts=[proxy], timeout=SHORT), place.client(hosts=place.hosts[1:2])
    states = States(client)
    client.create("/held", ephemeral=True)
    session = client.client_id[0]
    watcher.sync("/held")
    gone = Events()
    watcher.exists("/held", watch=gone)
    ask("refuse " + proxy)
    until_equal(lambda: gone.seen, [("DELETED", "/held")], "the znode goes when the session expired")
    until(lambda: client.state == KazooState.SUSPENDED, "the client is cut off")
    ask("go-on " + proxy)
    until_equal(
        lambda: states.seen, [KazooState.SUSPENDED, KazooState.LOST, KazooState.CONNECTED], "the client is told"
    )
    true(client.client_id[0] != session, "it gets another session")
    equal(client.exists("/held"), None)
    client.create("/held", ephemeral=True)


def case_cut_client_keeps_its_session(place):
    proxy = ask("proxy " + place.hosts[0])
    client, watcher = place.client(hosts=[proxy]), place.client(hosts=place.hosts[1:2])
    states = States(client)
    client.create("/held", ephemeral=True)
    session = client.client_id
    watcher.sync("/held")
    gone = Events()
    watcher.exists("/held", watch=gone)
    for number in range(1, 4):
        ask("cut " + proxy)
        until_equal(
            lambda: states.seen, [KazooState.SUSPENDED, KazooState.CONNECTED] * number, "the client connects again"
        )
        equal(client.client_id, session, "id and password of the session")
        equal(client.exists("/held").ephemeralOwner, session[0])
        client.create("/after-%d" % number, ephemeral=True)
    equal(gone.seen, [])


def stalled_holder(place):
    """
    A client with a znode of its own whose connection then stands still, and the address of what holds it up. A client
    that only lost its connection would come again at once, and take its session back from whoever took it over.
    """
    proxy = ask("proxy " + place.hosts[0])
    client = place.client(hosts=[proxy])
    client.create("/held", ephemeral=True)
    ask("stall " + proxy)
    return client, proxy


def case_session_moves_to_another_member(place):
    client, proxy = stalled_holder(place)
    states, session = States(client), client.client_id
    late = client.create_async("/by-the-old", ephemeral=True)
    moved = takeover(place, client, place.hosts[1:2])
    equal(moved.client_id, session, "the session")
    moved.sync("/held")
    equal(moved.exists("/held").ephemeralOwner, session[0])
    moved.create("/held-too", ephemeral=True)
    ask("go-on " + proxy)
    # The member it came from serves it no longer: a write there is not done, its connection ends.
    raises(ConnectionLoss, late.get, timeout=PATIENCE)
    until_equal(lambda: states.seen, [KazooState.SUSPENDED, KazooState.CONNECTED], "the session comes back")
    equal(client.client_id, session, "the session that came back")
    equal(sorted(client.get_children("/")), ["held", "held-too"])


def case_session_closed_by_its_new_connection(place):
    client, proxy = stalled_holder(place)
    states, session = States(client), client.client_id
    takeover(place, client, place.hosts[2:3]).stop()
    watcher = place.client(hosts=place.hosts[1:2])
    watcher.sync("/")
    equal(watcher.exists("/held"), None)
    # A closed session is not opened again.
    expect_expired(place, session, place.hosts[:1])
    ask("go-on " + proxy)
    until(lambda: KazooState.LOST in states.seen, "its older connection learns of it")


def case_same_member_ends_the_older_connection(place):
    client = place.client(hosts=place.hosts[:1])
    states = States(client)
    session = client.client_id
    takeover(place, client, place.hosts[:1])
    until(lambda: KazooState.SUSPENDED in states.seen, "the older connection ends")
    client.stop()
    true(session[0] != 0, "it was a session")


def case_wrong_password_is_an_expired_session(place):
    client = place.client()
    client.create("/held", ephemeral=True)
    session, password = client.client_id
    expect_expired(place, (session, bytes(16 * [7])), place.hosts)
    equal(client.client_id, (session, password), "the session's owner is not disturbed")
    equal(client.exists("/held").ephemeralOwner, session)


def case_unknown_session_is_an_expired_session(place):
    for host in place.hosts:
        expect_expired(place, (0x1234567890, bytes(16 * [1])), [host])


def case_idle_session_is_kept_alive_by_pings(place):
    client = place.client(timeout=SHORT)
    states = States(client)
    client.create("/held", ephemeral=True)
    session = client.client_id
    end = time.monotonic() + 3 * SHORT
    until(lambda: time.monotonic() > end or states.seen, "three time-outs pass")
    equal((states.seen, client.client_id), ([], session))
    true(client.exists("/held") is not None, "its znode is there")


def case_pending_requests_fail_with_the_connection(place):
    proxy = ask("proxy " + place.hosts[0])
    client = place.client(hosts=[proxy])
    client.create("/node")
    ask("stall " + proxy)
    pending = in_thread(raises, ConnectionLoss, client.get, "/node")
    until(lambda: client._connection and client._pending, "the request is on its way")
    ask("refuse " + proxy)
    join_all([pending])
    ask("go-on " + proxy)
    until(lambda: client.connected, "the client connects again")
    equal(client.get("/node")[0], b"")


def case_expired_session_is_expired_at_every_member(place):
    proxy = ask("proxy " + place.hosts[0])
    client = place.client(hosts=[proxy], timeout=SHORT)
    session = client.client_id
    other = place.client()
    client.create("/held", ephemeral=True)
    ask("refuse " + proxy)
    until(lambda: other.exists("/held") is None, "the session expires")
    ask("go-on " + proxy)
    until(lambda: client.connected and client.client_id != session, "the client has a new session")
    # Whatever still knows the old one is told the same, at every member.
    for host in place.hosts:
        expect_expired(place, session, [host])


if __name__ == "__main__":
    main()
