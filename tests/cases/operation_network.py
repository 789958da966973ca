#!/usr/bin/python3 -B
"""How the process is reached: TLS, proxies, notification, activation.

Each case has a server of its own, so that it can break it.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import binary                                       # noqa: E402
from check import World, case, main                              # noqa: E402
from owned import Owned                                          # noqa: E402
from wire import Client, wait_until                              # noqa: E402


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
        old.tls.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
        old.tls.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
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
            with server.client("alice") as alice:
                t.status(alice.put("/dav/a/f", b"x", FORWARDED), 201)
                answer = alice.request("COPY", "/dav/a/f", dict(
                    FORWARDED, Destination="https://cloud.example/dav/a/g"))
                t.status(answer, *status)
            lines = wait_until(lambda: [
                l for l in server.access_lines() if "COPY" in l])
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
        sock.bind(("127.0.0.1", 0))
        sock.listen(64)
        port = sock.getsockname()[1]
        server.configure(None, "listen", ["127.0.0.1:%d" % port])

        def inherit():
            os.dup2(sock.fileno(), 3)
            os.set_inheritable(3, True)

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


if __name__ == "__main__":
    main(World)
