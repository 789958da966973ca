#!/usr/bin/python3 -B
"""R7 of reliability.md in small: many clients on one place at once."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, dump, multistatus                        # noqa: E402
from wire import lock_token                                      # noqa: E402
from world import Cells                                          # noqa: E402

CLIENTS = 8


def together(t, function, count=CLIENTS):
    """Run function(client, number) in threads: results in order."""
    results, faults = [None] * count, []
    gate = threading.Barrier(count)

    def run(number):
        with t.client("alice") as client:
            try:
                gate.wait()
                results[number] = function(client, number)
            except Exception as error:    # told by the case's own thread
                faults.append("%d: %r" % (number, error))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        t.fail("%s", "; ".join(faults))
    return results


@case("R7a: increments by If-Match: the end is the number of successes")
def compare_and_swap(t):
    path = t.file(b"0")

    def increment(client, _):
        done = 0
        for _ in range(20):
            answer = client.get(path)
            value = b"%d" % (int(answer.body) + 1)
            status = client.put(path, value, {"If-Match": answer.etag}).status
            t.true(status in (204, 412), "status %d", status)
            done += status == 204
        return done

    total = sum(together(t, increment))
    t.body(t.alice, path, b"%d" % total)
    t.true(total >= 20, "only %d of the writers got through", total)


@case("R7b: If-None-Match * by many: exactly one 201 for each name")
def create_once(t):
    path = t.fresh()

    def create(client, number):
        return [client.put(path + "n%d" % name, b"by %d" % number,
                           {"If-None-Match": "*"}).status
                for name in range(20)]

    results = together(t, create)
    for name in range(20):
        got = sorted(r[name] for r in results)
        t.eq(got, [201] + [412] * (CLIENTS - 1), "statuses of n%d" % name)


@case("R7c: of many exclusive locks at once one is granted")
def lock_once(t):
    for _ in range(5):
        path = t.file()
        answers = together(t, lambda client, _: client.lock(path))
        got = sorted(a.status for a in answers)
        t.eq(got, [200] + [423] * (CLIENTS - 1), "statuses")
        winner = [a for a in answers if a.status == 200][0]
        t.status(t.alice.unlock(path, lock_token(winner)), 204)


@case("R7e: opposing MOVEs never detach or double a tree")
def opposing_moves(t):
    for _ in range(10):
        path = t.fresh()
        for name in ("a/", "b/"):
            t.status(t.alice.mkcol(path + name), 201)
            t.status(t.alice.put(path + name + "f", name.encode()), 201)
        pairs = ((path + "a/", path + "b/x/"), (path + "b/", path + "a/y/"))
        answers = together(t, lambda c, n: c.move(*pairs[n]), 2)
        got = sorted(a.status for a in answers)
        t.true(got[0] == 201 and got[1] in (403, 404, 409, 423),
               "statuses %r", got)
        files = [k for k, e in dump(t.alice, path).items()
                 if e.kind == "file"]
        t.eq(len(files), 2, "files %r" % files)


@case("R7f: a listing during renames shows each file exactly once")
def listing_during_renames(t):
    path = t.fresh()
    for number in range(60):
        t.status(t.alice.put(path + "f%02d" % number, b"x"), 201)

    def act(client, number):
        wrong = []
        for turn in range(30):
            if number < 2:
                name = path + "f%02d" % (turn % 30 + 30 * number)
                t.status(client.move(name, name + "r"), 201)
                t.status(client.move(name + "r", name), 201)
                continue
            hrefs = [i.href for i in multistatus(
                client.propfind(path, "1", [DAV + "getetag"]).body)]
            stems = sorted(h.rstrip("r") for h in hrefs)
            if len(set(stems)) != 61 or len(stems) != 61:
                wrong.append(len(stems))
        return wrong

    results = together(t, act, 4)
    t.eq(sum(results, []), [], "numbers of entries in bad listings")


@case("R7g: PUTs at once fill the quota and no more", errors=(507,))
def quota_race(t):
    t.server.cell("race", "alice", "--quota", "100K")
    answers = together(t, lambda client, number: client.put(
        "/dav/race/f%d" % number, b"x" * 10240), 16)
    got = sorted(a.status for a in answers)
    t.eq(got, [201] * 10 + [507] * 6, "statuses")
    t.eq(t.alice.prop("/dav/race/", DAV + "quota-used-bytes"), "102400",
         "quota-used-bytes")


@case("I5, I7: after many mixed changes at once verify is clean")
def mixed(t):
    path = t.fresh()

    def act(client, number):
        for turn in range(15):
            name = path + "m%d" % ((turn + number) % 5)
            for answer in (client.put(name, os.urandom(turn * 1000)),
                           client.copy(name, name + "c"),
                           client.move(name + "c", path + "m%d" % turn),
                           client.delete(name),
                           client.proppatch(name, [("{urn:t}x", "v")])):
                t.true(answer.status < 500, "%r", answer)

    together(t, act)
    done = t.server.run("verify")
    t.eq(done.returncode, 0, "verify: %s%s" % (done.stdout, done.stderr))
    dump(t.alice, path)


if __name__ == "__main__":
    main(Cells)
