#!/usr/bin/python3 -B
"""The process: health, metrics, reload, drain, supervisor, damage.

Each case has a server of its own, so that it can break it.
"""

import os
import re
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import Server                                       # noqa: E402
from check import World, case, main                              # noqa: E402
from observed import Closed, WireError                           # noqa: E402
from owned import Owned, put                                     # noqa: E402
from wire import wait_until                                      # noqa: E402


def one_line(t, done, status=1):
    """Interface.md 1: refused is exit 1 and one line on stderr."""
    t.eq(done.returncode, status, "exit status of %r" % (done.args,))
    t.eq(done.stderr.strip().count("\n"), 0, "stderr %r" % done.stderr)
    t.true(done.stderr.strip(), "nothing on stderr")


@case("interface.md 1: ready names the address; port 0 picks a free one")
def ready_line(t):
    with Owned() as server:
        server.configure(None, "listen", ["127.0.0.1:0"])
        server.start()
        t.true(re.match(r"http://127\.0\.0\.1:[1-9]\d*/\Z", server.url),
               "ready: %r", server.url)
        put(t, server, "f", b"x")


@case("interface.md 2: /healthz and /readyz are 200 without login")
def health(t):
    with Owned() as server:
        server.start()
        client = server.client()
        for path in ("/healthz", "/readyz"):
            t.status(client.get(path), 200)
            t.status(client.request("HEAD", path), 200)


@case("interface.md 2: /metrics is on the admin listener only")
def metrics(t):
    with Owned() as server:
        server.start()
        put(t, server, "f", b"x")
        with server.client("alice") as alice:
            t.status(alice.get("/metrics"), 404)
            t.status(alice.get("/dav/a/f"), 200)
        answer = t.status(server.admin().get("/metrics"), 200)
        t.true(answer.get("Content-Type").startswith("text/plain"),
               "%r", answer.headers)
        check_exposition(t, answer.text)
        for word in ("phase", "method", "lane", "batch"):
            t.true(word in answer.text, "no metric per %s", word)
        t.true("alice" not in answer.text, "a user name in the metrics")
        for path in ("/dav/", "/dav/a/", "/"):
            t.status(server.admin().get(path), 404)


def check_exposition(t, text):
    """Prometheus text format 0.0.4: each sample after its TYPE."""
    typed = {}
    sample = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_]\w*="'
                        r'(?:[^"\\\n]|\\.)*",?)*\})? '
                        r'([-+]?[0-9.eE+-]+|NaN|[+-]Inf)( \d+)?\Z')
    for line in text.split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            t.true(name not in typed, "TYPE twice: %s", name)
            typed[name] = kind
        elif line and not line.startswith("#"):
            match = sample.match(line)
            t.true(match, "no sample: %r", line)
            base = re.sub(r"_(bucket|sum|count)\Z", "", match.group(1))
            t.true(match.group(1) in typed or base in typed,
                   "no TYPE for %r", line)
            if typed.get(match.group(1)) == "counter":
                t.true(match.group(1).endswith("_total"), "%r", line)
    t.true(len(typed) > 5, "only %d metrics", len(typed))


@case("issue, 7: SIGHUP with a bad file keeps serving; a good one acts")
def reload(t):
    with Owned() as server:
        server.start()
        worker = server.worker
        with open(server.conf_path, encoding="utf-8") as file:
            good = file.read()
        with open(server.conf_path, "a", encoding="utf-8") as file:
            file.write("\nnonsense = 1\n")
        server.signal(signal.SIGHUP)
        told = "%s:%d" % ("celldav.conf", good.count("\n") + 2)
        t.true(wait_until(lambda: told in server.log(), 30),
               "no %s in the log: %s", told, server.log()[-500:])
        put(t, server, "f", b"x")
        with open(server.conf_path, "w", encoding="utf-8") as file:
            file.write(good)
        server.configure("limits", "xml_body", "1K")
        server.signal(signal.SIGHUP)
        with server.client("alice") as alice:
            big = "<x/>" + " " * 2000
            t.true(wait_until(lambda: alice.propfind(
                "/dav/a/", body=big).status == 413, 60),
                "the new limit does not act")
            t.status(alice.get("/dav/a/f"), 200)
        t.true(server.process.poll() is None and worker, "it ended")


@case("issue, 7: a reload refuses no request of a running client")
def reload_under_load(t):
    with Owned() as server:
        server.start()
        put(t, server, "f", b"x")
        stop, wrong = threading.Event(), []

        def load():
            with server.client("alice") as alice:
                while not stop.is_set():
                    try:
                        if alice.get("/dav/a/f").status != 200:
                            wrong.append("status")
                    except (OSError, WireError) as error:
                        wrong.append(repr(error))

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            server.signal(signal.SIGHUP)
            time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()
        t.eq(wrong, [], "failed requests")


