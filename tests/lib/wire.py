"""A raw HTTP/1.1 client for tests, which shares no parser with the server.

Bytes go out verbatim; answers are read as strictly as RFC 9110 and 9112 allow
a reader to be.  Whatever in an answer breaks a rule that holds for every
answer is kept in `stats.problems`, and the case runner fails the case.

    with Client(host, port, "alice", "secret") as alice:
        answer = alice.request("PUT", "/dav/a/x.txt", body=b"hello")
        assert answer.status == 201
"""

import base64
import os
import re
import socket
import ssl
import time
import xml.etree.ElementTree as ElementTree
from urllib.parse import quote

from davxml import DAV, XML_TYPE, element, multistatus, prop_body
from observed import Closed, WireError, stats

# Generous, since a sanitizer build on a busy machine is slow.
TIMEOUT = float(os.environ.get("CELLDAV_TEST_TIMEOUT", "60"))
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\x20-\x7e]*\Z")
FIELD_LINE = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e\x80-\xff]"
    rb"(?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?)[ \t]*\Z")
IMF_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug"
    r"|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT\Z")
STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"\Z')


class Response:
    """One final answer: status, header fields in order, body, interims."""

    def __init__(self, status, headers, interim):
        self.status = status
        self.headers = headers
        self.interim = interim
        self.body = b""
        self.complete = True

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return ", ".join(values) if values else None

    @property
    def etag(self):
        return self.get("ETag")

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def xml(self):
        return ElementTree.fromstring(self.body)

    def has_error(self, name):
        """Whether the DAV:error body holds this condition (Clark name)."""
        try:
            root = self.xml()
        except ElementTree.ParseError:
            return False
        return root.tag == DAV + "error" and root.find(".//" + name) is not None

    def items(self):
        return multistatus(self.body)

    def __repr__(self):
        return "%d %s %r" % (self.status, self.headers, self.body[:300])


