"""The case runner: a case is a function with a purpose that quotes its rule.

    @case("RFC 4918 9.3: MKCOL on a mapped URL is 405")
    def mkcol_mapped(t):
        t.status(t.alice.mkcol("/dav/a/docs/"), 405)

    if __name__ == "__main__":
        main(build)

`build` makes the world (an object with `server`); each case receives it.
`FILE.py WORD...` runs the cases whose name holds one of the words.

After each case the oracle of reliability.md section 2 is applied: no 5xx
unless the case says so, the same server process, no foreign canary, one
well-formed access line for each answer, no secret in the log.
"""

import os
import sys
import time
import traceback

import davxml
import wire
from celldav import binary
from observed import stats

MOST_FAULTS = 12
_cases = []


class Failed(AssertionError):
    """An expectation that does not hold."""


class Case:
    def __init__(self, function, purpose, options):
        self.function, self.purpose = function, purpose
        self.name = function.__name__
        self.errors = options.pop("errors", ())
        self.restarts = options.pop("restarts", False)
        assert not options, options


def case(purpose, **options):
    """Register a case.  `errors`: the 5xx statuses it expects;
    `restarts`: the server process may be another one afterwards."""
    def register(function):
        _cases.append(Case(function, purpose, dict(options)))
        return function
    return register


class World:
    """Expectations; test programs derive from it and add their clients."""

    server = None

    def fail(self, text, *args):
        raise Failed(text % args if args else text)

    def true(self, value, text, *args):
        if not value:
            self.fail(text, *args)

    def eq(self, got, expected, what):
        if got != expected:
            self.fail("%s: expected %r, got %r", what, expected, got)

    def status(self, answer, *expected):
        if answer.status not in expected:
            self.fail("expected status %s, got %r",
                      " or ".join(map(str, expected)), answer)
        return answer

    def error(self, answer, status, *names):
        """A status whose DAV:error body holds one of the conditions."""
        self.status(answer, status)
        if not any(answer.has_error(name) for name in names):
            self.fail("expected condition %s, got %r",
                      " or ".join(names), answer)
        return answer

    def multistatus(self, answer):
        self.status(answer, 207)
        self.eq(answer.get("Content-Type"), davxml.XML_TYPE,
                "Content-Type of a 207 (clients.md quirk 3)")
        return answer.items()

    def body(self, client, path, expected):
        answer = self.status(client.get(path), 200)
        if isinstance(expected, str):
            expected = expected.encode()
        if answer.body != expected:
            self.fail("GET %s: expected %r, got %r", path,
                      expected[:80], answer.body[:80])
        return answer

    def unchanged(self, client, path, *props):
        """Context manager: the tree below path is the same afterwards."""
        return _Unchanged(self, client, path, props)

    def between(self):
        """Called before each case, to give it a clean place."""


class _Unchanged:
    def __init__(self, world, client, path, props):
        self.world, self.client = world, client
        self.path, self.props = path, props

    def __enter__(self):
        self.before = davxml.dump(self.client, self.path, self.props)

    def __exit__(self, kind, *_):
        if kind is None:
            after = davxml.dump(self.client, self.path, self.props)
            self.world.true(after == self.before, "the tree changed: %s",
                            difference(self.before, after))


def difference(before, after):
    """Which entries of two dumps differ, in words."""
    told = ["- %s" % k for k in before if k not in after]
    told += ["+ %s" % k for k in after if k not in before]
    told += ["%s: %r -> %r" % (k, before[k], after[k])
             for k in before if k in after and before[k] != after[k]]
    return "; ".join(told)[:600]


def _oracle(world, one, log_start, worker):
    server = world.server
    faults = list(dict.fromkeys(stats.problems))
    unexpected = [e for e in stats.errors if e not in one.errors]
    if unexpected:
        faults.append("unexpected 5xx: %r" % unexpected)
    if server is None or server.process is None:
        return faults
    if server.process.poll() is not None:
        return faults + ["the server ended: " + server.log()[-1500:]]
    if not one.restarts:
        if server.worker_pid() != worker:
            faults.append("another server process than before the case: "
                          + server.log()[-1500:])
        faults += _log_lines(server, log_start)
    return faults + server.log_faults(log_start)


def _log_lines(server, start):
    """Each answer has one access line, given a moment to be written.  A
    request that its client gave up may have one, at last in the next case."""
    wanted = stats.answered
    maybe = stats.unanswered + stats.late
    wire.wait_until(lambda: len(server.access_lines(start)) >= wanted, 10)
    count = len(server.access_lines(start))
    stats.late = max(0, wanted + stats.unanswered - count)
    if wanted <= count <= wanted + maybe:
        return []
    return ["%d access lines for %d answers (and %d requests or connections"
            " without one)" % (count, wanted, maybe)]


def _run_one(world, one):
    stats.reset()
    server = world.server
    worker = server.worker_pid() if server and server.process else None
    if worker:
        server.worker = worker
    start = server.log_size() if worker else 0
    faults = []
    try:
        world.between()
        one.function(world)
    except Failed as failed:
        line = traceback.extract_tb(failed.__traceback__)
        where = [f for f in line if f.name == one.name] or line
        faults.append("line %d: %s" % (where[-1].lineno, failed))
    except Exception:    # a broken case is a failed case, with its trace
        faults.append(traceback.format_exc().strip())
    try:
        faults += _oracle(world, one, start, worker)
    except Exception:
        faults.append(traceback.format_exc().strip())
    return faults


def main(build):
    """Run the cases named on the command line, or all; exit 0 or 1."""
    words = sys.argv[1:]
    chosen = [c for c in _cases
              if not words or any(w in c.name for w in words)]
    failed = 0
    if not os.access(binary(), os.X_OK):
        sys.exit("no program to test: " + binary())
    world = build()
    for one in chosen:
        start = time.monotonic()
        faults = _run_one(world, one)
        failed += bool(faults)
        print("%-4s %s: %s (%.1f s)" % ("FAIL" if faults else "ok",
                                        one.name, one.purpose,
                                        time.monotonic() - start))
        for fault in faults[:MOST_FAULTS]:
            print("     " + fault.replace("\n", "\n     "))
        if len(faults) > MOST_FAULTS:
            print("     and %d more" % (len(faults) - MOST_FAULTS))
        sys.stdout.flush()
    failed += _finish(world)
    print("%d cases, %d failed" % (len(chosen), failed))
    sys.exit(1 if failed or not chosen else 0)


def _finish(world):
    try:
        if world.server is not None:
            world.server.close()
    except Exception as error:
        print("FAIL stop: SIGTERM ends the server with 0, no sanitizer report")
        print("     %s" % error)
        return 1
    return 0
