#!/usr/bin/python3 -B
"""R6: everything at once for a long time, and nothing grows.

exclusive: it measures.   seconds: 4000

usage: soak.py [--full] [--minutes N]
Full: 30 minutes, a sixth of them to warm up. Short: 9 s, a third to warm up.
Trash and versions are kept for no time; tombstones are kept for an hour at
least, so what they take in the engine is counted and set off.
"""

import os
import random
import re
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from _load import (Figures, Steady, app_password, certificate,    # noqa: E402
                   descriptors, failures, options, rss, threads)
from clocks import Changes                                        # noqa: E402
from reload import Locks                                          # noqa: E402
import wire                                                       # noqa: E402
from celldav import Server, free_port                             # noqa: E402

OWN = "/dav/my-files/"
MIX = [
    ("PUT", OWN + "c{c}", "201,204", 3000),
    ("GET", OWN + "c{c}", "200", 0),
    ("PUT", OWN + "large{c}", "201,204", 200000),
    ("GET", OWN + "large{c}", "200", 0),
    ("PROPFIND", OWN, "207", 0, "Depth: 1"),
    ("OPTIONS", OWN, "200", 0),
]
CONNECTIONS = 16
TOMBSTONE = 250         # bytes of the engine for each, with its indexes
TRASH = 1 << 18         # of it between two emptyings: a third of a short form
                        # is no longer than that
FORMS = {True: 600, False: 120}


class Churn(threading.Thread):
    """Calls `act` again and again, `pause` seconds apart."""

    def __init__(self, act, pause):
        super().__init__(daemon=True)
        self.act, self.pause = act, pause
        self.done, self.count, self.fault = False, 0, None

    def run(self):
        while not self.done:
            try:
                self.act()
                self.count += 1
            except Exception as error:    # told by the test's own thread
                self.fault = self.fault or repr(error)
            time.sleep(self.pause)


def want(answer, *statuses):
    if answer.status not in statuses:
        raise wire.WireError("%r" % answer)
    return answer


def aborted_upload(server, chance=random.Random(6)):
    """Cut by FIN or RST, somewhere."""
    client = server.client("alice")
    connection = client.connect()
    connection.send(client.head("PUT", OWN + "aborted", length=1 << 20))
    connection.send(b"a" * chance.randrange(1, 1 << 19), 0)
    if chance.random() < 0.5:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
    connection.close()


def handshake(server, port, context):
    with wire.Client("127.0.0.1", port, "alice",
                     server.password_of("alice"), context) as client:
        want(client.get(OWN + "c0"), 200, 404)


def tree_round(client):
    """Made, copied, moved, deleted, and the trash emptied."""
    client.request("DELETE", OWN + "tree-copy/")
    client.request("DELETE", OWN + "tree-moved/")
    client.mkcol(OWN + "tree/")
    for number in range(5):
        want(client.put(OWN + "tree/f%d" % number, b"t" * 500), 201, 204)
    want(client.copy(OWN + "tree/", OWN + "tree-copy/"), 201, 204)
    want(client.move(OWN + "tree/", OWN + "tree-moved/"), 201, 204)


def password_round(server):
    """An app password comes, opens, goes, and opens no more."""
    user, word = app_password(server, "carol", "churn")
    client = server.client().as_user(user, word)
    want(client.get("/dav/"), 200, 207, 403, 405, 429)
    server.command("app-password", "revoke", "carol", "churn")
    want(client.get("/dav/"), 401, 429)    # counted as a guess of carol's
    client.close()


def churns(server, port, context):
    """All that runs beside the steady load."""
    changes, tree = Changes(server), server.client("alice")
    return [Churn(lambda: aborted_upload(server), 0.1),
            Churn(lambda: handshake(server, port, context), 0.05),
            Churn(lambda: tree_round(tree), 0.2),
            Churn(lambda: password_round(server), 1),
            Churn(changes.change, 0.1),
            Churn(lambda: server.command("trash", "empty", "~alice"), 3)], \
        changes


def sample(server):
    """What must not grow."""
    told = server.json("stats")
    pid = server.worker
    opened, cached = descriptors(pid)
    return {"time": time.monotonic(), "rss": rss(pid, "RssAnon"),
            "mapped": rss(pid, "RssFile"),
            "threads": threads(pid), "descriptors": opened - cached,
            "cached": cached,
            "used": told["engine_used_bytes"],
            "file": told["engine_file_bytes"],
            "released": told["released_files"],
            "log": told["log_entries"], "readers": told["engine_readers"]}


def slope(samples, key):
    """Growth for each hour, by least squares."""
    times = [row["time"] for row in samples]
    middle = sum(times) / len(times)
    spread = sum((t - middle) ** 2 for t in times)
    level = sum(row[key] for row in samples) / len(samples)
    return 3600 * sum((t - middle) * (row[key] - level)
                      for t, row in zip(times, samples)) / max(spread, 1e-9)


