#!/usr/bin/python3 -B
"""R4: reloads, new certificates, upgrades and the end, under load.

exclusive: it measures.   seconds: 900

usage: reload.py [--full]
Full: 20 reloads, 5 certificates, 20 upgrades, 200 000 requests, 16 uploads
and 16 downloads of 200 MB. Short: 2, 1, 2, and 2 of 24 MB each.
"""

import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from _load import (Figures, Steady, alive, app_password,          # noqa: E402
                   certificate, failures, options, scratch)
import _transfer                                                  # noqa: E402
import wire                                                       # noqa: E402
from celldav import Server, binary, free_port                     # noqa: E402

FORMS = {
    True: {"reloads": 20, "certificates": 5, "upgrades": 20, "pause": 2.0,
           "transfers": 16, "size": 200 << 20, "requests": 200000,
           "rate": 1600, "alone": 15, "floor": 0},
    False: {"reloads": 2, "certificates": 1, "upgrades": 2, "pause": 0.5,
            "transfers": 2, "size": 24 << 20, "requests": 3000,
            "rate": 600, "alone": 2, "floor": 150},
}
REQUESTS = [
    ("GET", "/dav/my-files/small", "200", 0),
    ("PUT", "/dav/my-files/c{c}", "201,204", 2000),
    ("GET", "/dav/my-files/c{c}", "200", 0),
    ("PROPFIND", "/dav/my-files/c{c}", "207", 0, "Depth: 0"),
    ("OPTIONS", "/dav/my-files/", "200", 0),
    ("GET", "/healthz", "200", 0),
]


class Work:
    """The server, whose program is a copy that can be replaced."""

    def __init__(self, form):
        self.form = form
        self.original = binary()
        self.program = os.path.join(scratch(), "celldav-upgraded")
        shutil.copy(self.original, self.program)
        os.environ["CELLDAV"] = self.program
        self.server = Server()
        self.server.user("alice")
        self.tls_port = free_port()
        self.server.configure(None, "listen", [
            "127.0.0.1:%d" % self.server.port,
            "tls://127.0.0.1:%d" % self.tls_port])
        self.context = certificate(self.server)
        self.server.start()
        self.user = app_password(self.server, "alice")
        self.retired = {}     # pid -> when it was replaced
        self.gone = {}        # pid -> seconds that it lived on
        with self.server.client("alice") as alice:
            alice.put("/dav/my-files/small", os.urandom(4096))

    def load(self, seconds, rate=None):
        return Steady(self.server.port, REQUESTS, connections=24,
                      rate=rate or self.form["rate"], seconds=seconds,
                      user=self.user)

    def load_tls(self, seconds):
        return Steady(self.tls_port, [("GET", "/healthz", "200", 0)],
                      connections=4, rate=60, seconds=seconds, tls=True)

    def replaced(self, number):
        """Sends the signal; waits until a new process has taken over."""
        old = self.server.worker
        since = time.monotonic()
        self.server.signal(number)
        newest = lambda: max(self.children(), default=old)
        if not wire.wait_until(lambda: newest() != old and self.ready(old),
                               30):
            raise RuntimeError("no new process: "
                               + self.server.log()[-2000:])
        self.server.worker = newest()
        self.retired[old] = time.monotonic()
        return time.monotonic() - since

    def ready(self, old):
        """The old process was told to go: it does not listen any more."""
        return not alive(old) or not self.listens(old)

    @staticmethod
    def listens(pid):
        """Whether it accepts: whether a listening socket is among its
        descriptors."""
        listening = set()
        with open("/proc/net/tcp", encoding="ascii") as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    listening.add("socket:[%s]" % fields[9])
        try:
            names = os.listdir("/proc/%d/fd" % pid)
            return any(os.readlink("/proc/%d/fd/%s" % (pid, n)) in listening
                       for n in names)
        except OSError:
            return False

    def children(self):
        found = subprocess.run(["ps", "-o", "pid=", "--ppid",
                                str(self.server.process.pid)], check=False,
                               capture_output=True, text=True)
        return [int(word) for word in found.stdout.split()
                if alive(int(word))]

    def watch(self):
        """Notes when the replaced processes end."""
        for pid, since in self.retired.items():
            if pid not in self.gone and not alive(pid):
                self.gone[pid] = time.monotonic() - since

    def upgrade(self):
        """A new file in the place of the program; both processes run it."""
        fresh = self.program + ".new"
        shutil.copy(self.original, fresh)
        os.rename(fresh, self.program)
        self.replaced(signal.SIGUSR2)
        wanted = os.stat(self.program).st_ino
        runs = lambda: [os.stat("/proc/%d/exe" % pid).st_ino == wanted
                        for pid in (self.server.process.pid,
                                    self.server.worker)] == [True, True]
        return bool(wire.wait_until(runs, 10))

    def swap(self, number):
        """A new certificate: whether it is served, and no other."""
        context = certificate(self.server, "swapped-%d" % number)
        self.replaced(signal.SIGHUP)
        try:
            with wire.Client("127.0.0.1", self.tls_port,
                             tls=context) as client:
                return client.get("/healthz").status == 200
        except ssl.SSLError:
            return False


