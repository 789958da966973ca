#!/usr/bin/python3
"""The load generator refuses wrong answers: a server that gives them, one
kind at a time, must fail each run, and the right answer must pass it. And a
figure is judged as the table says."""

import json
import os
import re
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "_bench"))

# pylint: disable=wrong-import-position
import judge as verdicts  # noqa: E402
from certificate import Certificate  # noqa: E402
from load import Load, Wrong  # noqa: E402
from slow import idle_check, idle_close, idle_open, \
    slow_listing  # noqa: E402

SIZE, MEMBERS = 100000, 40
TOKEN = "Lock-Token: <urn:uuid:1>\r\n"


def answer(status, body=b"", fields=""):
    return (f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
            f"{fields}\r\n").encode() + body


def multistatus(count, prefix=b"D:", attributes=b""):
    one = (b"<%sresponse%s><%shref>/response/</%shref></%sresponse>"
           % (prefix, attributes, prefix, prefix, prefix))
    return b"<%smultistatus>" % prefix + one * count \
        + b"</%smultistatus>" % prefix


def chunked(body, size):
    """The body in chunks so small that tags are split between them."""
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return b"HTTP/1.1 207 X\r\nTransfer-Encoding: chunked\r\n\r\n" \
        + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) \
        + b"0\r\n\r\n"


class Fake:
    """Answers each request with the bytes that a function makes of its
    method; reads what the request says that it holds."""

    name, base, auth = "fake", "/", None

    def __init__(self, make, most=None, certificate=None, authority=None):
        self.make = make
        self.most = most
        self.tls = authority
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate.folder + "/cert.pem",
                                         certificate.folder + "/key.pem")
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,),
                             daemon=True).start()

    def serve(self, link):
        try:
            if self.context:
                link = self.context.wrap_socket(link, server_side=True)
        except OSError:
            return
        with link, link.makefile("rwb") as file:
            try:
                carried = 0
                while carried != self.most and self.one(file):
                    carried += 1
            except OSError:
                return

    def one(self, file):
        line = file.readline()
        if not line:
            return False
        length = 0
        for field in iter(file.readline, b"\r\n"):
            key, _, value = field.partition(b":")
            if key.lower() == b"content-length":
                length = int(value)
        file.read(length)
        method, path, _ = line.split()
        made = self.make(method.decode(), path.decode())
        file.write(made)
        file.flush()
        return b"Connection: close" not in made

    def close(self):
        self.sock.close()


def accepted(load, make, most, kind, **keys):
    server = Fake(make, most)
    try:
        figures = load.run(server, kind, 1, 5, count=3, **keys)
        return figures["requests"] == 3 and figures["wrong"] == 0
    except Wrong:
        return False
    finally:
        server.close()


def changed(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]


def content_cases(load):
    """Name, whether it is right, kind and keys, the answer; and, if it is
    there, how many answers a connection carries."""
    file = load.content(0, SIZE)
    get = ("get", {"path": "", "size": SIZE})
    part = ("range", {"path": "", "size": 1000, "whole": 1000})
    return [
        ("file", True, get, answer(200, file)),
        ("file, connection closed each time", True, get,
         answer(200, file, "Connection: close\r\n")),
        ("file, connection closed unsaid", True, get,
         answer(200, file), 1),
        ("connection closed without an answer", False, get, b"", 1),
        ("file of another name", False, get,
         answer(200, load.content(1, SIZE))),
        ("file cut short", False, get, answer(200, file[:-1])),
        ("file too long", False, get, answer(200, file + b"x")),
        ("one byte changed", False, get, answer(200, changed(file, 77777))),
        ("404", False, get, answer(404, file)),
        ("body that ends early", False, get,
         answer(200, file, "Connection: close\r\n")[:-1]),
        ("bytes after the answer", False, get, answer(200, file) + b"x"),
        ("range", True, part, answer(206, file[:1000])),
        ("range as 200", False, part, answer(200, file[:1000])),
        ("range from elsewhere", False, part, answer(206, file[1:1001])),
    ]


