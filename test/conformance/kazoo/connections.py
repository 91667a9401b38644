"""How clients come to a member: negotiation, lists of hosts, chroots, and the words for people on the same port."""

import re
import socket

from kazoo.exceptions import NoNodeError
from kazoo.protocol.serialization import Close, Connect, int_struct

from harness import PATIENCE, LogLines, equal, main, raises, true, until

NEGOTIATED = re.compile(r"negotiated session timeout: (\d+)")


def four_letters(host, word):
    """All that is said to one word, until the server ends the connection."""
    address, port = host.rsplit(":", 1)
    with socket.create_connection((address, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(word)
        said = b""
        while True:
            chunk = connection.recv(65536)
            if not chunk:
                return said.decode()
            said += chunk


def case_time_out_is_clamped(place):
    shortest, longest = place.target["timeouts"]
    asked_and_granted = [(0.001, shortest), (5.0, 5_000), (7.777, 7_777), (longest / 1000 + 1_000, longest)]
    for asked, granted in asked_and_granted:
        # A client that asks for a millisecond must not wait for its answer that short.
        if asked < 1:
            equal(_negotiate(place.hosts[0], int(asked * 1000)), granted, "granted for %g s" % asked)
            continue
        log = LogLines()
        place.client(timeout=asked, logger=log.logger)
        equal([int(ms) for line in log.seen for ms in NEGOTIATED.findall(line)], [granted], "granted for %g s" % asked)


def _negotiate(host, timeout):
    """The time-out granted, by kazoo's own codec over a plain socket."""
    address, port = host.rsplit(":", 1)
    with socket.create_connection((address, int(port)), timeout=PATIENCE) as connection:
        request = Connect(0, 0, timeout, 0, bytes(16), False).serialize()
        connection.sendall(int_struct.pack(len(request)) + request)
        (length,) = int_struct.unpack(_receive(connection, 4))
        answer, _ = Connect.deserialize(_receive(connection, length), 0)
        close = int_struct.pack(1) + int_struct.pack(Close.type)
        connection.sendall(int_struct.pack(len(close)) + close)
        equal(answer.protocol_version, 0)
        equal(len(answer.passwd), 16, "length of the password")
        equal(answer.read_only, False)
        return answer.time_out


def _receive(connection, length):
    got = b""
    while len(got) < length:
        chunk = connection.recv(length - len(got))
        true(chunk, "%d bytes more come" % (length - len(got)))
        got += chunk
    return got


def case_each_member_serves(place):
    for number, host in enumerate(place.hosts):
        client = place.client(hosts=[host])
        client.create("/from-%d" % number)
    client.sync("/")
    equal(sorted(client.get_children("/")), ["from-0", "from-1", "from-2"])


def case_hosts_that_do_not_answer_are_passed_by(place):
    with socket.socket() as nobody:
        # Bound and not listening: whoever connects there is refused.
        nobody.bind(("127.0.0.1", 0))
        dead = "127.0.0.1:%d" % nobody.getsockname()[1]
        client = place.client(hosts=[dead, place.hosts[0], dead], randomize_hosts=False)
        client.create("/node")
        equal(client.get("/node")[0], b"")


def case_chroot(place):
    outside = place.client(chroot=False)
    inside = place.client()
    inside.create("/node", b"x")
    equal(outside.get(place.prefix + "/node")[0], b"x")
    equal(inside.exists(place.prefix), None)
    missing = place.new_client(chroot=False)
    missing.chroot = place.prefix + "/missing"
    missing.start(timeout=PATIENCE)
    # A chroot need not exist to be connected to; things in it need it.
    raises(NoNodeError, missing.create, "/node")
    raises(NoNodeError, missing.get_children, "/")


def case_chroot_in_watches(place):
    inside, outside = place.client(), place.client(chroot=False)
    inside.create("/node")
    paths = []
    inside.get("/node", watch=lambda event: paths.append(event.path))
    outside.set(place.prefix + "/node", b"")
    until(lambda: paths, "the watch fires")
    equal(paths, ["/node"], "path in the client's own words")


def case_client_starts_again_after_a_stop(place):
    client = place.client()
    first = client.client_id[0]
    client.stop()
    client.start(timeout=PATIENCE)
    true(client.client_id[0] != first, "another session")
    client.create("/node")


def case_commands_for_people(place):
    client = place.client(hosts=place.hosts[:1])
    equal(client.command(b"ruok"), "imok")
    said = client.command(b"srvr")
    expected = (
        r"Zookeeper version: \S+, built on [^\n]+\n"
        r"Latency min/avg/max: \d+/[\d.]+/\d+\n"
        r"Received: \d+\nSent: \d+\nConnections: \d+\nOutstanding: \d+\n"
        r"Zxid: 0x[0-9a-f]+\nMode: (leader|follower)\nNode count: \d+\n"
    )
    true(re.match(expected, said), "srvr says what it always says, came %r" % said)


def case_one_leads_the_others_follow(place):
    modes = [re.search(r"^Mode: (\w+)$", four_letters(host, b"srvr"), re.M).group(1) for host in place.hosts]
    equal(sorted(modes), ["follower", "follower", "leader"])


def case_srvr_shows_the_last_zxid(place):
    client = place.client(hosts=place.hosts[:1])
    client.create("/node")
    shown = int(re.search(r"^Zxid: (0x[0-9a-f]+)$", four_letters(place.hosts[0], b"srvr"), re.M).group(1), 16)
    true(shown >= client.exists("/node").czxid, "the zxid shown is that of the last change or later")


if __name__ == "__main__":
    main()
