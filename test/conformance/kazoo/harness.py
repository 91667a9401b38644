"""What the scripts of this folder share.

A script is a module of functions named `case_...`, each of which gets a `Place`: an ensemble and a subtree of its own.
It is run with one argument, the target as JSON. It exits with 0, or says of each failed case what was expected and
what came.
"""

import faulthandler
import inspect
import json
import logging
import os
import sys
import threading
import time
import traceback

from kazoo.client import KazooClient

#: How long anything may take on a slow machine, seconds. Never waited for in full where all is well.
PATIENCE = 30
#: Time-out of the sessions of most cases, seconds: no failure of theirs is one of a slow machine.
SESSION_TIMEOUT = 20.0

_asking = threading.Lock()


class Place:
    """An ensemble, and a subtree of it that belongs to one case; clients are closed with it."""

    def __init__(self, target, prefix):
        self.target = target
        self.hosts = target["hosts"]
        self.prefix = prefix
        self.clients = []
        # What one client wrote, another sees at once only at the same member: so a case's clients begin at one.
        first = sum(prefix.encode()) % len(self.hosts)
        self.from_first = self.hosts[first:] + self.hosts[:first]

    def client(self, hosts=None, chroot=True, **options):
        """A started client of one member that may go to the others, or of those named; its root is the subtree."""
        client = self.new_client(hosts, chroot, **options)
        client.start(timeout=PATIENCE)
        return client

    def new_client(self, hosts=None, chroot=True, **options):
        """As `client`, but not started."""
        where = ",".join(hosts or self.from_first) + (self.prefix if chroot else "")
        options.setdefault("timeout", SESSION_TIMEOUT)
        options.setdefault("randomize_hosts", False)
        client = KazooClient(hosts=where, **options)
        self.clients.append(client)
        return client

    def spread(self, count):
        """So many clients, each at another member than the one before it."""
        return [self.client(hosts=[self.hosts[number % len(self.hosts)]]) for number in range(count)]

    def close(self):
        for client in self.clients:
            try:
                client.stop()
                client.close()
            except Exception:
                pass


class States:
    """The states a client has gone through, in order."""

    def __init__(self, client):
        self.seen = []
        client.add_listener(self.seen.append)


class Events:
    """A watch function that keeps what it is told."""

    def __init__(self):
        self.seen = []

    def __call__(self, event):
        self.seen.append((event.type, event.path))


class LogLines(logging.Handler):
    """What a client logs, for what it tells nobody otherwise; its `logger` is an option of the client."""

    def __init__(self):
        super().__init__(level=1)
        self.seen = []
        self.logger = logging.Logger("client", level=1)
        self.logger.addHandler(self)

    def emit(self, record):
        self.seen.append(record.getMessage())


def ask(request):
    """Has the test outside do something, for example `kill HOST`, and returns its answer."""
    with _asking:
        print("@" + request, flush=True)
        answer = sys.stdin.readline()
    if answer == "":
        raise AssertionError("nobody answers to %r" % request)
    return answer.strip()


def equal(came, expected, what=""):
    if came != expected:
        raise AssertionError("%s: expected %r, came %r" % (what or "value", expected, came))


def true(came, what):
    if not came:
        raise AssertionError("expected that %s" % what)


def raises(error, call, *args, **kwargs):
    """Expects exactly this error, not one derived from it."""
    try:
        result = call(*args, **kwargs)
    except Exception as came:
        if type(came) is not error:
            raise AssertionError("expected %s, came %r" % (error.__name__, came)) from came
        return came
    raise AssertionError("expected %s, came the result %r" % (error.__name__, result))


def until(holds, what, patience=PATIENCE):
    """Waits until `holds()` is truthy, and returns it."""
    deadline = time.monotonic() + patience
    while True:
        came = holds()
        if came:
            return came
        if time.monotonic() > deadline:
            raise AssertionError("expected within %d s that %s; the last look gave %r" % (patience, what, came))
        time.sleep(0.01)


def until_equal(look, expected, what, patience=PATIENCE):
    try:
        until(lambda: look() == expected, what, patience)
    except AssertionError as error:
        raise AssertionError("%s; expected %r, came %r" % (error, expected, look())) from None


def in_thread(function, *args):
    """Runs it in a thread; `join_all` waits for it and raises what it raised."""
    thread = threading.Thread(target=_keep_outcome, args=(function, args), daemon=True)
    thread.outcome = None
    thread.start()
    return thread


def _keep_outcome(function, args):
    try:
        threading.current_thread().outcome = ("returned", function(*args))
    except BaseException as error:
        threading.current_thread().outcome = ("raised", error)


def join_all(threads, patience=PATIENCE):
    """The results of these threads, in their order."""
    results = []
    for thread in threads:
        thread.join(patience)
        if thread.outcome is None:
            raise AssertionError("a thread did not end within %d s" % patience)
        kind, value = thread.outcome
        if kind == "raised":
            raise value
        results.append(value)
    return results


def main():
    """Runs the cases of the script, in the order they stand there."""
    # A script that hangs is told so by SIGABRT, and then shows where each thread stands.
    faulthandler.enable(all_threads=True)
    script = sys.modules["__main__"]
    target = json.loads(sys.argv[1])
    cases = [
        (name, function)
        for name, function in vars(script).items()
        if name.startswith("case_") and inspect.isfunction(function)
    ]
    if not cases:
        raise SystemExit("%s has no cases" % script.__file__)
    topic = os.path.splitext(os.path.basename(script.__file__))[0]
    failed = 0
    # Of its own for each run, so that a script may be run again on the same ensemble.
    run = time.time_ns()
    for name, function in cases:
        if len(sys.argv) > 2 and sys.argv[2] not in name:
            continue
        prefix = "/kazoo-%x/%s/%s" % (run, topic, name)
        place = Place(target, prefix)
        begin = time.monotonic()
        try:
            place.client(chroot=False).ensure_path(prefix)
            function(place)
            print("ok %s (%.1f s)" % (name, time.monotonic() - begin), flush=True)
        except BaseException as error:
            failed += 1
            print("FAILED %s: %s" % (name, error), flush=True)
            traceback.print_exc(file=sys.stdout)
        finally:
            place.close()
    # Threads of clients that hang keep nobody from ending.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if failed else 0)
