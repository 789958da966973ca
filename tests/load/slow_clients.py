#!/usr/bin/python3 -B
"""R5: thousands of slow clients beside normal ones, and more connections than
there may be.

exclusive: it measures.   seconds: 400

usage: slow_clients.py [--full] [--each N] [--tls 1]
Full: 2 500 of each of the four kinds, shipped limits, 2 minutes. Short: 500 of
each, limits of 3 s, 20 s.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from _load import (Cpu, Figures, Steady, certificate,             # noqa: E402
                   descriptors_raise, failures, options, program, rss)
import wire                                                       # noqa: E402
from celldav import Server                                        # noqa: E402

NORMAL = 50
RATE = 500
PLENTY = 400     # descriptors
SHORT_LIMITS = {"header_seconds": 3, "body_grace_seconds": 3,
                "keep_alive_seconds": 4}


class Slow:
    """slow.c at work."""

    def __init__(self, server, each, tls):
        self.process = subprocess.Popen(
            [program("slow"), str(server.port), str(each), "4",
             wire.basic("alice", server.password_of("alice")),
             "/dav/my-files/big", "1" if tls else "0"],
            stdout=subprocess.PIPE, text=True)

    def wait_up(self):
        """All have been connected once."""
        if self.process.stdout.readline() != "up\n":
            raise RuntimeError("the slow clients did not start")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.communicate()[0])


def normal(server, tls, seconds):
    return Steady(server.port,
                  [("GET", "/dav/my-files/small", "200", 0)],
                  connections=NORMAL, rate=RATE, seconds=seconds, tls=tls,
                  user=("alice", server.password_of("alice")))


def probe(server, tls, seconds):
    """Longest time to connect and be answered, in ms."""
    worst, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        since = time.monotonic()
        with wire.Client("127.0.0.1", server.port, tls=tls) as client:
            if client.get("/healthz").status != 200:
                raise RuntimeError("/healthz is not 200")
        worst = max(worst, (time.monotonic() - since) * 1000)
        time.sleep(0.2)
    return worst


def socket_memory():
    """Bytes that TCP holds in the kernel, on the whole machine."""
    with open("/proc/net/sockstat", encoding="ascii") as file:
        for line in file:
            if line.startswith("TCP:"):
                return int(line.split()[-1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def fill(server, tls):
    with server.client("alice", tls) as alice:
        for name, size in (("small", 4096), ("big", 64 << 20)):
            answer = alice.put("/dav/my-files/" + name, os.urandom(size))
            if answer.status != 201:
                raise RuntimeError("PUT: %r" % answer)


def slow_set(figures, server, chosen, tls):
    """The normal ones alone, the slow ones alone, both."""
    seconds = 40 if chosen.full else 2
    normal(server, tls, 1).end()    # passwords are hashed once
    alone = normal(server, tls, 10 if chosen.full else 2).end()
    before, kernel = rss(server.worker), socket_memory()
    slow = Slow(server, chosen.each, tls)
    slow.wait_up()
    coming = probe(server, tls, 15 if chosen.full else 2)
    cpu = Cpu(server.worker)
    accepted = probe(server, tls, seconds)
    part = cpu.part()
    both = normal(server, tls, seconds).end()
    used = rss(server.worker)
    kernel = socket_memory() - kernel
    told = slow.end()
    figures.tell("new connection answered while they come, ms", coming)
    figures.tell("memory of sockets in the kernel, MiB", kernel / 2 ** 20)
    figures.tell("RSS before the slow clients, MiB", before / 2 ** 20)
    figures.most("p99 of normal clients, ms (%.2f alone)" % alone["p99"],
                 both["p99"], max(50, 2 * alone["p99"]))
    figures.equal("errors of normal clients %s" % both["first"],
                  sum(failures(both).values()), 0)
    figures.least("requests of normal clients", both["good"],
                  RATE * seconds * 0.95)
    figures.most("RSS with %d slow clients, MiB" % (4 * chosen.each),
                 used / 2 ** 20, 700 if tls else 150)
    figures.most("new connection answered, ms", accepted, 100)
    figures.most("CPU of the slow set, part of a core", part, 0.1)
    return told


def cuts(figures, told, limits):
    """Who is too slow went in time, and nobody was refused."""
    header = limits.get("header_seconds", 15)
    figures.least("slow headers cut", told["header"]["cut"], 1)
    figures.least("slow headers: first cut, s", told["header"]["least"],
                  header - 2)
    figures.most("slow headers: last cut, s", told["header"]["most"],
                 header + 2)
    grace = limits.get("body_grace_seconds", 30)
    figures.least("slow bodies cut", told["body"]["cut"], 1)
    figures.least("slow bodies: first cut, s", told["body"]["least"],
                  grace - 2)
    figures.most("slow bodies: last cut, s", told["body"]["most"],
                 grace * 2 + 2)
    figures.equal("readers cut that still read", told["reader"]["cut"], 0)
    for kind, row in told.items():
        figures.equal("refused: " + kind, row["refused"], 0)


def flood(server, count):
    """More connections than there may be; how many are left open."""
    held = []
    for _ in range(count):
        try:
            connection = wire.Connection("127.0.0.1", server.port, None)
        except OSError:
            continue
        held.append(connection)
    time.sleep(0.5)
    return held


def is_open(connection):
    """Whether its peer has not ended it, whatever it said before."""
    connection.sock.setblocking(False)
    try:
        while connection.sock.recv(4096):
            pass
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def at_the_cap(figures, chosen):
    """limits.connections, and then no descriptor left: shed, no spin."""
    server = Server(limits={"connections": 100, "header_seconds": 60})
    server.start()
    held = flood(server, 150)
    cpu = Cpu(server.worker)
    time.sleep(5 if chosen.full else 1)
    figures.most("CPU at limits.connections, part of a core", cpu.part(),
                 0.05)
    figures.most("connections open at limits.connections = 100",
                 sum(map(is_open, held)), 100)
    for connection in held:
        connection.close()
    server.close()
    server = Server(limits={"header_seconds": 60})
    server.start()
    taken = [int(n) for n in os.listdir("/proc/%d/fd" % server.worker)]
    limit = max(taken) + 41
    # Numbers below the limit, holes among them; and the loop's spare one.
    free = limit - len(taken) + 1
    resource.prlimit(server.worker, resource.RLIMIT_NOFILE,
                     (limit, PLENTY))
    held = flood(server, 150)
    cpu = Cpu(server.worker)
    time.sleep(5 if chosen.full else 1)
    figures.most("CPU without a free descriptor, part of a core",
                 cpu.part(), 0.05)
    figures.most("connections open with so many descriptors free",
                 sum(map(is_open, held)), free)
    for connection in held:
        connection.close()
    served = wire.wait_until(
        lambda: server.client().get("/healthz").status == 200, 5)
    figures.true("served again when they are gone", served)
    no_descriptor(figures, server)
    server.close()


def no_descriptor(figures, server):
    """Not even the one that is kept to turn connections away."""
    resource.prlimit(server.worker, resource.RLIMIT_NOFILE, (3, PLENTY))
    held = flood(server, 4)
    cpu = Cpu(server.worker)
    time.sleep(1)
    figures.most("CPU without any descriptor, part of a core", cpu.part(),
                 0.05)
    resource.prlimit(server.worker, resource.RLIMIT_NOFILE,
                     (PLENTY, PLENTY))
    for connection in held:
        connection.send(server.client().head("GET", "/healthz"))
        connection.owed = 1
    figures.equal("waiting ones served when there are some again", [
        connection.read().status for connection in held], [200] * 4)
    for connection in held:
        connection.close()


def control_begin():
    """A server without a limit of time for headers, and slow ones on it."""
    server = Server(limits={"header_seconds": 600})
    server.user("alice")
    server.start()
    fill(server, None)
    slow = Slow(server, 25, None)
    slow.wait_up()
    return server, slow, time.monotonic()


def control_end(figures, control, limit):
    """The test sees that its slow headers stayed."""
    server, slow, since = control
    time.sleep(max(0, limit + 3 - (time.monotonic() - since)))
    figures.equal("control: header_seconds = 600 cuts no header",
                  slow.end()["header"]["cut"], 0)
    server.close()


def main():
    chosen = options(__doc__, each=0, tls=0)
    figures = Figures("R5")
    allowed = descriptors_raise(65536)
    chosen.each = chosen.each or (2500 if chosen.full else 500)
    if allowed < chosen.each * 4 + 500:
        print("only %d descriptors are allowed" % allowed)
        return 77
    limits = {} if chosen.full else dict(SHORT_LIMITS)
    server = Server(limits=limits, scheme="tls://" if chosen.tls else "")
    server.user("alice")
    tls = None
    if chosen.tls:
        tls = certificate(server)
    server.start()
    fill(server, tls)
    told = slow_set(figures, server, chosen, tls)
    cuts(figures, told, limits)
    server.close()
    control = control_begin()
    at_the_cap(figures, chosen)
    control_end(figures, control, limits.get("header_seconds", 15))
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
