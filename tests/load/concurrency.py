#!/usr/bin/python3 -B
"""R7 (a) to (g): many clients on one place at once.

exclusive: many clients at a time.   seconds: 1500

usage: concurrency.py [--full] [--only LETTERS] [--seed N]
Full: the numbers of R7. Short: a twentieth of them. R7 (h) is this with
CELLDAV naming a program that was built with ThreadSanitizer.
"""

import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from _load import Figures, options                                # noqa: E402
import _linear                                                    # noqa: E402
import wire                                                       # noqa: E402
from celldav import Server                                        # noqa: E402
from davxml import DAV, multistatus                               # noqa: E402

FORMS = {
    True: {"writers": 64, "increments": 10000, "creators": 64,
           "names": 1000, "locks": 1000, "clients": 32, "operations": 100000,
           "moves": 1000, "listings": 10000, "quota": (64, 10 << 20)},
    False: {"writers": 16, "increments": 150, "creators": 16, "names": 15,
            "locks": 40, "clients": 16, "operations": 800, "moves": 15,
            "listings": 120, "quota": (64, 1 << 20)},
}
HOME = "/dav/my-files/"


class Together:
    """Threads, each with a client of its own, until all have ended."""

    def __init__(self, server, count):
        self.clients = [server.client("alice") for _ in range(count)]

    def run(self, function, count=None):
        """function(client, number) in each: the results in order."""
        clients = self.clients[:count]
        results, faults = [None] * len(clients), []

        def one(number):
            try:
                results[number] = function(clients[number], number)
            except Exception as error:    # told by the main thread
                faults.append(error)

        threads = [threading.Thread(target=one, args=(number,))
                   for number in range(len(clients))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise faults[0]
        return results


def want(answer, *statuses):
    if answer.status not in statuses:
        raise wire.WireError("%r" % answer)
    return answer


# -- (a), (b) -----------------------------------------------------------------

def increments(together, form, guarded):
    """What all of them counted, and what the file says."""
    path, left = HOME + "counter", [form["increments"]]
    want(together.clients[0].put(path, b"0"), 201, 204)

    def increment(client, _):
        done = 0
        while left[0] > 0:
            answer = want(client.get(path), 200)
            headers = {"If-Match": answer.etag} if guarded else {}
            body = b"%d" % (int(answer.body) + 1)
            if want(client.put(path, body, headers), 204, 412).status == 204:
                done += 1
                left[0] -= 1
        return done

    total = sum(together.run(increment, form["writers"]))
    return total, int(together.clients[0].get(path).body)


def compare_and_swap(figures, together, form):
    total, found = increments(together, form, True)
    figures.least("(a) increments by If-Match", total, form["increments"])
    figures.equal("(a) lost", total - found, 0)
    small = dict(form, increments=form["increments"] // 5)
    total, found = increments(together, small, False)
    figures.least("(a) control: lost without If-Match", total - found, 1)


def create_once(figures, together, form):
    path = HOME + "once-%d"

    def create(client, _):
        return [client.put(path % name, b"x", {"If-None-Match": "*"}).status
                for name in range(form["names"])]

    results = together.run(create, form["creators"])
    wanted = [201] + [412] * (form["creators"] - 1)
    wrong = [name for name in range(form["names"])
             if sorted(row[name] for row in results) != wanted]
    figures.equal("(b) names without exactly one 201", len(wrong), 0)


# -- (c) ----------------------------------------------------------------------

def hold(client, path, chance, held):
    """Take the lock if it is free; note when it was surely held."""
    asked = time.monotonic()
    answer = want(client.lock(path, timeout="Second-1"), 200, 423)
    if answer.status == 423:
        time.sleep(0.002)
        return 0
    since, until = time.monotonic(), asked + 1
    own = {"If": "(<%s>)" % wire.lock_token(answer)}
    way = chance.random()
    if way < 0.3:
        asked = time.monotonic()
        want(client.request("LOCK", path, {**own, "Timeout": "Second-1"}),
             200)
        until = asked + 1
    if way < 0.95:
        time.sleep(chance.random() * 0.004)
        until = min(until, time.monotonic())
        want(client.unlock(path, wire.lock_token(answer)), 204)
    held.append((since, until))
    return 1


def overlaps(held):
    held = sorted(held)
    return sum(after[0] < before[1] for before, after in zip(held, held[1:]))


def lock_intervals(figures, together, form, seed):
    path, held = HOME + "locked", []
    want(together.clients[0].put(path, b"x"), 201, 204)

    def rounds(client, number):
        chance = random.Random(seed * 1000 + number)
        while len(held) < form["locks"]:
            hold(client, path, chance, held)

    together.run(rounds, 8)
    figures.least("(c) exclusive locks held", len(held), form["locks"])
    figures.equal("(c) held by two at a time", overlaps(held), 0)
    figures.equal("(c) control: two that overlap are seen", overlaps(
        held + [(held[0][0], held[0][1] + 1)]) > 0, True)
    time.sleep(1.1)
    shared = together.run(lambda c, _: c.lock(path, scope="shared"), 8)
    figures.equal("(c) of 8 shared locks granted",
                  [a.status for a in shared].count(200), 8)
    figures.equal("(c) exclusive beside shared ones",
                  together.clients[0].lock(path).status, 423)
    for answer in shared:
        together.clients[0].unlock(path, wire.lock_token(answer))


# -- (d) ----------------------------------------------------------------------

FOLDERS = ["d%d" % n for n in range(5)]
FILES = ["%s/f%d" % (d, n) for d in FOLDERS for n in range(9)]


def choose(chance, number):
    """What to do next: kind, path, target, body."""
    kind = chance.choices(("PUT", "GET", "MOVE", "COPY", "DELETE", "MKCOL"),
                          (30, 20, 18, 14, 10, 8))[0]
    if kind == "PUT":
        return kind, chance.choice(FILES), None, "body-%d" % number
    if kind == "GET":
        return kind, chance.choice(FILES), None, None
    if kind == "MKCOL":
        return kind, chance.choice(FOLDERS), None, None
    names = FOLDERS if chance.random() < 0.15 else FILES
    path, target = chance.sample(names, 2)
    return kind, path, None if kind == "DELETE" else target, None


def perform(client, root, plan):
    """Does it: a row of the history."""
    kind, path, target, body = plan
    slash = "/" if path in FOLDERS else ""
    headers = {}
    if target:
        headers["Destination"] = client.origin + root + target + slash
    begin = time.monotonic()
    answer = client.request(kind, root + path + slash, headers, body)
    end = time.monotonic()
    if kind == "GET" and answer.status == 200:
        body = answer.text
    return _linear.Op(begin, end, kind, path, target, body, answer.status)


def tree(client, root):
    """What there is while nobody changes it."""
    found, folders = {}, ["d%d" % n for n in range(5)]
    for name in folders:
        answer = client.propfind(root + name + "/", "1", [DAV + "getetag"])
        if want(answer, 207, 404).status == 404:
            continue
        found[name] = None
        for item in multistatus(answer.body):
            if not item.href.endswith("/"):
                path = item.href[len(root):]
                found[path] = want(client.get(root + path), 200).text
    return found


def history_round(together, root, chances, count, each):
    """A few operations of each client: their history."""
    def act(client, number):
        return [perform(client, root, choose(chances[number],
                                             count + number * each + turn))
                for turn in range(each)]

    return sum(together.run(act, len(chances)), [])


def altered(history):
    """A read of a body that was never there."""
    rows = list(history)
    for at, op in enumerate(rows):
        if op.kind == "GET" and op.status == 200:
            rows[at] = op._replace(body="never")
            return rows
    return rows + [_linear.Op(0, 1e9, "GET", "d0/f0", None, "never", 200)]


def lost():
    """A collection that was made, and is not there for who comes next; the
    two at once would be right."""
    return [_linear.Op(1, 2, "MKCOL", "d9", None, None, 201),
            _linear.Op(3, 4, "DELETE", "d9", None, None, 404)]


def linearizable(figures, together, form, seed):
    client, root = together.clients[0], HOME + "history/"
    want(client.mkcol(root), 201)
    chances = [random.Random(seed * 997 + n) for n in range(form["clients"])]
    state, count, wrong, counted = {}, 0, [], {}
    while count < form["operations"]:
        history = history_round(together, root, chances, count, 3)
        final = tree(client, root)
        if _linear.order(state, history, final) is None:
            wrong.append(count)
        for op in history:
            word = "%s %d" % (op.kind, op.status)
            counted[word] = counted.get(word, 0) + 1
        before, state = state, final
        count += len(history)
    figures.tell("(d) seed", seed)
    figures.tell("(d) kinds of answers", len(counted))
    figures.equal("(d) of %d operations, rounds without an order" % count,
                  wrong[:5], [])
    figures.equal("(d) control: a body from nowhere has an order",
                  _linear.order(before, altered(history), final), None)
    figures.equal("(d) control: a write that is lost has an order",
                  _linear.order({}, lost(), {"d9": None}), None)
    at_once = [op._replace(begin=1, end=4) for op in lost()]
    figures.equal("(d) control: the same at once has one",
                  _linear.order({}, at_once, {"d9": None}), [1, 0])


# -- (e), (f), (g) ------------------------------------------------------------

def reachable(client, path):
    """Members below a collection, itself not counted."""
    count = 0
    for item in multistatus(client.propfind(path, "1").body):
        if item.href != path:
            count += 1
            if item.href.endswith("/"):
                count += reachable(client, item.href)
    return count


def opposing_moves(figures, together, form):
    client, wrong = together.clients[0], []
    for number in range(form["moves"]):
        path = HOME + "opposing-%d/" % number
        want(client.mkcol(path), 201)
        for name in ("a/", "b/"):
            want(client.mkcol(path + name), 201)
            want(client.put(path + name + "f", b"x"), 201)
        pairs = ((path + "a/", path + "b/x/"), (path + "b/", path + "a/y/"))
        answers = together.run(lambda c, n: c.move(*pairs[n]), 2)
        got = sorted(a.status for a in answers)
        if got[0] != 201 or got[1] not in (403, 404, 409) \
                or reachable(client, path) != 4:
            wrong.append((number, got))
    figures.equal("(e) of %d opposing moves, wrong" % form["moves"],
                  wrong[:3], [])


def listings(figures, together, form):
    path, names = HOME + "listed/", 60
    client = together.clients[0]
    want(client.mkcol(path), 201)
    for number in range(names):
        want(client.put(path + "f%02d" % number, b"x"), 201)
    left = [form["listings"]]

    def rename(client, number):
        turn = 0
        while left[0] > 0:
            name = path + "f%02d" % (turn % 30 + 30 * number)
            want(client.move(name, name + "r"), 201)
            want(client.move(name + "r", name), 201)
            turn += 1
        return 0

    def look(client, number):
        if number < 2:
            return rename(client, number)
        wrong = 0
        while left[0] > 0:
            left[0] -= 1
            items = multistatus(client.propfind(
                path, "1", [DAV + "getetag"]).body)
            stems = {item.href.rstrip("r") for item in items}
            wrong += len(items) != names + 1 or len(stems) != names + 1
        return wrong

    figures.equal("(f) of %d listings, without each file once"
                  % form["listings"], sum(together.run(look, 6)), 0)


def etags(figures, together):
    """Two contents of one size, as fast as can be."""
    client, same = together.clients[0], 0
    for number in range(50):
        path = HOME + "twice"
        data = b"".join(client.head("PUT", path, length=4) + b"%04d"
                        % (number * 2 + n) for n in range(2))
        with client.connect() as connection:
            connection.send(data, 2)
            tags = [connection.read("PUT").etag for _ in range(2)]
        same += tags[0] == tags[1]
    figures.equal("(f) equal ETags of two PUTs at once", same, 0)


def quota(figures, server, form):
    count, size = form["quota"]
    server.cell("narrow", "alice", "--quota", str(size * 10))
    body = os.urandom(size)
    together = Together(server, count)
    answers = together.run(lambda client, n: client.put(
        "/dav/narrow/f%d" % n, body))
    got = sorted(a.status for a in answers)
    figures.equal("(g) of %d PUTs into room for 10, 201" % count,
                  got.count(201), 10)
    figures.equal("(g) of them 507", got.count(507), count - 10)


def main():
    chosen = options(__doc__, only="abcdefg", seed=int(time.time()))
    form, figures = FORMS[chosen.full], Figures("R7")
    server = Server()
    server.user("alice")
    server.start()
    together = Together(server, form["writers"])
    parts = {
        "a": lambda: compare_and_swap(figures, together, form),
        "b": lambda: create_once(figures, together, form),
        "c": lambda: lock_intervals(figures, together, form, chosen.seed),
        "d": lambda: linearizable(figures, together, form, chosen.seed),
        "e": lambda: opposing_moves(figures, together, form),
        "f": lambda: (listings(figures, together, form),
                      etags(figures, together)),
        "g": lambda: quota(figures, server, form),
    }
    for letter in chosen.only:
        parts[letter]()
    figures.equal("verify afterwards", server.run("verify").returncode, 0)
    server.close()
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
