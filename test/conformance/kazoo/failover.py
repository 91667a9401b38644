"""Members that are killed under their clients. Nothing else runs meanwhile."""

import re
import socket

from kazoo.protocol.states import KazooState

from harness import PATIENCE, Events, States, ask, equal, main, true, until, until_equal

#: Time-out of the sessions here, seconds: they outlive a failover on a slow machine.
LONG = 60.0


def mode(host):
    """What the member says it is, "" when it says nothing."""
    address, port = host.rsplit(":", 1)
    try:
        with socket.create_connection((address, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(b"srvr")
            said = re.search(rb"^Mode: (\w+)$", connection.makefile("rb").read(), re.M)
            return said.group(1).decode() if said else ""
    except OSError:
        return ""


def leader(place):
    found = until(lambda: [host for host in place.hosts if mode(host) == "leader"], "there is a leader")
    equal(len(found), 1, "number of leaders")
    return found[0]


def host_of(client):
    """Where it is connected; None for a moment where it still calls itself connected over a socket that is gone."""
    try:
        address, port = client._connection._socket.getpeername()[:2]
    except OSError:
        return None
    return "%s:%d" % (address, port)


def others(place, host):
    return [other for other in place.hosts if other != host]


def expect_moved(client, states, killed, session):
    until(lambda: KazooState.SUSPENDED in states.seen, "the client notices")
    until(lambda: states.seen[-1] == KazooState.CONNECTED, "the client goes on at another member")
    equal(states.seen, [KazooState.SUSPENDED, KazooState.CONNECTED], "no session is lost")
    equal(client.client_id, session, "id and password of the session")
    until(lambda: host_of(client) not in (None, killed), "it is connected to another member")


def case_follower_of_a_client_is_killed(place):
    leads = leader(place)
    killed = others(place, leads)[0]
    ways = {host: ask("proxy " + host) for host in [killed] + others(place, killed)}
    client = place.client(hosts=list(ways.values()), timeout=LONG)
    watcher = place.client(hosts=[leads], timeout=LONG)
    states, session = States(client), client.client_id
    equal(host_of(client), ways[killed])
    client.create("/held", ephemeral=True)
    watcher.sync("/held")
    gone = Events()
    watcher.exists("/held", watch=gone)
    ask("kill " + killed)
    expect_moved(client, states, ways[killed], session)
    equal(client.exists("/held").ephemeralOwner, session[0])
    client.create("/after", ephemeral=True)
    ask("revive")
    # The session is known at a member that comes back, too.
    for host in others(place, killed):
        ask("refuse " + ways[host])
    until(lambda: client.connected and host_of(client) == ways[killed], "the client is where it began")
    equal(client.client_id, session, "id and password of the session")
    equal(client.exists("/after").ephemeralOwner, session[0])
    equal(gone.seen, [])
    client.stop()
    until_equal(lambda: gone.seen, [("DELETED", "/held")], "the znode goes with its session")


def case_leader_is_killed(place):
    killed = leader(place)
    clients = [place.client(hosts=[host] + others(place, host), timeout=LONG) for host in place.hosts]
    states = [States(client) for client in clients]
    sessions = [client.client_id for client in clients]
    for number, client in enumerate(clients):
        client.create("/held-%d" % number, ephemeral=True)
    lock = clients[0].Lock("/lock", "first")
    lock.acquire(timeout=PATIENCE)
    clients[1].create("/counter", b"0")
    ask("kill " + killed)
    true(leader(place) != killed, "another member leads")
    # Followers may end their connections while they look for a leader; no session is lost by it.
    for client in clients:
        client.retry(client.set, "/counter", b"1")
    equal([client.client_id for client in clients], sessions, "the sessions")
    for seen in states:
        true(KazooState.LOST not in seen.seen, "no session is lost, came %r" % seen.seen)
    for number, (session, _) in enumerate(sessions):
        equal(clients[number].retry(clients[number].exists, "/held-%d" % number).ephemeralOwner, session)
    true(not clients[1].Lock("/lock", "second").acquire(blocking=False), "the lock is held on")
    lock.release()
    true(clients[1].Lock("/lock", "second").acquire(timeout=PATIENCE), "the lock is free")
    ask("revive")


def case_all_members_are_killed(place):
    client = place.client(timeout=LONG)
    states, session = States(client), client.client_id
    client.create("/held", b"kept", ephemeral=True)
    client.create("/stays", b"kept")
    stat = client.exists("/stays")
    for host in place.hosts:
        ask("kill " + host)
    until(lambda: KazooState.SUSPENDED in states.seen, "the client notices")
    ask("revive")
    until(lambda: states.seen[-1] == KazooState.CONNECTED, "the client is connected again")
    equal(client.client_id, session, "the session outlives its ensemble")
    true(KazooState.LOST not in states.seen, "it is not lost")
    equal(client.get("/stays"), (b"kept", stat), "what was written, with its stat")
    equal(client.get("/held")[0], b"kept")
    equal(client.exists("/held").ephemeralOwner, session[0])
    true(client.set("/stays", b"on").mzxid > stat.mzxid, "zxids go on")
    # The high half of a zxid is the reign of a leader.
    true(client.exists("/stays").mzxid >> 32 > stat.mzxid >> 32, "a new epoch has begun")


def case_no_quorum_no_service(place):
    leads = leader(place)
    survivor = others(place, leads)[0]
    client = place.client(hosts=[survivor], timeout=LONG)
    states, session = States(client), client.client_id
    client.create("/node", b"x")
    for host in others(place, survivor):
        ask("kill " + host)
    # A member that sees no quorum ends its connections, and takes no new ones.
    until(lambda: states.seen == [KazooState.SUSPENDED], "the client is cut off")
    true(mode(survivor) not in ("leader", "follower"), "the survivor says that it does not serve")
    ask("revive")
    until(lambda: states.seen[-1] == KazooState.CONNECTED, "the client is served again")
    equal((client.client_id, client.get("/node")[0]), (session, b"x"))


if __name__ == "__main__":
    main()