def other_cases():
    """The same for what has no content."""
    put = ("put", {"path": "", "size": 10})
    find = ("propfind", {"path": "", "members": MEMBERS})
    lock = ("lock", {"path": ""})
    folders = ("mkcol", {"path": ""})
    delete = ("delete", {"path": ""})
    fixed = [
        ("listing, connection closed unsaid", True, find,
         answer(207, multistatus(MEMBERS)), 1),
        ("PUT, connection closed unsaid", False, put, answer(201), 1),
        ("PUT", True, put, answer(201)),
        ("PUT refused", False, put, answer(507)),
        ("listing", True, find, answer(207, multistatus(MEMBERS))),
        ("listing with attributes", True, find,
         answer(207, multistatus(MEMBERS, b"", b' xmlns:a="b"'))),
        ("listing without a member", False, find,
         answer(207, multistatus(MEMBERS - 1))),
        ("listing with a member twice", False, find,
         answer(207, multistatus(MEMBERS + 1))),
        ("MKCOL", True, folders, answer(201)),
        ("MKCOL of what is there", False, folders, answer(405)),
        ("DELETE", True, delete, answer(204)),
        ("DELETE of nothing", False, delete, answer(404)),
        ("LOCK without a token", False, lock, answer(200)),
        ("UNLOCK refused", False, lock, answer(200, b"", TOKEN)),
    ]
    for size in (1, 7, 31, 64):
        fixed.append((f"listing in chunks of {size}", True, find,
                      chunked(multistatus(MEMBERS), size)))
        fixed.append((f"listing in chunks of {size}, one less", False, find,
                      chunked(multistatus(MEMBERS - 1), size)))
    return fixed


def cases(load):
    """Name, whether it is right, kind, keys, after how many answers the
    connection ends, what makes the answer."""
    for name, right, (kind, keys), made, *most in (
            content_cases(load) + other_cases()):
        yield name, right, kind, keys, most[0] if most else None, \
            lambda method, path, made=made: made
    yield "LOCK and UNLOCK", True, "lock", {"path": ""}, None, \
        lambda method, path: answer(200, b"", TOKEN) if method == "LOCK" \
        else answer(204)


class Desktop:
    """Answers a trace rightly, but for one method on paths in which a pattern
    is found."""

    def __init__(self, load, method=None, wrong=b"", ends=""):
        self.load = load
        self.method = method
        self.wrong = wrong
        self.ends = ends

    def __call__(self, method, path):
        if method == self.method and re.search(self.ends, path):
            return self.wrong
        name = path.rsplit("/", 1)[1]
        if method == "GET":
            return answer(200, self.load.content(int(name[1:]), 4096))
        if method == "HEAD":
            return b"HTTP/1.1 200 X\r\nContent-Length: 4096\r\n\r\n"
        if method == "PROPFIND":
            return answer(207, multistatus(1 if name else 11))
        if method == "LOCK":
            return answer(201, b"", "Lock-Token: <urn:uuid:1>\r\n")
        return {"OPTIONS": answer(200), "PUT": answer(204),
                "PROPPATCH": answer(207), "MOVE": answer(201)}.get(
                    method, answer(204))


def desktop_cases(load):
    """Name, whether it is right, kind, the answers."""
    short = b"HTTP/1.1 200 X\r\nContent-Length: 4095\r\n\r\n"
    yield "trace", True, "trace", Desktop(load)
    yield "trace with properties", True, "properties", Desktop(load)
    for kind, method, wrong, ends in (
            ("trace", "HEAD", short, ""),
            ("trace", "GET", answer(200, load.content(77, 4096)), ""),
            ("trace", "PROPFIND", answer(207, multistatus(10)), "/$"),
            ("trace", "PROPFIND", answer(207, multistatus(2)), "[0-9]$"),
            ("trace", "LOCK", answer(201), ""),
            ("trace", "PUT", answer(423), ""),
            ("trace", "UNLOCK", answer(409), ""),
            ("trace", "MOVE", answer(412), ""),
            ("trace", "DELETE", answer(404), ""),
            ("properties", "PROPPATCH", answer(423), "")):
        yield f"trace with a wrong {method}", False, kind, \
            Desktop(load, method, wrong, ends)


def desktop_check(load):
    bad = 0
    keys = {"path": "", "files": 10, "members": 11, "size": 4096}
    for name, right, kind, make in desktop_cases(load):
        server = Fake(make)
        try:
            figures = load.run(server, kind, 2, 5, count=40, **keys)
            got = figures["requests"] == 40
        except Wrong:
            got = False
        finally:
            server.close()
        bad += judge(name, right, got)
    return bad