@case("issue, 7: SIGTERM lets a running download end, then exits 0")
def drain(t):
    with Owned() as server:
        server.start()
        data = os.urandom(1 << 20) * 16
        put(t, server, "f", data)
        alice = server.client("alice")
        with alice.connect(rcvbuf=65536) as connection:
            connection.send(alice.head("GET", "/dav/a/f"))
            answer = connection.read_head()
            server.signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.read_body(answer, "GET")
            t.true(answer.body == data, "the body was cut at %d",
                   len(answer.body))
        t.eq(server.process.wait(60), 0, "exit status")
        server.process = None
        server.check_sanitizers()


@case("issue, 7: SIGTERM twice ends it; nothing acknowledged is lost")
def term_twice(t):
    with Owned() as server:
        server.start()
        put(t, server, "f", b"kept")
        server.signal(signal.SIGTERM)
        try:
            server.signal(signal.SIGTERM)
        except ProcessLookupError:
            pass
        server.process.wait(60)
        server.process = None
        server.start()
        with server.client("alice") as alice:
            t.body(alice, "/dav/a/f", b"kept")


@case("design.md 5: a second serve on the same state is refused")
def second_serve(t):
    with Owned() as server:
        server.start()
        other = server.conf_path + ".other"
        with open(server.conf_path, encoding="utf-8") as file:
            text = file.read()
        text = text.replace(":%d" % server.port, ":0")
        text = text.replace(":%d" % server.admin_port, ":0")
        with open(other, "w", encoding="utf-8") as file:
            file.write(text)
        done = server.run("-c", other, "serve", timeout=60)
        t.eq(done.returncode, 1, "exit status: %s" % done.stderr)
        t.true(done.stderr.strip(), "nothing on stderr")
        t.true("ready:" not in done.stdout, "it said ready")
        put(t, server, "f", b"still served")


@case("R18: a taken port is refused with one line that names it")
def port_taken(t):
    with Owned() as server, socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        done = server.run("serve", timeout=60)
        t.eq(done.returncode, 1, "exit status")
        t.true(str(server.port) in done.stderr, "stderr %r", done.stderr)


@case("R1: what was acknowledged is there after kill -9")
def kill_and_restart(t):
    with Owned() as server:
        server.start()
        for number in range(20):
            put(t, server, "f%d" % number, b"%d" % number * 5000)
        server.kill()
        server.start()
        with server.client("alice") as alice:
            for number in range(20):
                t.body(alice, "/dav/a/f%d" % number, b"%d" % number * 5000)
        done = server.run("verify")
        t.eq(done.returncode, 0, "verify: %s%s" % (done.stdout, done.stderr))