class Connection:
    """One TCP or TLS connection; knows nothing of users or retries."""

    def __init__(self, host, port, tls=None, timeout=TIMEOUT, rcvbuf=None):
        sock = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(timeout)
        sock.connect((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock = tls.wrap_socket(sock, server_hostname=host)
        self.sock = sock
        self.buffer = b""
        self.owed = 0

    def send(self, data, owed=1):
        """Send bytes as they are; `owed` answers are expected for them."""
        self.owed += owed
        self.sock.sendall(data)

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None
            stats.count(unanswered=max(0, self.owed))
            self.owed = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _fill(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            data = b""
        self.buffer += data
        return len(data) > 0

    def _line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > 1 << 20:
                raise WireError("line of more than 1 MiB")
            if not self._fill():
                raise WireError("closed inside a line: %r" % self.buffer[:80])
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise WireError("line ends in bare LF: %r" % line[:80])
        return line[:-1]

    def exactly(self, count):
        parts = []
        while count > 0:
            if not self.buffer and not self._fill():
                raise WireError("closed with %d bytes of body owed" % count)
            part, self.buffer = self.buffer[:count], self.buffer[count:]
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _chunks(self):
        parts = []
        while True:
            line = self._line()
            if not re.match(rb"[0-9a-fA-F]{1,16}\Z", line):
                raise WireError("bad chunk size line %r" % line[:40])
            size = int(line, 16)
            if size == 0:
                break
            parts.append(self.exactly(size))
            if self.exactly(2) != b"\r\n":
                raise WireError("no CRLF after chunk data")
        while self._line():
            pass
        return b"".join(parts)

    def _head(self):
        line = self._line()
        match = STATUS_LINE.match(line)
        if not match:
            raise WireError("bad status line %r" % line[:80])
        headers = []
        while True:
            line = self._line()
            if not line:
                return int(match.group(1)), headers
            field = FIELD_LINE.match(line)
            if not field:
                raise WireError("bad header line %r" % line[:80])
            headers.append((field.group(1).decode(),
                            field.group(2).decode("latin-1")))

    def read_head(self):
        """Status and header of the next final answer; body not yet read."""
        interim = []
        while True:
            if not self.buffer and not self._fill():
                raise Closed("closed without an answer")
            status, headers = self._head()
            if status >= 200:
                return Response(status, headers, interim)
            interim.append(status)

    def read_interim(self):
        """The next head whatever it is: tells 100 from a final status."""
        if not self.buffer and not self._fill():
            raise Closed("closed without an answer")
        status, headers = self._head()
        return Response(status, headers, [])

    def read_body(self, answer, method):
        lengths = answer.all("Content-Length")
        coding = answer.get("Transfer-Encoding")
        if method == "HEAD" or answer.status in (204, 304):
            return
        if coding is not None:
            if lengths or coding.lower() != "chunked":
                raise WireError("bad framing of answer: %r" % answer.headers)
            answer.body = self._chunks()
        elif lengths:
            if len(lengths) > 1 or not lengths[0].isdigit():
                raise WireError("bad Content-Length: %r" % lengths)
            answer.body = self.exactly(int(lengths[0]))
        else:
            if "close" not in (answer.get("Connection") or "").lower():
                raise WireError("answer without length stays open")
            while self._fill():
                pass
            answer.body, self.buffer = self.buffer, b""

    def read(self, method="GET"):
        """The next final answer, whole."""
        answer = self.read_head()
        self.read_body(answer, method)
        self.owed -= 1
        lint(answer, method)
        return answer

    def ended(self, timeout=TIMEOUT):
        """Whether the peer ends the connection with no further byte."""
        self.sock.settimeout(timeout)
        try:
            return not self.buffer and not self._fill()
        except TimeoutError:
            return False
        finally:
            if self.sock is not None:
                self.sock.settimeout(TIMEOUT)


def lint(answer, method):
    """Count an answer and note what breaks a rule that holds for all."""
    stats.count(answered=1)
    say = lambda text: stats.problems.append(
        "%s -> %d: %s" % (method, answer.status, text))
    if answer.status >= 500:
        stats.errors.append(answer.status)
    if len(answer.all("Date")) != 1 or not IMF_DATE.match(answer.get("Date")):
        say("RFC 9110 6.6.1: no valid Date: %r" % answer.all("Date"))
    if answer.status == 204 and (answer.all("Content-Length")
                                 or answer.all("Transfer-Encoding")):
        say("RFC 9110 8.6: Content-Length or Transfer-Encoding on 204")
    if answer.status == 405 and not answer.all("Allow"):
        say("RFC 9110 15.5.6: 405 without Allow")
    if answer.status == 401 and not answer.all("WWW-Authenticate"):
        say("RFC 9110 15.5.2: 401 without WWW-Authenticate")
    if answer.status == 416 and not answer.all("Content-Range"):
        say("RFC 9110 15.5.17: 416 without Content-Range")
    if answer.status in (429, 503) and not answer.all("Retry-After"):
        say("rights.md 5, design.md 2: no Retry-After")
    for tag in answer.all("ETag"):
        if not STRONG_ETAG.match(tag):
            say("clients.md quirk 5: ETag is not strong: %r" % tag)
    for name in ("Content-Type", "Content-Length", "ETag", "Last-Modified",
                 "Content-Range", "Location", "Lock-Token"):
        if len(answer.all(name)) > 1:
            say("doubled header %s" % name)
    if answer.body and answer.status not in (200, 206) and \
            "xml" in (answer.get("Content-Type") or ""):
        try:
            answer.xml()
        except ElementTree.ParseError as error:
            say("body is not well-formed XML: %s" % error)


def basic(user, password):
    raw = ("%s:%s" % (user, password)).encode()
    return "Basic " + base64.b64encode(raw).decode()


class Client:
    """One principal over one keep-alive connection, renewed as needed."""

    def __init__(self, host, port, user=None, password=None, tls=None):
        self.host, self.port, self.tls = host, port, tls
        self.user, self.password = user, password
        self.forbidden = set()
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def authority(self):
        return "%s:%d" % (self.host, self.port)

    @property
    def origin(self):
        return ("https://" if self.tls else "http://") + self.authority

    def as_user(self, user, password):
        return Client(self.host, self.port, user, password, self.tls)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def connect(self, **options):
        """A bare connection to the same server."""
        return Connection(self.host, self.port, self.tls, **options)

    def head(self, method, path, headers=(), length=None, chunked=False):
        """The bytes of a request head, with this principal's credentials."""
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        names = {name.lower() for name, _ in pairs}
        lines = ["%s %s HTTP/1.1" % (method, path)]
        if "host" not in names:
            lines.append("Host: " + self.authority)
        if self.user is not None and "authorization" not in names:
            lines.append("Authorization: " + basic(self.user, self.password))
        lines += ["%s: %s" % pair for pair in pairs]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif length is not None and "content-length" not in names:
            lines.append("Content-Length: %d" % length)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")

    def request(self, method, path, headers=(), body=None, chunked=False):
        """Send one request and read its answer."""
        if isinstance(body, str):
            body = body.encode("utf-8")
        if body is None and method == "PUT":
            body = b""
        data = self.head(method, path, headers,
                         None if body is None else len(body), chunked)
        if body is not None:
            data += to_chunks(body) if chunked else body
        answer = self._exchange(data, method)
        self._look_for_canaries(method, path, answer)
        return answer

    def _exchange(self, data, method):
        for fresh in (False, True):
            if self.connection is None:
                self.connection, fresh = self.connect(), True
            try:
                return self._once(data, method)
            except Closed:
                self.connection.owed -= 1
                self.close()
                if fresh:
                    stats.count(unanswered=1)
                    raise
            except WireError:
                self.close()
                raise

    def _once(self, data, method):
        try:
            self.connection.send(data)
        except (ConnectionError, ssl.SSLError):
            pass    # it may have answered early and closed: read that
        answer = self.connection.read(method)
        if "close" in (answer.get("Connection") or "").lower():
            self.close()
        return answer

    def _look_for_canaries(self, method, path, answer):
        hay = answer.body + repr(answer.headers).encode()
        for canary in self.forbidden:
            if canary in hay:
                stats.problems.append(
                    "foreign canary in the answer to %s of %s %s"
                    % (self.user, method, path))

    def get(self, path, headers=()):
        return self.request("GET", path, headers)

    def put(self, path, body=b"", headers=()):
        return self.request("PUT", path, headers, body)

    def mkcol(self, path, headers=()):
        return self.request("MKCOL", path, headers)

    def delete(self, path, headers=()):
        return self.request("DELETE", path, headers)

    def copy(self, source, target, headers=()):
        return self._transfer("COPY", source, target, headers)

    def move(self, source, target, headers=()):
        return self._transfer("MOVE", source, target, headers)

    def _transfer(self, method, source, target, headers):
        if target.startswith("/") and not target.startswith("//"):
            target = self.origin + target
        pairs = [("Destination", target)]
        pairs += headers.items() if isinstance(headers, dict) else headers
        return self.request(method, source, pairs)

    def propfind(self, path, depth="0", props=None, headers=(), body=None):
        pairs = [] if depth is None else [("Depth", depth)]
        pairs += headers.items() if isinstance(headers, dict) else headers
        if body is None and props is not None:
            body = prop_body("propfind", props)
        if body is not None:
            pairs.append(("Content-Type", XML_TYPE))
        return self.request("PROPFIND", path, pairs, body)

    def prop(self, path, name):
        """Text of one property of one resource, None when it is absent."""
        answer = self.propfind(path, "0", [name])
        if answer.status != 207:
            raise WireError("PROPFIND %s: %r" % (path, answer))
        status, element = answer.items()[0].props.get(name, (404, None))
        return (element.text or "") if status == 200 else None

    def proppatch(self, path, values=(), remove=(), headers=()):
        body = ['<propertyupdate xmlns="DAV:">']
        for name, text in values:
            body.append("<set><prop>%s</prop></set>" % element(name, text))
        for name in remove:
            body.append("<remove><prop>%s</prop></remove>" % element(name))
        body.append("</propertyupdate>")
        pairs = [("Content-Type", XML_TYPE)]
        pairs += headers.items() if isinstance(headers, dict) else headers
        return self.request("PROPPATCH", path, pairs, "".join(body))

    def lock(self, path, headers=(), scope="exclusive", depth="0",
             owner="tester", timeout="Second-600"):
        body = ('<lockinfo xmlns="DAV:"><lockscope><%s/></lockscope><locktype>'
                '<write/></locktype><owner>%s</owner></lockinfo>'
                % (scope, owner))
        pairs = [("Content-Type", XML_TYPE), ("Timeout", timeout)]
        if depth is not None:
            pairs.append(("Depth", depth))
        pairs += headers.items() if isinstance(headers, dict) else headers
        return self.request("LOCK", path, pairs, body)

    def unlock(self, path, token):
        return self.request("UNLOCK", path, {"Lock-Token": "<%s>" % token})

    def report(self, path, body, depth="0"):
        return self.request(
            "REPORT", path, {"Content-Type": XML_TYPE, "Depth": depth}, body)

    def raw(self, data, method="GET"):
        """Send bytes on a fresh connection: (first answer, connection ended
        after it with no second answer).  No answer at all gives None."""
        with self.connect() as connection:
            try:
                connection.send(data)
            except (ConnectionError, ssl.SSLError):
                pass
            try:
                answer = connection.read(method)
            except Closed:
                return None, True
            return answer, connection.ended()


def to_chunks(body, size=4096):
    parts = []
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        parts.append(b"%x\r\n%s\r\n" % (len(piece), piece))
    return b"".join(parts) + b"0\r\n\r\n"


def escape(name):
    """One path segment, percent-encoded."""
    return quote(name, safe="-._~")


def lock_token(answer):
    """The token of a LOCK answer, from its header (RFC 4918 10.5)."""
    match = re.match(r"<([^<>]+)>\Z", answer.get("Lock-Token") or "")
    if not match:
        raise WireError("no Lock-Token: %r" % answer)
    return match.group(1)


def wait_until(condition, seconds=TIMEOUT):
    """Poll until the condition is true; its last value is the result."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)
