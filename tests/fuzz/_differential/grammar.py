"""RFC 9112 as regular expressions: what a message is, and by which section
it is none. Written from the RFC and independent of the server's parser, which
has to agree with it on every message. Where the server refuses what the RFC
leaves to a recipient, the section that leaves it is named.
"""

import ipaddress
import re

SECTION_MAX, FIELDS_MAX, TARGET_MAX, METHOD_MAX = 4096, 40, 1024, 32
LENGTH_MAX = (1 << 63) - 1
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
LINE = re.compile(rb"(" + TOKEN + rb") ([\x21\x22\x24-\x7e]+) "
                  rb"HTTP/([0-9])\.([0-9])\Z")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*?)"
                   rb"[ \t]*\Z", re.S)
CODING = re.compile(TOKEN + rb"\Z")
HOST = re.compile(rb"([A-Za-z0-9._~\-]{1,255}|\[[0-9A-Fa-f:.]+\])"
                  rb"(:[0-9]{0,5})?\Z")
SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(;[\t\x20-\x7e\x80-\xff]*)?\r\n")
TRAILER = re.compile(TOKEN + rb":[\t\x20-\x7e\x80-\xff]*\r\n")
# Another reader takes '_' for '-' in names that frame or route.
CONFUSABLE = re.compile(
    rb"content-length|transfer-encoding|host|connection|expect|authorization"
    rb"|forwarded|x-forwarded-(for|host|proto)", re.I)


class Refused(Exception):
    """Against this section."""


class Incomplete(Exception):
    """More bytes could make a message of it."""


def line_section(line):
    """Why a request line is none."""
    if re.match(TOKEN + rb"[ \t]+\S+[ \t]+HTTP/", line) \
            or line != line.strip(b" \t"):
        return "RFC 9112 3: one space between the parts of a request line"
    if b"HTTP/" not in line:
        return "RFC 9112 2.3: the version"
    return "RFC 9112 3: a request line"


def version_check(major, minor):
    if (major, minor) not in ((b"1", b"0"), (b"1", b"1")):
        raise Refused("RFC 9110 15.6.6: a version that is not spoken")


def target_check(method, target):
    if len(target) > TARGET_MAX:
        raise Refused("RFC 9112 3: the length of a request target")
    if target[:1] == b"/" or (target, method) == (b"*", b"OPTIONS") or \
            re.match(rb"https?://", target, re.I):
        return
    raise Refused("RFC 9112 3.2: the forms of a request target")


def request_line(line):
    """The minor version."""
    found = LINE.match(line)
    if not found:
        raise Refused(line_section(line))
    method, target, major, minor = found.groups()
    version_check(major, minor)
    if len(method) > METHOD_MAX:
        raise Refused("RFC 9110 15.6.2: a method that is too long")
    target_check(method, target)
    return int(minor)


def field_section(line):
    if line[:1] in (b" ", b"\t"):
        return "RFC 9112 5.2: obs-fold"
    if re.match(TOKEN + rb"[ \t]+:", line):
        return "RFC 9112 5.1: white space before the colon"
    if re.match(TOKEN + rb":", line):
        return "RFC 9110 5.5: control bytes in a value"
    return "RFC 9110 5.1: a field name"


def fields(lines):
    """Pairs, names in lower case."""
    if len(lines) > FIELDS_MAX:
        raise Refused("RFC 6585 5: too many fields")
    pairs = []
    for line in lines:
        found = FIELD.match(line)
        if not found:
            raise Refused(field_section(line))
        name = found.group(1).lower()
        if b"_" in name and CONFUSABLE.fullmatch(name.replace(b"_", b"-")):
            raise Refused("RFC 9112 11.2: a name that another reader takes "
                          "for one that frames or routes")
        pairs.append((name, found.group(2)))
    return pairs


def values(pairs, name):
    return [value for other, value in pairs if other == name]


def coding_check(minor, value):
    words = [word.strip(b" \t").lower() for word in value.split(b",")]
    if minor == 0:
        raise Refused("RFC 9112 6.1: a coding in HTTP/1.0")
    if words != [b"chunked"]:
        raise Refused("RFC 9112 6.1: a coding that is not chunked alone")


def length_of(value):
    if not re.fullmatch(rb"[0-9]+", value):
        raise Refused("RFC 9110 8.6: Content-Length is digits")
    if len(value) > 1 and value[:1] == b"0":
        raise Refused("RFC 9112 11.2: a number that reads as octal too")
    if int(value) > LENGTH_MAX:
        raise Refused("RFC 9110 8.6: a Content-Length beyond what counts")
    return int(value)


def framing(minor, pairs):
    """None: chunked; else the length."""
    codings = values(pairs, b"transfer-encoding")
    lengths = values(pairs, b"content-length")
    if len(codings) + len(lengths) > 1:
        raise Refused("RFC 9112 6.3: two statements about the length")
    if codings:
        coding_check(minor, codings[0])
        return None
    return length_of(lengths[0]) if lengths else 0


