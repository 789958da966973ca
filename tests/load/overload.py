#!/usr/bin/python3 -B
"""R17: more work than can be done, and one who asks for most of it.

exclusive: it measures.   seconds: 1200

usage: overload.py [--full] [--only overload|fairness]
Full: five times the capacity for 5 minutes, each kind of greed for 30 s.
Short: 4 s and 0.7 s.
"""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from _load import (Figures, Steady, app_password, failures,       # noqa: E402
                   options, turned_away)
import wire                                                       # noqa: E402
from celldav import Server                                        # noqa: E402

FORMS = {
    True: {"overload": 300, "peak": 10, "greedy": 30, "floor": 20},
    False: {"overload": 4, "peak": 1, "greedy": 0.7, "floor": 60},
}
CONNECTIONS = 48
MIX = [("PUT", "/dav/my-files/c{c}-{n}", "201,204", 4096)]
LIGHT = [
    ("GET", "/dav/my-files/small", "200", 0),
    ("PUT", "/dav/my-files/c{c}", "201,204", 2000),
    ("PROPFIND", "/dav/my-files/small", "207", 0, "Depth: 0"),
    ("OPTIONS", "/dav/my-files/", "200", 0),
]
GREED = {
    "large listings": (32, [
        ("PROPFIND", "/dav/my-files/many/", "207", 0, "Depth: 1")]),
    "uploads": (32, [
        ("PUT", "/dav/my-files/up{c}", "201,204", 1 << 20)]),
    "COPY of trees": (16, [
        ("COPY", "/dav/my-files/many/", "201,204", 0,
         "Destination: /dav/my-files/copy{c}/")]),
    "small changes": (96, [
        ("PUT", "/dav/my-files/x{c}-{n}", "201,204", 100)]),
}


def fill(server, user, members):
    with server.client(user) as client:
        client.put("/dav/my-files/small", os.urandom(4096))
        client.mkcol("/dav/my-files/many/")
        for number in range(members):
            client.put("/dav/my-files/many/f%d" % number, b"x" * 100)