def actions(work):
    """Reloads, certificates and upgrades, in turn; what failed."""
    form, wrong = work.form, []
    for number in range(max(form["reloads"], form["upgrades"])):
        if number < form["reloads"]:
            work.replaced(signal.SIGHUP)
            time.sleep(form["pause"] / 2)
        if number < form["certificates"] and not work.swap(number):
            wrong.append("certificate %d" % number)
        if number < form["upgrades"] and not work.upgrade():
            wrong.append("upgrade %d" % number)
        time.sleep(form["pause"] / 2)
        work.watch()
    return wrong


class Locks(threading.Thread):
    """A DAV client that locks, writes, reads, moves and unlocks."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.client, self.done = server.client("alice"), False
        self.rounds, self.fault = 0, None

    def run(self):
        try:
            while not self.done:
                self.round("/dav/my-files/doc-%d" % self.rounds)
                self.rounds += 1
                time.sleep(0.02)
        except Exception as error:    # told by the test's own thread
            self.fault = repr(error)

    def want(self, answer, *statuses):
        if answer.status not in statuses:
            raise wire.WireError("%r" % answer)
        return answer

    def round(self, path):
        client = self.client
        body = path.encode()
        token = wire.lock_token(self.want(client.lock(path), 201))
        own = {"If": "(<%s>)" % token}
        self.want(client.put(path, b"stolen"), 423)
        self.want(client.put(path, body, own), 201, 204)
        self.want(client.unlock(path, token), 204)
        self.want(client.move(path, path + "-moved"), 201)
        if self.want(client.get(path + "-moved"), 200).body != body:
            raise wire.WireError("other bytes")
        self.want(client.delete(path + "-moved"), 204)


def under_load(figures, work):
    form = work.form
    _transfer.fill(work.server, form["transfers"], form["size"])
    work.load(1).end()
    seconds = form["requests"] / form["rate"]
    locks = Locks(work.server)
    with work.server.client("alice") as alice:
        held = wire.lock_token(alice.lock("/dav/my-files/held"))
    moving = [_transfer.Transfer(work.server, kind, n, form["size"],
                                 min(form["alone"] + seconds, 55))
              for n in range(form["transfers"]) for kind in ("up", "down")]
    for thread in moving + [locks]:
        thread.start()
    normal = work.load(form["alone"]).end()
    loads = [work.load(3600), work.load_tls(3600)]
    since = time.monotonic()
    wrong = actions(work)
    time.sleep(max(0, seconds - (time.monotonic() - since)))
    both = [load.stop() for load in loads]
    locks.done = True
    for thread in moving + [locks]:
        thread.join()
    report(figures, work, normal, both, wrong)
    transfers_report(figures, work, moving, locks)
    lock_report(figures, work, held)


def report(figures, work, normal, both, wrong):
    form = work.form
    total = sum(one["good"] for one in both)
    figures.equal("reloads, certificates, upgrades that failed", wrong, [])
    figures.least("processes replaced", len(work.retired),
                  form["reloads"] + form["certificates"] + form["upgrades"])
    figures.least("requests answered", total, form["requests"] * 0.95)
    for one, name in zip(both, ("plain", "TLS")):
        figures.equal("failed, refused, reset (%s) %s" % (
            name, one["first"]), sum(failures(one).values()), 0)
    figures.equal("turned away (503)", sum(
        one["status"].get("503", 0) for one in both), 0)
    figures.most("p99, ms (%.2f beside the transfers alone)"
                 % normal["p99"], both[0]["p99"],
                 max(3 * normal["p99"], form["floor"]))


def transfers_report(figures, work, moving, locks):
    faults = [one.fault for one in moving if one.fault]
    figures.equal("transfers that failed %s" % faults[:1], len(faults), 0)
    figures.equal("uploads with other bytes", _transfer.check_uploads(
        work.server, work.form["transfers"], work.form["size"]), 0)
    figures.equal("fault of the client with locks", locks.fault, None)
    figures.least("rounds of the client with locks", locks.rounds, 10)
    last = max(one.finished for one in moving)
    wire.wait_until(lambda: work.watch() or
                    len(work.gone) == len(work.retired), 65)
    figures.equal("old processes that are left",
                  len(work.retired) - len(work.gone), 0)
    late = [seconds for pid, seconds in work.gone.items()
            if work.retired[pid] + seconds > last + 5]
    figures.most("an old process lived on, s", max(late, default=0), 60)
    figures.tell("longest life of an old process, s",
                 max(work.gone.values()))


def lock_report(figures, work, held):
    """What lives in the store stays; what lives in memory does not."""
    path = "/dav/my-files/held"
    with work.server.client("alice") as alice:
        figures.equal("PUT on what was locked before", alice.put(
            path, b"x").status, 423)
        figures.equal("the same with the token", alice.put(
            path, b"x", {"If": "(<%s>)" % held}).status, 204)
        alice.unlock(path, held)
    guess = lambda: wire.Client("127.0.0.1", work.server.port, "root",
                                "wrong").get("/dav/").status
    before = [guess() for _ in range(12)][-1]
    work.replaced(signal.SIGHUP)
    figures.equal("12th wrong password", before, 429)
    figures.tell("the next one after a reload (memory is not handed over)",
                 guess())


def bad_configuration(figures, work):
    """It is refused by name and line, and nothing changes."""
    server = work.server
    with open(server.conf_path, encoding="utf-8") as file:
        good = file.read()
    line = good.count("\n") + 1
    with open(server.conf_path, "w", encoding="utf-8") as file:
        file.write(good + "nonsense = 5\n")
    where = "%s:%d" % (os.path.basename(server.conf_path), line)
    done = server.run("check")
    figures.true("check refuses a bad configuration by its line",
                 done.returncode != 0 and where in done.stderr,
                 "exit != 0 and " + where)
    newest, size = max(work.children()), server.log_size()
    for number in (signal.SIGHUP, signal.SIGUSR2):
        server.signal(number)
    told = wire.wait_until(lambda: where in server.log()[size:], 10)
    figures.true("so do SIGHUP and SIGUSR2", told)
    time.sleep(0.3)
    figures.equal("the process is the same", max(work.children()), newest)
    with server.client() as client:
        figures.equal("and serve", client.get("/healthz").status, 200)
    with open(server.conf_path, "w", encoding="utf-8") as file:
        file.write(good)


def terminate(figures, work):
    """SIGTERM lets requests end; then all is as it should be."""
    size = 24 << 20
    moving = [_transfer.Transfer(work.server, kind, 0, size, 2)
              for kind in ("up", "down")]
    moving[1].path, moving[1].size = "/dav/my-files/down-0", \
        work.form["size"]
    for thread in moving:
        thread.start()
    time.sleep(1)
    process = work.server.process
    work.server.signal(signal.SIGTERM)
    for thread in moving:
        thread.join()
    figures.equal("transfers that SIGTERM broke",
                  [one.fault for one in moving if one.fault], [])
    figures.equal("exit status after SIGTERM", process.wait(70), 0)
    work.server.process = None
    done = work.server.run("verify")
    figures.equal("exit status of verify afterwards", done.returncode, 0)


def control(figures, work):
    """Without a hand-over it shows: the server process is killed."""
    work.server.start()
    load = work.load(3, rate=600)
    time.sleep(1)
    os.kill(work.server.worker, signal.SIGKILL)
    figures.least("control: failures when the process is killed",
                  sum(failures(load.end()).values()), 1)
    work.server.stop()


def main():
    chosen = options(__doc__)
    figures = Figures("R4")
    work = Work(FORMS[chosen.full])
    under_load(figures, work)
    bad_configuration(figures, work)
    terminate(figures, work)
    control(figures, work)
    work.server.close()
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
