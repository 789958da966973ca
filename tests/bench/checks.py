#!/usr/bin/python3
"""The load generator refuses wrong answers: a server that gives them, one
kind at a time, must fail each run, and the right answer must pass it."""

import os
import shutil
import socket
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "_bench"))

# pylint: disable=wrong-import-position
from load import Load, Wrong  # noqa: E402

SIZE, MEMBERS = 100000, 40


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

    def __init__(self, make, most=None):
        self.make = make
        self.most = most
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
        made = self.make(line.split()[0].decode())
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


def cases(load):
    """Name, whether it is right, kind, keys, after how many answers the
    connection ends, the answer."""
    file = load.content(0, SIZE)
    get = ("get", {"path": "", "size": SIZE})
    part = ("range", {"path": "", "size": 1000, "whole": 1000})
    put = ("put", {"path": "", "size": 10})
    find = ("propfind", {"path": "", "members": MEMBERS})
    lock = ("lock", {"path": ""})
    token = "Lock-Token: <urn:uuid:1>\r\n"
    # The last word, if there: so many answers a connection carries.
    fixed = [
        ("file", True, get, answer(200, file)),
        ("file, connection closed each time", True, get,
         answer(200, file, "Connection: close\r\n")),
        ("file, connection closed unsaid", True, get,
         answer(200, file), 1),
        ("listing, connection closed unsaid", True, find,
         answer(207, multistatus(MEMBERS)), 1),
        ("PUT, connection closed unsaid", False, put, answer(201), 1),
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
        ("PUT", True, put, answer(201)),
        ("PUT refused", False, put, answer(507)),
        ("listing", True, find, answer(207, multistatus(MEMBERS))),
        ("listing with attributes", True, find,
         answer(207, multistatus(MEMBERS, b"", b' xmlns:a="b"'))),
        ("listing without a member", False, find,
         answer(207, multistatus(MEMBERS - 1))),
        ("listing with a member twice", False, find,
         answer(207, multistatus(MEMBERS + 1))),
        ("LOCK without a token", False, lock, answer(200)),
        ("UNLOCK refused", False, lock, answer(200, b"", token)),
    ]
    for size in (1, 7, 31, 64):
        fixed.append((f"listing in chunks of {size}", True, find,
                      chunked(multistatus(MEMBERS), size)))
        fixed.append((f"listing in chunks of {size}, one less", False, find,
                      chunked(multistatus(MEMBERS - 1), size)))
    for name, right, (kind, keys), made, *most in fixed:
        yield name, right, kind, keys, most[0] if most else None, \
            lambda method, made=made: made
    yield "LOCK and UNLOCK", True, "lock", {"path": ""}, None, \
        lambda method: answer(200, b"", token) if method == "LOCK" \
        else answer(204)


def main():
    top = os.path.dirname(os.path.dirname(HERE))
    folder = tempfile.mkdtemp(prefix="checks-",
                              dir=os.environ.get("SCRATCH"))
    bad = 0
    try:
        load = Load(top, folder)
        for name, right, kind, keys, most, make in cases(load):
            if accepted(load, make, most, kind, **keys) != right:
                print(f"{name}: {'refused' if right else 'accepted'}")
                bad += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("wrong judgements:", bad)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