def third(samples, which, key):
    """Median of the first or the last third."""
    size = max(1, len(samples) // 3)
    rows = samples[:size] if which == "first" else samples[-size:]
    return sorted(row[key] for row in rows)[len(rows) // 2]


def least(samples, which, key):
    """Without what is open only for the moment."""
    size = max(1, len(samples) // 3)
    return min(row[key] for row in (samples[:size] if which == "first"
                                    else samples[-size:]))


def judge(figures, samples, full):
    growth = third(samples, "last", "rss") / third(samples, "first", "rss")
    figures.most("private memory, last third by first", growth, 1.10)
    first, last = samples[0], samples[-1]
    if full:
        figures.most("private memory, slope, MiB/h",
                     slope(samples, "rss") / 2 ** 20, 1)
        figures.most("engine file, MiB (%.1f before)"
                     % (first["file"] / 2 ** 20), last["file"] / 2 ** 20,
                     first["file"] / 2 ** 20 * 1.25 + 8)
    for key in ("rss", "mapped", "used", "file"):
        figures.tell("%s, MiB, at the end" % key, last[key] / 2 ** 20)
    figures.most("descriptors but of contents: last third by first",
                 least(samples, "last", "descriptors")
                 - least(samples, "first", "descriptors"), 4)
    figures.tell("files of contents that are to go, at the end",
                 last["released"])
    figures.tell("descriptors of cached contents, most",
                 max(row["cached"] for row in samples))
    figures.equal("threads that came or went",
                  last["threads"] - first["threads"], 0)
    allowed = TOMBSTONE * (last["log"] - first["log"])
    used = third(samples, "first", "used")
    figures.most("engine in use, end by start, without %d tombstones"
                 % (last["log"] - first["log"]),
                 (third(samples, "last", "used") - allowed) / used,
                 1.05 + (0 if full else TRASH / used))
    figures.most("reader slots in use", last["readers"] - first["readers"],
                 1)


def control(figures, samples):
    """A leak of a tenth in this time would be seen."""
    span = samples[-1]["time"] - samples[0]["time"]
    leaking = [dict(row, rss=row["rss"] * (
        1 + 0.3 * (row["time"] - samples[0]["time"]) / span))
        for row in samples]
    fresh = Figures("R6 control")
    print("R6 control: the same with a leak of 30 %, which has to be BAD:")
    judge(fresh, leaking, False)
    figures.true("control: a leak is seen", any("memory" in what
                                                for what in fresh.failed))


def rotation(figures, server, user):
    """The log is renamed and reopened under load; no line is lost."""
    path = os.path.join(server.scratch, "access.log")
    load = Steady(server.port, [("GET", OWN + "rotated", "200", 0)], 8, 4,
                  rate=400, user=user)
    for number in range(3):
        time.sleep(0.5)
        old = server.worker
        os.rename(path, "%s.%d" % (path, number))
        server.signal(signal.SIGHUP)
        wire.wait_until(lambda: os.path.exists(path), 10)
        wire.wait_until(lambda: server.worker_pid() != old, 5)
        server.worker = server.worker_pid()
    got = load.end()
    time.sleep(1)
    lines = 0
    for name in [path] + ["%s.%d" % (path, n) for n in range(3)]:
        with open(name, encoding="utf-8", errors="replace") as file:
            lines += len(re.findall(r" method=GET path=/dav/my-files/rotated ",
                                    file.read()))
    figures.equal("failures while the log is rotated", failures(got), {})
    figures.equal("lines of %d requests, log rotated 3 times" % got["good"],
                  lines, got["good"])


def begin():
    server = Server(conf={("store", "trash_seconds"): 1,
                          ("store", "versions"): 0,
                          ("limits", "lock_seconds"): 60})
    server.configure("log", "access", os.path.join(server.scratch,
                                                   "access.log"))
    server.user("alice")
    server.user("carol")
    port = free_port()
    server.configure(None, "listen", ["127.0.0.1:%d" % server.port,
                                      "tls://127.0.0.1:%d" % port])
    context = certificate(server)
    server.start()
    with server.client("alice") as alice:
        want(alice.put(OWN + "rotated", b"x"), 201)
        for number in range(CONNECTIONS):
            want(alice.put(OWN + "c%d" % number, b"x"), 201)
            want(alice.put(OWN + "large%d" % number, b"x"), 201)
    return server, port, context


def soak(figures, form, seconds):
    server, port, context = begin()
    user = app_password(server, "alice")
    beside, changes = churns(server, port, context)
    locks = Locks(server)
    load = Steady(server.port, MIX, CONNECTIONS, seconds, rate=form, user=user)
    for thread in beside + [locks]:
        thread.start()
    warm = seconds / 6 if seconds > 600 else seconds / 3
    end, samples = time.monotonic() + seconds, []
    time.sleep(warm)
    while time.monotonic() < end - 1:
        samples.append(sample(server))
        time.sleep(max(0.3, (seconds - warm) / 60))
    for thread in beside + [locks]:
        thread.done = True
    got = load.end()
    for thread in beside + [locks]:
        thread.join()
    figures.tell("requests", got["good"])
    figures.equal("failures %s" % got["first"], failures(got), {})
    figures.equal("faults beside", [t.fault for t in beside + [locks]
                                    if t.fault], [])
    figures.tell("acts beside", [t.count for t in beside] + [locks.rounds])
    figures.equal("changes that synchronising was not told", changes.wrong,
                  [])
    figures.tell("of %d sync tokens, refused" % len(changes.tags),
                 changes.refused)
    judge(figures, samples, seconds >= 1200)
    control(figures, samples)
    rotation(figures, server, user)
    figures.equal("verify afterwards", server.run("verify").returncode, 0)
    server.close()


def main():
    chosen = options(__doc__, minutes=0.0)
    minutes = chosen.minutes or (30 if chosen.full else 0.15)
    figures = Figures("R6")
    soak(figures, FORMS[minutes > 1], minutes * 60)
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