def refuses(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


@case("design.md 5: when the supervisor dies the server process ends")
def supervisor_dies(t):
    with Owned() as server:
        server.start()
        t.true(server.worker != server.process.pid,
               "there is no separate server process")
        server.kill()    # raises when the server process stays
        # A process whose first thread is gone has sockets until the last is.
        t.true(wait_until(lambda: refuses(server.port), 10),
               "somebody still listens")


BAD_CONF = (
    ("nonsense = 1", "an unknown key"),
    ('public_url = "http://127.0.0.1/"\npublic_url = "http://127.0.0.2/"',
     "a doubled key"),
    ('limits { header_fields = "many" }', "a word for a number"),
    ("limits { header_fields = -1 }", "a negative number"),
    ("limits { no_such_limit = 1 }", "an unknown limit"),
    ('store { engine = "punchcards" }', "an unknown engine"),
    ('store { sync = "maybe" }', "an unknown word"),
    ('auth { basic_over_plain_http = "yes" }', "an unknown word"),
    ('listen = {"nowhere:99999"}', "a bad address"),
    ("limits { header_fields = 5", "a section without its end"),
    ("= 3", "no key"),
)


@case("interface.md 1: check says FILE:LINE and what was expected, exit 1")
def check_command(t):
    server = Server()
    try:
        done = server.run("check")
        t.eq(done.returncode, 0, "check of a good file: %s" % done.stderr)
        bad = os.path.join(server.dir, "bad.conf")
        for text, what in BAD_CONF:
            with open(bad, "w", encoding="utf-8") as file:
                file.write("# first line\n" + text + "\n")
            done = server.run("-c", bad, "check")
            t.eq(done.returncode, 1, "exit status for %s: %s"
                 % (what, done.stderr))
            t.true(re.search(r"bad\.conf:[2-4]: \S", done.stderr
                             + done.stdout), "%s: %r", what, done.stderr)
            t.eq(server.run("-c", bad, "serve", timeout=60).returncode, 1,
                 "serve with %s" % what)
        done = server.run("-c", server.dir + "/none.conf", "check")
        one_line(t, done)
    finally:
        server.close()


@case("interface.md 3: check --print shows each key with its value")
def check_print(t):
    server = Server(limits={"header_fields": 77})
    try:
        done = server.run("check", "--print")
        t.eq(done.returncode, 0, "exit status: %s" % done.stderr)
        for word in ("listen", "public_url", "limits", "lock_seconds",
                     "basic_over_plain_http", "header_fields"):
            t.true(word in done.stdout, "no %s", word)
        t.true(re.search(r"header_fields\s*=\s*77", done.stdout),
               "the set value is not shown")
        again = os.path.join(server.dir, "printed.conf")
        with open(again, "w", encoding="utf-8") as file:
            file.write(done.stdout)
        t.eq(server.run("-c", again, "check").returncode, 0,
             "check of what it printed")
    finally:
        server.close()


@case("interface.md 1: init makes keys 0600 and touches no existing state")
def init(t):
    server = Server()
    try:
        done = server.run("init", "--dir", server.dir, config=False)
        one_line(t, done)
        for folder, _, files in os.walk(server.dir):
            for name in files:
                path = os.path.join(folder, name)
                mode = os.stat(path).st_mode & 0o777
                if "key" in name or "secret" in name:
                    t.eq(oct(mode), oct(0o600), "mode of " + path)
                t.true(not mode & 0o002, "%s is world-writable", path)
        other = os.path.join(server.scratch, "other")
        done = server.run("init", "--dir", other, config=False)
        t.eq(done.returncode, 0, "init: %s" % done.stderr)
        user = re.search(r"^user: (\S+)$", done.stdout, re.M)
        word = re.search(r"^password: (\S+)$", done.stdout, re.M)
        t.true(user and word and len(word.group(1)) >= 12,
               "init printed %r", done.stdout)
    finally:
        server.close()


@case("R9: a damaged store is refused with a message, never with a crash")
def damaged_store(t):
    with Owned() as server:
        server.start()
        put(t, server, "f", b"x")
        server.stop()
        data = [os.path.join(d, f) for d, _, fs in os.walk(server.dir)
                for f in fs if f.endswith(".mdb") and "lock" not in f]
        t.true(data, "no LMDB file below %s", server.dir)
        for path in data:
            with open(path, "r+b") as file:
                file.write(b"\xff" * 8192)
        for command in ("serve", "verify", "stats"):
            done = server.run(command, timeout=60)
            t.eq(done.returncode, 1, "%s: %s" % (command, done.stderr))
            t.true(done.stderr.strip(), "%s says nothing", command)
            t.true("ready:" not in done.stdout, "it said ready")


@case("R14: 60 connections that are cut leave a server that answers")
def aborts(t):
    with Owned() as server:
        server.start()
        alice = server.client("alice")
        for number in range(60):
            with alice.connect() as connection:
                head = alice.head("PUT", "/dav/a/f%d" % (number % 7),
                                  length=100000)
                connection.send(head[:len(head) - number] if number < 20
                                else head + b"x" * number * 100)
                if number % 2:
                    connection.sock.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER,
                        b"\1\0\0\0\0\0\0\0")
        items = t.multistatus(alice.propfind("/dav/a/", "1"))
        t.eq(len(items), 1, "files of cut uploads")
        t.eq(server.run("verify").returncode, 0, "verify")
        alice.close()
        since = time.monotonic()
        server.stop()    # at once: none of the 60 is waited for
        t.true(time.monotonic() - since < 15, "a cut connection was kept")


@case("issue, 7: three reloads in a row leave the service as it was")
def quiet_reload(t):
    with Owned() as server:
        server.start()
        with server.client("alice") as alice:
            with alice.connect() as connection:
                for _ in range(3):
                    server.signal(signal.SIGHUP)
                    time.sleep(0.2)
                try:
                    connection.send(alice.head("PROPFIND", "/dav/a/",
                                               {"Depth": "0"}))
                    t.status(connection.read("PROPFIND"), 207)
                except Closed:
                    pass    # an idle connection may be closed (9112 9.3.1)
            t.status(alice.propfind("/dav/a/"), 207)


if __name__ == "__main__":
    main(World)
