#!/usr/bin/python3
"""seconds: 900
R14: uploads that the client cuts short leave nothing, whichever way it does.

Each cut sends the head of a PUT and a part of its body, then ends the
connection: FIN, RST, a TLS connection closed without notify, a chunked body
without its last chunk, a Content-Length that is never reached. The file is
new or there already, small or large. Afterwards the old bytes are there (or
nothing), the collection shows nothing new, no answer and no line of the log
says that it worked, and what was staged is gone within 60 seconds. COPY of a
collection that is deleted meanwhile, or whose client goes: all or nothing.

    client_aborts.py [CUTS [SEED]]
"""

import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import wire  # noqa: E402
from campaign import LONG, LOST, Campaign, a_server, blob_files, \
    files_below, get  # noqa: E402
from celldav import access_fields, free_port  # noqa: E402

SIZES = [1, 100, 4096, 16384, 16385, 70000, 300000, 3000000]
MANNERS = ["fin", "rst", "no last chunk", "short length", "tls without notify",
           "tls rst", "after 100"]
MEMBERS = 300
PATIENCE = 60


def certificate(server):
    """Paths of a certificate and its key."""
    paths = [os.path.join(server.dir, "tls" + end) for end in (".pem",
                                                               ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=test", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", paths[0],
                    "-keyout", paths[1]], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths


def reset(sock):
    """Ends a connection by RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


class Aborts:
    def __init__(self, cuts, seed):
        self.campaign = Campaign("client_aborts")
        self.chance, self.cuts = random.Random(seed), cuts
        self.server = a_server(cell="cut")
        self.access = os.path.join(self.server.scratch, "access.log")
        self.server.configure("log", "access", self.access)
        self.tls_port = free_port()
        paths = certificate(self.server)
        self.server.configure("tls", "certificate", paths[0])
        self.server.configure("tls", "key", paths[1])
        self.server.configure(None, "listen", [
            "127.0.0.1:%d" % self.server.port,
            "tls://127.0.0.1:%d" % self.tls_port])
        self.tls = ssl.create_default_context(cafile=paths[0])
        self.tls.suppress_ragged_eofs = False
        self.old, self.stored = {}, 0

    # -- one cut -------------------------------------------------------

    def cut(self, number):
        manner = MANNERS[number % len(MANNERS)]
        path = "/dav/cut/%d" % number
        self.old[path] = self.chance.randbytes(
            self.chance.choice(SIZES[:6])) if number % 3 else None
        with self.server.client("alice") as client:
            if self.old[path] is not None:
                self.stored += 1
                client.put(path, self.old[path])
            body = self.chance.randbytes(self.chance.choice(SIZES))
            point = "cut %d (%s, %d B, %s)" % (
                number, manner, len(body),
                "new" if self.old[path] is None else "there")
            answer = self.send(client, path, body, manner)
            self.campaign.point()
            self.campaign.must(answer is None or answer.status >= 400,
                               "%s: answer %r" % (point, answer))
            self.look(client, path, point)

    def send(self, client, path, body, manner):
        """The answer that a cut upload got, None mostly."""
        secure = manner.startswith("tls")
        connection = wire.Connection(
            "127.0.0.1", self.tls_port if secure else self.server.port,
            self.tls if secure else None, timeout=20)
        try:
            data = self.part(client, path, body, manner)
            if manner == "after 100":
                head, _, data = data.partition(b"\r\n\r\n")
                connection.send(head + b"\r\n\r\n")
                connection.read_interim()
            connection.send(data, owed=0)
            return self.finish(connection, manner)
        except LOST:
            return None     # the server was faster
        finally:
            connection.close()

    def part(self, client, path, body, manner):
        """Head and as much of the body as is sent."""
        sent = body[:self.chance.randrange(len(body))]
        if manner == "no last chunk":
            chunks = wire.to_chunks(sent, self.chance.choice([100, 5000]))
            return client.head("PUT", path, chunked=True) + chunks[:-5]
        if manner == "short length":
            more = self.chance.choice([1, 2, 4096, 10 ** 9])
            return client.head("PUT", path, length=len(body) + more) + body
        headers = {"Expect": "100-continue"} if manner == "after 100" else {}
        return client.head("PUT", path, headers, length=len(body)) + sent

    @staticmethod
    def finish(connection, manner):
        if manner in ("rst", "tls rst"):
            reset(connection.sock)
            connection.sock = None
            return None
        if manner == "tls without notify":
            raw = socket.socket(fileno=connection.sock.detach())
            raw.close()
            connection.sock = None
            return None
        connection.sock.shutdown(socket.SHUT_WR)
        return connection.read("PUT")

    def look(self, client, path, point):
        status, got = get(client, path)
        old = self.old[path]
        if old is None:
            self.campaign.must(status == 404, "%s: %s, %d B are there" % (
                point, status, len(got)))
        else:
            self.campaign.must((status, got) == (200, old), "%s: the old "
                               "content is gone: %s" % (point, status))

    # -- COPY whose source vanishes --------------------------------------

    def copies(self, rounds):
        with self.server.client("alice") as client:
            client.mkcol("/dav/cut/from")
            for number in range(MEMBERS):
                client.put("/dav/cut/from/%d" % number, b"%d" % number)
            for number in range(rounds):
                self.one_copy(client, number)

    def one_copy(self, client, number):
        source, target = "/dav/cut/s%d" % number, "/dav/cut/t%d" % number
        self.campaign.must(client.copy("/dav/cut/from", source).status == 201,
                           "cannot prepare " + source)
        self.campaign.point()
        answer = []
        if number % 2:
            thread = threading.Thread(target=self.copy_and_go,
                                      args=(source, target))
        else:
            thread = threading.Thread(target=self.copy_and_wait,
                                      args=(source, target, answer))
        thread.start()
        client.delete(source)
        thread.join()
        wire.wait_until(lambda: self.count(client, source) == 0, 10)
        found = self.count(client, target)
        done = bool(answer) and answer[0] in (201, 204)
        self.campaign.must(found in (0, MEMBERS), "COPY of what vanishes: %d "
                           "of %d members" % (found, MEMBERS))
        self.campaign.must(not done or found == MEMBERS, "COPY said %s, but "
                           "%d members are there" % (answer, found))

    def copy_and_wait(self, source, target, answer):
        with self.server.client("alice") as client:
            answer.append(client.copy(source, target).status)

    def copy_and_go(self, source, target):
        with self.server.client("alice") as client:
            connection = client.connect()
            connection.send(client.head("COPY", source, {
                "Destination": client.origin + target}))
            reset(connection.sock)
            connection.sock = None
            connection.close()

    @staticmethod
    def count(client, path):
        answer = client.propfind(path, "1")
        return len(answer.items()) - 1 if answer.status == 207 else 0

    # -- what is left ----------------------------------------------------

    def look_at_all(self):
        wanted = {path for path, old in self.old.items() if old is not None}
        with self.server.client("alice") as client:
            answer = client.propfind("/dav/cut/", "1")
            shown = {item.href for item in answer.items()
                     if not item.href.endswith("/")}
        self.campaign.must(shown == wanted, "the collection shows %s" %
                           sorted(shown ^ wanted)[:5])

    def look_at_log(self):
        with open(self.access, encoding="utf-8", errors="replace") as file:
            fields = [access_fields(line) for line in file
                      if " method=PUT " in line]
        said = {}
        for field in filter(None, fields):
            if field["status"].startswith("2"):
                said[field["path"]] = said.get(field["path"], 0) + 1
        for path, old in self.old.items():
            self.campaign.must(
                said.get(path, 0) == (old is not None),
                "the log tells of %d PUT of %s" % (said.get(path, 0), path))

    def staged(self):
        return files_below(os.path.join(self.server.dir, "state", "staging"))

    def look_at_space(self):
        gone = wire.wait_until(lambda: not self.staged(), PATIENCE)
        self.campaign.must(gone, "staged after %d s: %s" % (
            PATIENCE, self.staged()[:5]))
        orphans = wire.wait_until(self.no_orphans, PATIENCE)
        self.campaign.must(orphans, "contents that nobody names stay")
        self.campaign.say("%d content files, nothing staged"
                          % len(blob_files(self.server)))

    def no_orphans(self):
        done = self.server.run("--json", "verify")
        return done.returncode == 0 and \
            json.loads(done.stdout)["orphan_files"] == 0

    def run(self):
        self.server.start()
        worker = self.server.worker
        for number in range(self.cuts):
            self.cut(number)
        self.look_at_all()
        self.look_at_log()
        self.copies(max(4, self.cuts // 10))
        self.look_at_space()
        self.campaign.must(self.server.worker_pid() == worker,
                           "the server process died")
        self.campaign.verify(self.server, "at the end")
        self.server.close()
        return self.campaign.end()


def main(cuts=500 if LONG else 105, seed=None):
    seed = seed if seed is not None else random.randrange(2 ** 32)
    print("cuts %d, seed %d" % (cuts, seed), flush=True)
    return Aborts(cuts, seed).run()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
