"""Clients that davload is not: one that reads slowly, and many that have
asked once and stay."""

import resource
import socket
import time

from load import PROPFIND, Wrong


def _head(server, method, path, more=""):
    auth = f"Authorization: Basic {server.auth}\r\n" if server.auth else ""
    return (f"{method} {server.base}{path} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{server.port}\r\n{auth}{more}\r\n").encode()


def _link(server, room=None):
    link = socket.socket()
    if room:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    link.settimeout(30)
    link.connect(("127.0.0.1", server.port))
    return link


def slow_listing(server, path, seconds):
    """Takes 4 KiB each 10 ms for so long, then the rest; returns how many
    responses came in all (each has two tags)."""
    more = ("Depth: 1\r\nConnection: close\r\n"
            "Content-Type: application/xml\r\n"
            f"Content-Length: {len(PROPFIND)}\r\n")
    count, tail = 0, b""
    slow_until = time.monotonic() + seconds
    with _link(server, 16384) as link:
        link.sendall(_head(server, "PROPFIND", path, more)
                     + PROPFIND.encode())
        while True:
            slow = time.monotonic() < slow_until
            data = link.recv(4096 if slow else 1 << 18)
            if not data:
                return count // 2
            data = tail + data
            count += data.count(b"response>")
            tail = data[-len(b"response>") + 1:]
            if slow:
                time.sleep(0.01)


def _answer_check(link, size):
    """A whole 200 with so many bytes."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(link)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise Wrong("idle connections: " + head[:60].decode("latin-1"))
    while len(body) < size:
        body += _some(link)
    return body


def _some(link):
    data = link.recv(65536)
    if not data:
        raise Wrong("a connection that was to stay was closed")
    return data


def idle_open(server, count, path, content):
    """So many connections, each of which got one answer and stays open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (min(most, count + 1000), most))
    asked = _head(server, "GET", path)
    links = []
    try:
        for _ in range(count):
            link = _link(server)
            links.append(link)
            link.sendall(asked)
            if _answer_check(link, len(content)) != content:
                raise Wrong(f"GET {path}: not what was put")
    except OSError as error:
        idle_close(links)
        raise Wrong(f"connection {len(links)} of {count}: {error}"
                    ) from error
    return links


def idle_check(links):
    """How many of them the server has closed meanwhile."""
    closed = 0
    for link in links:
        link.setblocking(False)
        try:
            closed += link.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    return closed


def idle_close(links):
    for link in links:
        link.close()