def judged_check(folder):
    """Verdicts on both sides of each bar, and the median of three runs."""
    bad = 0
    for number, must, most, right in (
            (1.0, 1.0, False, "holds"), (0.95, 1.0, False, "within 10 %"),
            (0.89, 1.0, False, "misses"), (1.2, 1.2, True, "holds"),
            (1.3, 1.2, True, "within 10 %"), (1.33, 1.2, True, "misses"),
            (None, 1.0, False, "?")):
        bad += judge(f"verdict of {number} for {must}", True,
                     verdicts.verdict(number, must, most) == right)
    for numbers, right in (((0.9, 1.1, 1.2), "holds"),
                           ((0.5, 0.6, 2.0), "misses"),
                           ((1.0, None, 2.0), "?")):
        bad += judge(f"median of {numbers}", True,
                     runs_judged(folder, numbers) == right)
    return bad


def runs_judged(folder, numbers):
    paths = []
    for place, number in enumerate(numbers):
        paths.append(os.path.join(folder, f"run-{place}.json"))
        entry = {"key": "a", "title": "a", "figure": "value", "peer": "b",
                 "ours": 1, "theirs": 1, "number": number, "must": 1.0,
                 "aim": 1.2, "most": False, "verdict": "?", "aimed": "?"}
        with open(paths[-1], "w", encoding="ascii") as file:
            json.dump({"judged": [entry]}, file)
    return verdicts.compare(paths)[0]["verdict"]


def judge(name, right, got):
    if got != right:
        print(f"{name}: {'refused' if right else 'accepted'}")
    return got != right


def tls_check(load, folder):
    """The certificate must be signed by the authority; each connection may
    be used once; what the end of the time cuts short is compared too."""
    ours = Certificate(folder)
    other = Certificate(os.path.join(folder, "other"))
    whole = answer(200, load.content(0, SIZE))
    bad = 0
    for name, right, shown, most in (
            ("TLS", True, ours, None), ("a connection each", True, ours, 1),
            ("certificate of another authority", False, other, None),
            ("no TLS", False, None, None)):
        server = Fake(lambda *_: whole, most, shown, ours.authority)
        try:
            load.run(server, "get", 1, 5, path="", size=SIZE, count=3,
                     fresh=1 if most else 0)
            bad += judge(name, right, True)
        except Wrong:
            bad += judge(name, right, False)
        finally:
            server.close()
    return bad


def partial_check(load):
    """An answer that has not ended when the time has."""
    head = b"HTTP/1.1 200 X\r\nContent-Length: 900000\r\n\r\n"
    right = load.content(0, SIZE)
    bad = 0
    for name, good, body in (("part of a file", True, right),
                             ("part with a byte changed", False,
                              changed(right, 50000))):
        server = Fake(lambda *_, body=body: head + body)
        try:
            figures = load.run(server, "get", 1, 0.3, path="", size=900000,
                               partial=1)
            bad += judge(name, good, figures["bytes"] == SIZE)
        except Wrong:
            bad += judge(name, good, False)
        finally:
            server.close()
    return bad


def slow_check():
    """The slow reader counts as many as came; a connection that the server
    closes is no idle one."""
    whole = answer(207, multistatus(MEMBERS), "Connection: close\r\n")
    server = Fake(lambda *_: whole)
    bad = judge("slow reader", True,
                slow_listing(server, "", 0.1) == MEMBERS)
    server.close()
    bad += judge("slow reader, one less", False,
                 slow_listing_of(MEMBERS - 1) == MEMBERS)
    for name, right, most, body in (("idle", True, None, b"abc"),
                                    ("idle, closed", False, 1, b"abc"),
                                    ("idle, other content", False, None,
                                     b"abd")):
        server = Fake(lambda *_, body=body: answer(200, body), most)
        bad += judge(name, right, idle_stay(server))
        server.close()
    return bad


def slow_listing_of(members):
    whole = answer(207, multistatus(members), "Connection: close\r\n")
    server = Fake(lambda *_: whole)
    try:
        return slow_listing(server, "", 0.1)
    finally:
        server.close()


def idle_stay(server):
    try:
        links = idle_open(server, 5, "", b"abc")
    except Wrong:
        return False
    time.sleep(0.1)
    closed = idle_check(links)
    idle_close(links)
    return closed == 0


def main():
    top = os.path.dirname(os.path.dirname(HERE))
    folder = tempfile.mkdtemp(prefix="checks-",
                              dir=os.environ.get("SCRATCH"))
    bad = 0
    try:
        load = Load(top, folder)
        for name, right, kind, keys, most, make in cases(load):
            bad += judge(name, right,
                         accepted(load, make, most, kind, **keys))
        bad += desktop_check(load) + tls_check(load, folder)
        bad += partial_check(load) + slow_check() + judged_check(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("wrong judgements:", bad)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