class Probe(threading.Thread):
    """Asks for /healthz on new connections, by both doors."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.done = server, False
        self.worst, self.count, self.fault = 0, 0, None

    def run(self):
        while not self.done:
            for client in (self.server.client(), self.server.admin()):
                since = time.monotonic()
                try:
                    with client:
                        if client.get("/healthz").status != 200:
                            self.fault = "not 200"
                except (OSError, wire.WireError) as error:
                    self.fault = repr(error)
                took = (time.monotonic() - since) * 1000
                self.worst = max(self.worst, took)
                self.count += 1
            time.sleep(0.1)


def peak(server, user, connections, seconds):
    """Requests/s that are done when each follows the answer."""
    done = Steady(server.port, MIX, connections, seconds, user=user).end()
    return done["good"] / done["seconds"]


def overload(figures, form):
    """Five times as many requests at a time as give the peak, and few may
    wait for the disk."""
    server = Server(limits={"queue_commit": CONNECTIONS * 2},
                    conf={("log", "access"): "none"})
    server.user("alice")
    server.start()
    fill(server, "alice", 100)
    user = app_password(server, "alice")
    seconds = form["overload"]
    goodput = max(peak(server, user, count, form["peak"])
                  for count in (CONNECTIONS // 2, CONNECTIONS * 2))
    probe = Probe(server)
    probe.start()
    over = Steady(server.port, MIX, CONNECTIONS * 10, seconds,
                  rate=goodput * 5, user=user).end()
    ended = time.monotonic()
    probe.done = True
    figures.tell("peak, requests/s", goodput)
    # Answers after the time was up belong to requests of before.
    inside = sum(over["series"][:seconds * 2]) / seconds
    figures.least("goodput at 5 times that, part of the peak",
                  inside / goodput, 0.8)
    kinds = failures(over)
    figures.equal("failures other than 503 with Retry-After %s"
                  % over["first"], kinds, {})
    figures.tell("turned away with 503", turned_away(over))
    probe.join()
    figures.equal("fault of /healthz", probe.fault, None)
    figures.most("/healthz of %d, ms" % probe.count, probe.worst, 500)
    figures.most("recovery, s", recovery(server, user, ended), 5)
    server.close()


def recovery(server, user, since):
    """Seconds until a light load is served well again."""
    while time.monotonic() - since < 30:
        light = Steady(server.port, LIGHT, 4, 0.5, rate=100,
                       user=user).end()
        if not failures(light) and not turned_away(light) \
                and light["p99"] < 100:
            break
    return time.monotonic() - since


class Light:
    """What the others see."""

    def __init__(self, server, form):
        self.server, self.form = server, form
        self.user = app_password(server, "bob")

    def run(self, seconds):
        return Steady(self.server.port, LIGHT, 8, seconds, rate=200,
                      user=self.user, sources=1).end()

    def logins(self, seconds, sources):
        """With an own password, which is hashed each time."""
        return Steady(self.server.port,
                      [("GET", "/dav/my-files/small", "200", 0)], 1,
                      seconds, sources=sources,
                      user=("bob", self.server.password_of("bob"))).end()


def limit(form, *measured):
    """Twice the p99 without a greedy one. Its load alone, and who makes it,
    take from the processors; that shows on a server that it does not ask."""
    return max([form["floor"]] + [2 * one["p99"] for one in measured])


def second(form):
    """The same light load on a server of its own."""
    server = Server(conf={("log", "access"): "none"})
    server.user("bob")
    server.start()
    fill(server, "bob", 3)
    return Light(server, form)


def fairness(figures, form):
    server = Server(conf={("auth", "cache_seconds"): 0,
                          ("auth", "guess_free"): 1000,
                          ("log", "access"): "none"})
    for user in ("alice", "bob"):
        server.user(user)
    server.start()
    fill(server, "alice", 300)
    fill(server, "bob", 3)
    light, elsewhere = Light(server, form), second(form)
    light.run(0.5)
    alone = light.run(form["greedy"])
    greedy = app_password(server, "alice")
    for name, (connections, rows) in GREED.items():
        rows = [tuple(word.replace("/dav", "http://127.0.0.1:%d/dav"
                                   % server.port)
                      if str(word).startswith("Destination") else word
                      for word in row) for row in rows]
        load = Steady(server.port, rows, connections, 3600, user=greedy)
        time.sleep(0.3)
        beside, machine = compare(form, light, elsewhere, alone)
        took = load.stop()
        told = "%s (%d done): others" % (name, took["good"])
        figures.equal("failed " + told, failures(beside), {})
        figures.equal("turned away, " + told, turned_away(beside), 0)
        figures.most("p99, ms (%.1f alone, %.1f elsewhere), %s"
                     % (alone["p99"], machine["p99"], told),
                     beside["p99"], limit(form, alone, machine))
    hashes(figures, form, server, light)
    server.close()
    elsewhere.server.close()


def compare(form, light, elsewhere, alone):
    """Beside the greedy one, and on a server of its own. What others do on
    this machine comes and goes, an unfair queue stays: three attempts."""
    for _ in range(3):
        beside = light.run(form["greedy"])
        machine = elsewhere.run(form["greedy"])
        if beside["p99"] <= limit(form, alone, machine):
            break
    return beside, machine


def hashes(figures, form, server, light):
    """Many passwords of one address are checked; who signs in from another
    has turns of its own, and who comes from the same has to wait."""
    alone = light.logins(form["greedy"], 1)
    before = light.run(form["greedy"])
    # One name each: who asks the same at once is answered by one hash.
    load = [Steady(server.port, [("GET", "/dav/my-files/", "401,429", 0)], 1,
                   3600, user=("nobody%d" % number, "wrong"))
            for number in range(24)]
    time.sleep(0.3)
    beside = light.logins(form["greedy"], 1)
    same = light.logins(form["greedy"], 0)
    others = light.run(form["greedy"])
    took = sum(one.stop()["good"] for one in load)
    told = "passwords (%d done)" % took
    figures.most("p99, ms (%.1f alone), %s: others"
                 % (before["p99"], told), others["p99"],
                 limit(form, before))
    # Two processors: one hash beside another, and the loops between them.
    figures.most("p99, ms (%.1f alone), %s: sign-in from elsewhere"
                 % (alone["p99"], told), beside["p99"],
                 3 * max(alone["p99"], form["floor"]))
    figures.least("control: from the same address, times that alone, p50",
                  same["p50"] / max(alone["p50"], 0.001), 3)


def main():
    chosen = options(__doc__, only="overload fairness")
    form, figures = FORMS[chosen.full], Figures("R17")
    if "overload" in chosen.only:
        overload(figures, form)
    if "fairness" in chosen.only:
        fairness(figures, form)
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
