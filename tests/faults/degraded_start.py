#!/usr/bin/python3
"""exclusive: R18: a start under bad conditions is refused clearly, or works.

Each case spoils one thing around a good store and starts `celldav serve`.
Where it must refuse: exit 1, a line on stderr that names the thing, nothing
on stdout, the store unchanged. Where it must work: a file can be read and
written. Then the spoiled thing is made good, and the store is as it was.

    degraded_start.py [NAME...]
"""

import contextlib
import glob
import hashlib
import os
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import wire  # noqa: E402
from campaign import Campaign, Mount, a_server, files_below, run_with \
    # noqa: E402
from celldav import free_port  # noqa: E402

NOBODY = 65534
BODY = b"there before" * 5000


class Skipped(Exception):
    """This machine cannot do it; says why."""


class Starts:
    def __init__(self):
        self.campaign = Campaign("degraded_start")
        self.must = self.campaign.must
        self.server = a_server(cell="f")
        self.state = os.path.join(self.server.dir, "state")
        self.server.start()
        with self.server.client("alice") as client:
            client.put("/dav/f/kept", BODY)
        self.server.stop()

    # -- what is expected ------------------------------------------------

    def refused(self, what, names, env=None, user=None, words=("serve",)):
        """Exit 1, and a line that holds one of the names."""
        done = self.run(env, user, words)
        self.campaign.point()
        lines = done.stderr.strip().split("\n")
        self.must(done.returncode == 1, "%s: exit %d" % (what,
                                                         done.returncode))
        self.must(done.stdout == "", "%s: on stdout: %r" % (what,
                                                            done.stdout))
        self.must(len(lines) <= 3 and any(
            name in lines[-1] for name in names), "%s: says %r" % (
                what, done.stderr[-400:]))
        self.campaign.say("%s: %s" % (what, lines[-1][-150:]))

    def run(self, env, user, words):
        argv = [] if user is None else [
            "setpriv", "--reuid", str(user), "--regid", str(user),
            "--clear-groups"]
        return subprocess.run(
            [*argv, os.environ["CELLDAV"], *words], check=False, timeout=60,
            capture_output=True, text=True, errors="replace", env=dict(
                os.environ, CELLDAV_CONFIG=self.server.conf_path,
                **(env or {})))

    def works(self, what, env=None, tls=None):
        """It starts, reads and writes, and ends in order."""
        self.campaign.point()
        self.server.start(preload=env)
        with self.server.client("alice", tls=tls) as client:
            answer = client.get("/dav/f/kept")
            self.must((answer.status, answer.body) == (200, BODY),
                      "%s: GET %d" % (what, answer.status))
            status = client.put("/dav/f/" + what.replace(" ", "-"),
                                b"more").status
            self.must(status == 201, "%s: PUT %d" % (what, status))
            status = client.propfind("/dav/f/", "1").status
            self.must(status == 207, "%s: PROPFIND %d" % (what, status))
        self.server.stop()

    def print_of(self):
        """The files of the store and what is in them; locks come and go."""
        return {name: hashlib.sha256(open(name, "rb").read()).digest()
                for name in files_below(self.state)
                if not name.endswith(("lock.mdb", "/lock"))}

    # -- the cases -------------------------------------------------------

    def case_no_state(self):
        os.rename(self.state, self.state + ".away")
        self.refused("no state", ["celldav init"])
        self.must(not os.path.exists(self.state), "a state was made")
        os.rename(self.state + ".away", self.state)

    def case_not_its_owner(self):
        if os.geteuid() != 0:
            raise Skipped("needs root to become somebody else")
        for path in (os.path.dirname(self.server.scratch),
                     self.server.scratch, self.server.dir):
            os.chmod(path, 0o755)
        os.chmod(self.server.conf_path, 0o644)
        self.refused("not its owner", ["state/"], user=NOBODY)

    def case_read_only(self):
        with self.bound():
            self.refused("read only", ["ead-only", "read only"])

    @contextlib.contextmanager
    def bound(self):
        """The state seen through a mount that cannot be written."""
        for words in (["--bind", self.state, self.state],
                      ["-o", "remount,ro,bind", self.state]):
            done = subprocess.run(["mount", *words], check=False,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise Skipped("mount: " + done.stderr.strip())
        try:
            yield
        finally:
            subprocess.run(["umount", self.state], check=True)

    def case_left_behind(self):
        """What a killed server leaves: its lock file, staged files."""
        self.server.start()
        self.server.kill()
        with open(os.path.join(self.state, "staging", "0" * 16), "wb") as f:
            f.write(b"half")
        self.works("left behind")
        self.must(not os.listdir(os.path.join(self.state, "staging")),
                  "a staged file stays")

    def case_port_taken(self):
        for number in (self.server.port, self.server.admin_port):
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind(("127.0.0.1", number))
                other.listen()
                self.refused("port taken", [":%d" % number])

    def case_second(self):
        self.server.start()
        self.refused("second instance", ["being served"])
        with self.server.client("alice") as client:
            self.must(client.put("/dav/f/first", b"x").status == 201,
                      "the first instance was hurt by the second")
            client.delete("/dav/f/first")
        self.server.stop()

    def case_configuration(self):
        with open(self.server.conf_path, encoding="utf-8") as file:
            good = file.read()
        spoiled = {
            "unknown key": good + "\nnonsense = 1\n",
            "open brace": good + "\nlimits {\n",
            "no number": good + "\nlimits { locks_per_principal = many }\n",
            "bad address": good.replace("127.0.0.1:%d" % self.server.port,
                                        "nowhere"),
            "doubled": good + '\nlog { level = "info" }\nlog { level = '
                              '"info" level = "error" }\n',
            "noise": os.urandom(2000).decode("latin-1"),
            "cut": good[:len(good) // 2].rsplit("=", 1)[0] + "="}
        for name, text in spoiled.items():
            self.write_conf(text)
            self.refused("configuration: " + name,
                         [os.path.basename(self.server.conf_path) + ":"])
        os.unlink(self.server.conf_path)
        self.refused("no configuration", ["celldav.conf"])
        self.write_conf(good)

    def write_conf(self, text):
        with open(self.server.conf_path, "w", encoding="utf-8") as file:
            file.write(text)

    def case_newer_format(self):
        shutil.copytree(self.state, self.state + ".good")
        helper = os.path.join(self.server.scratch, "format")
        subprocess.run(["cc", "-o", helper, os.path.join(HERE, "_format.c"),
                        "-llmdb"], check=True)
        engine = os.path.join(self.state, "engine")
        for name in os.listdir(engine):
            if not name.endswith(".mdb"):   # what was written beside it
                os.unlink(os.path.join(engine, name))
        subprocess.run([helper, engine, "99"], check=True)
        before = self.print_of()
        self.refused("newer format", ["format 99"])
        for words in (("verify",), ("user", "list"), ("gc",)):
            self.refused("newer format, %s" % words[0], ["format 99"],
                         words=words)
        now = self.print_of()
        self.must(all(now.get(name) == told for name, told in before.items()),
                  "a newer store was changed")
        shutil.rmtree(self.state)
        os.rename(self.state + ".good", self.state)

    def case_full_disk(self):
        """No room at the start: reading works, or it is refused; with room
        again all is as before."""
        away = self.state + ".away"
        with Mount("size=160m") as path:
            os.rename(self.state, away)
            shutil.copytree(away, os.path.join(path, "state"))
            os.symlink(os.path.join(path, "state"), self.state)
            filler = os.path.join(path, "filler")
            fill(filler)
            self.start_full()
            os.unlink(filler)
            self.works("full disk")
            os.unlink(self.state)
        os.rename(away, self.state)

    def start_full(self):
        try:
            self.server.start()
        except Exception as error:  # noqa: B902
            self.must("space" in str(error), "full disk: %s" % error)
            self.campaign.say("full disk: refused: %s" % str(error)[-150:])
            self.server.process = None
            return
        with self.server.client("alice") as client:
            self.must(client.get("/dav/f/kept").body == BODY,
                      "full disk: GET is wrong")
            status = client.put("/dav/f/big", bytes(9000000)).status
            self.must(status == 507, "full disk: PUT %d" % status)
            status = client.delete("/dav/f/left-behind").status
            self.must(status in (204, 404), "full disk: DELETE %d" % status)
        self.campaign.say("full disk: starts, reads, PUT 507, DELETE works")
        self.server.stop()

    # -- clocks and certificates -------------------------------------------

    @staticmethod
    def faketime():
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not found:
            raise Skipped("no libfaketime")
        return found[0]

    def case_clock_1970(self):
        library = self.faketime()
        for when in ("1970-01-01 00:01:00", "2038-01-20 00:00:00"):
            self.works("clock " + when[:4], env={
                "LD_PRELOAD": library, "FAKETIME": "@" + when, "TZ": "UTC",
                "DONT_FAKE_MONOTONIC": "1"})
        self.works("clock now")

    def certificate(self, name, **env):
        paths = [os.path.join(self.server.scratch, name + end)
                 for end in (".pem", ".key")]
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                "-out", paths[0], "-keyout", paths[1]]
        subprocess.run(argv, check=True, capture_output=True,
                       env=dict(os.environ, **env))
        return paths

    def case_certificate(self):
        """One that is expired still starts (it is renewed by a reload, and
        old clients fail by themselves), and is told; one that cannot be
        used is refused."""
        good = self.certificate("good")
        old = self.certificate("old", LD_PRELOAD=self.faketime(),
                               FAKETIME="-400d")
        self.server.configure(None, "listen", ["tls://127.0.0.1:%d"
                                               % self.server.port])
        self.refused_certificates(good, old)
        self.use(old)
        done = self.run(None, None, ("check",))
        self.must(done.returncode == 1 and "expired" in done.stderr,
                  "check of an expired certificate: %d %s" % (
                      done.returncode, done.stderr))
        logged = self.server.log_size()
        self.server.start()
        self.must("expired" in self.server.log()[logged:],
                  "nothing in the log about an expired certificate")
        self.server.stop()
        self.server.configure(None, "listen", ["127.0.0.1:%d"
                                               % self.server.port])

    def use(self, paths):
        self.server.configure("tls", "certificate", paths[0])
        self.server.configure("tls", "key", paths[1])

    def refused_certificates(self, good, old):
        noise = os.path.join(self.server.scratch, "noise.pem")
        with open(noise, "wb") as file:
            file.write(os.urandom(500))
        for what, paths in {
                "missing": (good[0] + ".none", good[1]),
                "noise": (noise, good[1]), "noise key": (good[0], noise),
                "another's key": (good[0], old[1])}.items():
            self.use(paths)
            self.refused("certificate: " + what, [
                os.path.basename(path) for path in paths])

    def run_all(self, names):
        cases = [name for name in vars(Starts) if name.startswith("case_")]
        for case in cases:
            if names and case[5:] not in names:
                continue
            try:
                getattr(self, case)()
            except Skipped as why:
                self.campaign.skip(case[5:], str(why))
        self.works("at the end")
        self.campaign.verify(self.server, "at the end")
        self.server.close()
        return self.campaign.end()


def fill(path):
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))


if __name__ == "__main__":
    sys.exit(Starts().run_all(sys.argv[1:]))
