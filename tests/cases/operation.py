#!/usr/bin/python3
"""The process: health, metrics, reload, drain, supervisor, TLS, proxies.

Each case has a server of its own, so that it can break it.
"""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import Server, binary                               # noqa: E402
from check import World, case, main                              # noqa: E402
from observed import Closed, WireError                           # noqa: E402
from wire import Client, wait_until                              # noqa: E402


class Owned:
    """A server with user alice and cell a, closed when the case ends."""

    def __init__(self, **options):
        self.server = Server(**options)
        self.server.user("alice")
        self.server.cell("a", "alice")

    def __enter__(self):
        return self.server

    def __exit__(self, kind, *_):
        if kind is None:
            self.server.close()
            if self.server.log_faults():
                raise AssertionError(self.server.log_faults())
        else:
            if self.server.process is not None:
                self.server.process.kill()
                self.server.process.wait()
            shutil.rmtree(self.server.scratch, ignore_errors=True)


def put(t, server, name, body):
    with server.client("alice") as alice:
        return t.status(alice.put("/dav/a/" + name, body), 201, 204)


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


@case("design.md 5: when the supervisor dies the server process ends")
def supervisor_dies(t):
    with Owned() as server:
        server.start()
        t.true(server.worker != server.process.pid,
               "there is no separate server process")
        server.kill()    # raises when the server process stays
        with socket.socket() as sock:
            t.true(sock.connect_ex(("127.0.0.1", server.port)) != 0,
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


def certificate(server, name):
    """A self-signed certificate for 127.0.0.1: paths of both files."""
    paths = [os.path.join(server.dir, name + end) for end in (".pem",
                                                              ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=" + name, "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", paths[0],
                    "-keyout", paths[1]], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths


def tls_client(server, certificate_path, **options):
    context = ssl.create_default_context(cafile=certificate_path)
    for key, value in options.items():
        setattr(context, key, value)
    return Client("127.0.0.1", server.port, "alice",
                  server.password_of("alice"), context)


@case("issue, 3: TLS 1.2 and 1.3, nothing older; SIGHUP reloads certificates")
def tls(t):
    with Owned() as server:
        first = certificate(server, "first")
        server.configure(None, "listen", ["tls://127.0.0.1:%d"
                                          % server.port])
        server.configure("tls", "certificate", first[0])
        server.configure("tls", "key", first[1])
        server.start()
        t.true(server.url.startswith("https://"), "ready: %r", server.url)
        data = os.urandom(3 << 20)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with tls_client(server, first[0],
                            minimum_version=version,
                            maximum_version=version) as alice:
                t.status(alice.put("/dav/a/f", data), 201, 204)
                t.body(alice, "/dav/a/f", data)
                t.status(alice.copy("/dav/a/f", "/dav/a/g"), 201, 204)
                answer = alice.get("/dav/a/f", {"Range": "bytes=5-9"})
                t.eq(answer.body, data[5:10], "range")
        old = tls_client(server, first[0])
        old.tls.minimum_version = ssl.TLSVersion.TLSv1_1
        old.tls.maximum_version = ssl.TLSVersion.TLSv1_1
        old.tls.set_ciphers("ALL:@SECLEVEL=0")
        try:
            old.connect()
            t.fail("TLS 1.1 was accepted")
        except (ssl.SSLError, OSError):
            pass
        swap_certificate(t, server, first)


def swap_certificate(t, server, first):
    second = certificate(server, "second")
    for old, new in zip(first, second):
        shutil.copy(new, old)
    server.signal(signal.SIGHUP)

    def serves_second():
        try:
            with tls_client(server, second[0]) as alice:
                return alice.get("/dav/a/f").status == 200
        except ssl.SSLError:
            return False
    t.true(wait_until(serves_second, 30), "the old certificate is served")
    for path in first:
        with open(path, "w", encoding="ascii") as file:
            file.write("broken")
    server.signal(signal.SIGHUP)
    time.sleep(1)
    t.true(serves_second(), "a broken certificate ended the service")


@case("RFC 9112 3: plain HTTP on the TLS port is refused, not served")
def plain_on_tls(t):
    with Owned() as server:
        paths = certificate(server, "only")
        server.configure(None, "listen", ["tls://127.0.0.1:%d"
                                          % server.port])
        server.configure("tls", "certificate", paths[0])
        server.configure("tls", "key", paths[1])
        server.start()
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.settimeout(30)
            sock.sendall(b"GET /dav/ HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                got = sock.recv(4096)
            except ConnectionResetError:
                got = b""
        t.true(b" 200 " not in got and b" 401 " not in got, "%r", got)
        with tls_client(server, paths[0]) as alice:
            t.status(alice.propfind("/dav/"), 207)


@case("interface.md 3: basic_over_plain_http never refuses Basic")
def no_plain_basic(t):
    conf = {("auth", "basic_over_plain_http"): "never"}
    with Owned(conf=conf) as server:
        server.start()
        with server.client("alice") as alice:
            t.status(alice.propfind("/dav/a/"), 401, 403)
            t.status(alice.put("/dav/a/f", b"x"), 401, 403)
            t.status(alice.get("/healthz"), 200)


FORWARDED = {"X-Forwarded-Host": "cloud.example",
             "X-Forwarded-Proto": "https", "X-Forwarded-For": "9.8.7.6"}


@case("V59e, V21: X-Forwarded headers count from configured peers only",
      errors=(502,))
def trusted_proxy(t):
    for trusted, status in (([], (502, 400, 421)), (["127.0.0.1"], (201,))):
        conf = {(None, "server_names"): ["cloud.example"],
                (None, "trusted_proxies"): trusted}
        with Owned(conf=conf) as server:
            server.start()
            put(t, server, "f", b"x")
            with server.client("alice") as alice:
                answer = alice.request("COPY", "/dav/a/f", dict(
                    FORWARDED, Destination="https://cloud.example/dav/a/g"))
                t.status(answer, *status)
            lines = [l for l in server.access_lines() if "COPY" in l]
            t.eq("9.8.7.6" in lines[-1], bool(trusted),
                 "the forwarded peer in the log: %r" % lines[-1])


@case("issue, 7: sd_notify says READY, RELOADING and STOPPING")
def notify(t):
    with Owned() as server:
        path = os.path.join(server.scratch, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(path)
            sock.settimeout(60)
            server.start(preload={"NOTIFY_SOCKET": path})
            wait_for(sock, b"READY=1")
            server.signal(signal.SIGHUP)
            wait_for(sock, b"RELOADING=1")
            wait_for(sock, b"READY=1")
            server.stop()
            wait_for(sock, b"STOPPING=1")


def wait_for(sock, word):
    """Read notifications until the word; the socket's timeout fails."""
    while word not in sock.recv(4096):
        pass


@case("issue, 7: a listening socket can be inherited (LISTEN_FDS)")
def socket_activation(t):
    with Owned() as server, socket.socket() as sock:
        server.configure(None, "listen", ["127.0.0.1:0"])
        sock.bind(("127.0.0.1", 0))
        sock.listen(64)
        port = sock.getsockname()[1]

        def inherit():
            os.dup2(sock.fileno(), 3, inheritable=True)

        env = dict(os.environ, CELLDAV_CONFIG=server.conf_path)
        with open(server.out_path, "wb") as out, \
                open(server.log_path, "ab") as log:
            server.process = subprocess.Popen(
                ["/bin/sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\""
                 " serve", binary()], env=env, stdout=out, stderr=log,
                preexec_fn=inherit, close_fds=False)
        server.port = port
        with server.client("alice") as alice:
            t.status(alice.put("/dav/a/f", b"x"), 201)
        server.stop()


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
