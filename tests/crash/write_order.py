#!/usr/bin/python3
"""R0: what is on disk before the 2xx leaves, read off the system calls.

strace follows the server process through one request at a time. The calls
must have ended in this order: fdatasync of the staged content, its rename,
fsync of the folder it went to, a sync in the engine's folder that came behind
the engine's last write, the answer. A small content and every other change:
write, sync, answer. The control keeps the server from one kind of sync at a
time, by a library that says they were done: the order must be found broken.
"""

import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import preload  # noqa: E402
import wire  # noqa: E402
from celldav import Server  # noqa: E402

CALLS = "fdatasync,fsync,rename,renameat,renameat2,linkat,pwrite64," \
    "pwritev,pwritev2,write,writev,sendto,sendmsg,msync,sync_file_range," \
    "ftruncate"
UNFINISHED = re.compile(r"^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$")
WHOLE = re.compile(r"^(\d+)\s+(\w+)\((.*)$")
WRITES = ("pwrite64", "pwritev", "pwritev2", "write", "writev")


class Trace:
    """strace on a process: the calls in the order in which they ended."""

    def __init__(self, pid, path):
        self.path = path
        self.process = subprocess.Popen(
            ["strace", "-f", "-y", "-s", "64", "-e", "trace=" + CALLS,
             "-o", path, "-p", str(pid)], stderr=subprocess.PIPE)
        while b"attached" not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise SystemExit("strace cannot attach")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        begun, calls = {}, []
        with open(self.path, encoding="utf-8", errors="replace") as file:
            for line in file:
                line = line.rstrip("\n")
                if match := UNFINISHED.match(line):
                    begun[match[1]] = match[3]
                elif match := RESUMED.match(line):
                    calls.append((match[2], begun.pop(match[1], "")
                                  + match[3]))
                elif match := WHOLE.match(line):
                    calls.append((match[2], match[3]))
        return calls


def is_answer(name, text):
    return name in ("writev", "write", "sendmsg", "sendto") and \
        "HTTP/1.1 20" in text


def is_engine_write(name, text):
    return name in WRITES and "/engine/" in text.split(">", 1)[0]


def is_engine_sync(name, text):
    return name in ("fdatasync", "fsync", "msync") and "/engine/" in text


def is_staged_write(name, text):
    return name in WRITES and "/staging/" in text.split(">", 1)[0]


def is_staged_sync(name, text):
    return name in ("fdatasync", "fsync") and "/staging/" in text


def is_publish(name, text):
    return name.startswith(("rename", "link")) and "blobs/" in text


def is_folder_sync(name, text):
    return name == "fsync" and re.search(r"/blobs/\w\w>", text)


ENGINE = [("engine written", is_engine_write),
          ("engine synced", is_engine_sync), ("answer", is_answer)]
LARGE = [("content staged", is_staged_write),
         ("staged content synced", is_staged_sync),
         ("published by rename", is_publish),
         ("folder synced", is_folder_sync), *ENGINE]
# What a sync that is only pretended is asked of.
CONTROL = {"staged content": "*/staging/*", "folder": "*/blobs/??",
           "engine": "*/engine*"}


def order_fault(calls, steps):
    """None when the steps are found one behind the other."""
    at = 0
    for what, test in steps:
        while at < len(calls) and not test(*calls[at]):
            if what != "answer" and is_answer(*calls[at]):
                return "the answer came before: " + what
            at += 1
        if at == len(calls):
            return "not seen: " + what
        at += 1
    return None


def requests(client):
    """Name, what to do, and the steps it must take."""
    large, body = os.urandom(3 << 20), b"small"
    base, token = "/dav/order/", []

    def lock():
        answer = client.lock(base + "d")
        token.append(wire.lock_token(answer))
        return answer

    yield "PUT new 3 MiB", lambda: client.put(base + "a", large), LARGE
    yield "PUT over 3 MiB", lambda: client.put(base + "a", large[1:]), LARGE
    yield "PUT new 5 B", lambda: client.put(base + "b.txt", body), ENGINE
    yield "PUT over 5 B", lambda: client.put(base + "b.txt", b"x"), ENGINE
    yield "MKCOL", lambda: client.mkcol(base + "c/"), ENGINE
    yield "MOVE", lambda: client.move(base + "a", base + "c/a"), ENGINE
    yield "MOVE over", lambda: client.move(
        base + "b.txt", base + "c/a"), ENGINE
    yield "MOVE collection", lambda: client.move(
        base + "c/", base + "e/"), ENGINE
    yield "COPY", lambda: client.copy(base + "e/a", base + "d"), ENGINE
    yield "COPY collection", lambda: client.copy(
        base + "e/", base + "c/"), ENGINE
    yield "PROPPATCH", lambda: client.proppatch(
        base + "d", [("{urn:x}n", "v")]), ENGINE
    yield "LOCK", lock, ENGINE
    yield "PUT under lock", lambda: client.put(
        base + "d", body, {"If": "(<%s>)" % token[0]}), ENGINE
    yield "UNLOCK", lambda: client.unlock(base + "d", token[0]), ENGINE
    yield "DELETE", lambda: client.delete(base + "d"), ENGINE
    yield "DELETE collection", lambda: client.delete(base + "c/"), ENGINE


def judge(server, act, steps):
    """One traced request: what is wrong with it, or None."""
    trace = Trace(server.worker, os.path.join(server.scratch, "trace"))
    answer = act()
    time.sleep(0.05)
    calls = trace.end()
    if answer.status // 100 != 2:
        return "status %d" % answer.status
    return order_fault(calls, steps)


def control(server, client, shim):
    """How many kinds of sync can be left out unseen."""
    blind = 0
    for what, pattern in CONTROL.items():
        rule = shim.rule(preload.SYNC, preload.PRETEND, until=0,
                         pattern=pattern)
        fault = judge(server, lambda: client.put(
            "/dav/order/control", os.urandom(1 << 20)), LARGE)
        rule.disarm()
        print("without syncs of %-16s %s" % (
            what + ":", fault or "in order, which is WRONG"), flush=True)
        blind += fault is None or not rule.acted
    return blind


def main():
    server = Server(conf={("log", "access"): "off"})
    server.user("alice")
    server.cell("order", "alice")
    shim = preload.Shim(server.scratch)
    server.start(preload=shim.environment())
    faults = 0
    with server.client("alice") as client:
        client.propfind("/dav/order/")
        for name, act, steps in requests(client):
            fault = judge(server, act, steps)
            print("%-18s %s" % (name, fault or "in order"), flush=True)
            faults += fault is not None
        faults += control(server, client, shim)
    server.close()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