def address_good(host):
    if host[:1] != b"[":
        return True
    try:
        return ipaddress.IPv6Address(host[1:-1].decode()) is not None
    except ValueError:
        return False


def host_check(minor, pairs):
    hosts = values(pairs, b"host")
    if len(hosts) != 1 and (minor == 1 or len(hosts) > 1):
        raise Refused("RFC 9112 3.2: exactly one Host")
    for host in hosts:
        found = HOST.match(host)
        port = found.group(2) if found else None
        if not found or not address_good(found.group(1)) or \
                (port and port != b":" and not 0 < int(port[1:]) < 65536):
            raise Refused("RFC 9112 3.2: a Host that is valid")


def expect_check(minor, pairs):
    found = values(pairs, b"expect")
    if minor == 1 and found and \
            (len(found) > 1 or found[0].lower() != b"100-continue"):
        raise Refused("RFC 9110 10.1.1: an expectation that is not met")


def size_check(head):
    """Of a head, or as much of one as came."""
    line, found, rest = head.partition(b"\n")
    if len(line) > METHOD_MAX + TARGET_MAX + 11:
        raise Refused("RFC 9112 3: the length of a request line")
    if found and len(rest) > SECTION_MAX + 2:
        raise Refused("RFC 6585 5: the size of all fields")


def head_end(message):
    """Where the head ends; lines end in CRLF."""
    bare = re.search(rb"(?<!\r)\n", message)
    end = message.find(b"\r\n\r\n", 0)
    head = message[:end + 4] if end >= 0 else message
    if bare and (end < 0 or bare.start() < end):
        raise Refused("RFC 9112 2.2: a line that ends in LF alone")
    size_check(head[2:] if head.startswith(b"\r\n") else head)
    if end < 0:
        raise Incomplete
    return end + 4


def head_read(message):
    """Where the body begins, and the framing."""
    first = message[:1]
    if first and first != b"\r" and not re.match(TOKEN, first):
        raise Refused("RFC 9112 3: a method")
    end = head_end(message)
    head = message[:end - 4]
    if head.startswith(b"\r\n"):
        head = head[2:]
    lines = head.split(b"\r\n")
    minor = request_line(lines[0])
    pairs = fields(lines[1:])
    length = framing(minor, pairs)
    host_check(minor, pairs)
    expect_check(minor, pairs)
    return end, length


def chunk_section(rest):
    """Refuses, unless more bytes could make it a line."""
    line = rest.partition(b"\r\n")[0]
    digits = re.match(rb"[0-9A-Fa-f]{0,16}", rest).group()
    if digits and int(digits, 16) > LENGTH_MAX:
        raise Refused("RFC 9112 7.1: a chunk size beyond what counts")
    if b"\r\n" not in rest and (rest == b"" or re.match(
            rb"[0-9A-Fa-f]{1,16}(;[\t\x20-\x7e\x80-\xff]*)?\r?\Z", rest)):
        raise Incomplete
    if re.match(rb"[0-9A-Fa-f]{1,16};", line):
        raise Refused("RFC 9112 7.1.1: a chunk extension")
    raise Refused("RFC 9112 7.1: a chunk size")


def trailers(message, at):
    """Where the message ends."""
    while True:
        rest = message[at:]
        if rest.startswith(b"\r\n"):
            return at + 2
        found = TRAILER.match(rest)
        if found:
            at += found.end()
            continue
        if re.match(rb"(" + TOKEN + rb"(:[\t\x20-\x7e\x80-\xff]*\r?)?|\r)?\Z",
                    rest):
            raise Incomplete
        raise Refused("RFC 9112 7.1.2: a trailer field")


def chunks(message, at):
    """Where the message ends, and the body."""
    body = b""
    while True:
        found = SIZE.match(message, at)
        if not found:
            chunk_section(message[at:])
        size = int(found.group(1), 16)
        if size > LENGTH_MAX:
            raise Refused("RFC 9112 7.1: a chunk size beyond what counts")
        at = found.end()
        if size == 0:
            return trailers(message, at), body
        body += message[at:at + size]
        at += size
        after = message[at:at + 2]
        if not b"\r\n".startswith(after):
            raise Refused("RFC 9112 7.1: CRLF behind the data of a chunk")
        if len(after) < 2:
            raise Incomplete
        at += 2


def read(message):
    """("D", end, body), ("M", None, None) or ("R", section, None)."""
    try:
        at, length = head_read(message)
        if length is None:
            end, body = chunks(message, at)
            return "D", end, body
        if len(message) - at < length:
            raise Incomplete
        return "D", at + length, message[at:at + length]
    except Incomplete:
        return "M", None, None
    except Refused as error:
        return "R", str(error), None
