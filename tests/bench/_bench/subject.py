"""celldav as shipped: every change on disk before its answer, rights
evaluated, every request with Basic and an app password; only the access log
is off, as with the peers."""

import base64
import json
import os
import re
import secrets
import subprocess
import time
import urllib.request

from certificate import Certificate
from process import Failure, Process, free_port
from view import View

BUCKET = re.compile(
    r'^celldav_commit_batch_size_bucket\{[^}]*le="([^"]+)"[^}]*\} (\d+)',
    re.M)
SUM = re.compile(r"^celldav_commit_batch_size_(sum|count)(?:\{.*\})? (\S+)",
                 re.M)
BEHIND = ("reclaim_queue", "released_files", "types_to_decide")


def binary(top):
    return os.environ.get("CELLDAV") or os.path.join(top, "build", "release",
                                                     "celldav")


class Celldav:
    """One server with one user, one cell and one app password."""

    base = "/dav/bench/"
    tls = None

    def __init__(self, top, folder, name="celldav", sync="full"):
        self.name = name
        self.binary = binary(top)
        self.dir = os.path.join(folder, name)
        self.conf = os.path.join(self.dir, "celldav.conf")
        self.port, self.admin_port = free_port(), free_port()
        self.port_tls = free_port()
        self.certificate = Certificate(folder)
        self.command("init", "--dir", self.dir, "--listen",
                     f"127.0.0.1:{self.port}", "--admin", "root")
        self.configure(sync)
        self.accounts(folder)
        self.start()

    def start(self):
        env = dict(os.environ, CELLDAV_CONFIG=self.conf)
        self.process = Process([self.binary, "serve"], self.dir, env)
        try:
            for port in (self.port, self.port_tls, self.admin_port):
                self.process.wait_for_port(port)
        except Failure as error:
            self.process.stop()
            raise Failure(f"{self.name} {error}") from error

    def restart(self, sync=None):
        """The same state in a fresh process, on the same ports."""
        self.process.stop()
        if sync:
            self.configure(sync)
        self.start()

    def view(self, kind):
        """The same files over TLS, or with the account's own password, which
        is kept as argon2id."""
        if kind == "tls":
            return View(self, self.port_tls, self.auth,
                        self.certificate.authority)
        if kind == "password":
            return View(self, self.port, self.auth_password)
        return self

    def command(self, *words):
        env = dict(os.environ, CELLDAV_CONFIG=self.conf)
        done = subprocess.run([self.binary, *words], env=env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              check=False)
        if done.returncode != 0:
            raise Failure(f"celldav {' '.join(words)}: "
                          f"{done.stderr.strip()}")
        return done.stdout

    def configure(self, sync):
        """The keys that the benchmark needs; all others as shipped."""
        with open(self.conf, encoding="utf-8") as file:
            text = file.read()
        tls = self.certificate.folder
        for section, key, value in (
                ("log", "access", "off"), ("store", "sync", sync),
                ("tls", "certificate", tls + "/cert.pem"),
                ("tls", "key", tls + "/key.pem"),
                ("admin", "listen", f"127.0.0.1:{self.admin_port}")):
            text = self.key_set(text, section, key, value)
        text = re.sub(r"^listen\s*=.*$", f'listen = {{"127.0.0.1:{self.port}"'
                      f', "tls://127.0.0.1:{self.port_tls}"}}', text, 1,
                      re.M)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def key_set(text, section, key, value):
        """Replaces the key where its section has it (not in a comment), else
        adds it."""
        setting = f'\t{key} = "{value}"'
        opened = re.search(rf"^{section}\s*\{{", text, re.M)
        if not opened:
            return f"{text}\n{section} {{\n{setting}\n}}\n"
        head, rest = text[:opened.end()], text[opened.end():]
        inside, closing, rest = rest.partition("\n}")
        inside = re.sub(rf"^\s*{key}\s*=.*$", "", inside, 0, re.M)
        return f"{head}\n{setting}{inside}{closing}{rest}"

    def accounts(self, folder):
        password = os.path.join(folder, "password")
        own = secrets.token_urlsafe(18)
        with open(password, "w", encoding="ascii") as file:
            file.write(own + "\n")
        os.chmod(password, 0o600)
        self.auth_password = base64.b64encode(
            f"bench:{own}".encode()).decode()
        self.command("user", "add", "bench", "--password-file", password)
        self.command("cell", "create", "bench", "--owner", "bench")
        word = self.command("app-password", "add", "bench", "--label",
                            "bench").strip()
        self.auth = base64.b64encode(f"bench:{word}".encode()).decode()

    def quiet_check(self):
        """The peers write no access log, so this one may not either."""
        if "method=" in self.process.said():
            raise Failure("celldav writes an access log")

    def stats(self):
        """What the store counts in itself."""
        return json.loads(self.command("stats", "--json"))

    def settle(self):
        """Until nothing is left of what is done behind answers, so that it
        falls into nobody's sample."""
        until = time.monotonic() + 120
        while any(self.stats()[key] for key in BEHIND):
            if time.monotonic() > until:
                raise Failure("celldav does not get done with what is done "
                              "behind answers")
            time.sleep(0.2)

    def trash_empty(self):
        """What was deleted is removed, as by a peer, and its memory free."""
        self.command("trash", "empty", "bench")
        self.settle()

    def batches(self):
        """Changes a commit so far: sum, count, and the buckets by bound."""
        url = f"http://127.0.0.1:{self.admin_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        found = {key: float(value) for key, value in SUM.findall(text)}
        if set(found) != {"sum", "count"}:
            raise Failure("no commit batch size among the metrics")
        found["buckets"] = [(bound, int(count))
                            for bound, count in BUCKET.findall(text)]
        return found

    def stop(self):
        self.process.stop()


def batch_between(before, after):
    """Mean batch, and bound of the largest bucket that got one."""
    commits = after["count"] - before["count"]
    if commits <= 0:
        return None
    had = dict(before["buckets"])
    largest, below = None, 0
    for bound, count in after["buckets"]:
        fresh = count - had.get(bound, 0)
        if fresh > below:
            largest = bound
        below = fresh
    return {"mean": (after["sum"] - before["sum"]) / commits,
            "largest": largest, "commits": int(commits)}
