#!/usr/bin/python3 -B
"""V01 to V03 of reliability.md: XML bodies that attack the parser."""

import os
import socket
import string
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, XML_TYPE, prop_body                      # noqa: E402
from world import Cells                                          # noqa: E402

PROPFIND = '<propfind xmlns="DAV:"><prop><getetag/>%s</prop></propfind>'
PROPPATCH = ('<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:t">%s</x>'
             '</prop></set></propertyupdate>')
LOCK = ('<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope>'
        '<locktype><write/></locktype><owner>%s</owner></lockinfo>')
BODIES = (("PROPFIND", PROPFIND), ("PROPPATCH", PROPPATCH), ("LOCK", LOCK))
MIB = 1 << 20


def send(client, method, path, body):
    headers = {"Content-Type": XML_TYPE, "Depth": "0"}
    return client.request(method, path, headers, body)


def refused_everywhere(t, prologue, reference):
    path = t.file()
    with t.unchanged(t.alice, os.path.dirname(path), "{urn:t}x"):
        for method, body in BODIES:
            text = prologue + body % reference
            t.status(send(t.alice, method, path, text), 400)
    t.status(t.alice.put(path, b"not locked"), 204)


@case("V01: a DOCTYPE with an external file entity is refused with 400")
def external_file_entity(t):
    uri = "file://" + t.server.root_file
    refused_everywhere(t, '<!DOCTYPE x [<!ENTITY e SYSTEM "%s">]>' % uri,
                       "&e;")
    refused_everywhere(t, '<!DOCTYPE x SYSTEM "%s">' % uri, "")


@case("V01: no entity makes the server connect to anything")
def external_http_entity(t):
    with socket.socket() as sink:
        sink.bind(("127.0.0.1", 0))
        sink.listen()
        uri = "http://127.0.0.1:%d/" % sink.getsockname()[1]
        refused_everywhere(t, '<!DOCTYPE x [<!ENTITY e SYSTEM "%s">]>' % uri,
                           "&e;")
        refused_everywhere(
            t, '<!DOCTYPE x [<!ENTITY %% p SYSTEM "%s"> %%p;]>' % uri, "")
        refused_everywhere(t, '<!DOCTYPE x SYSTEM "%s">' % uri, "")
        sink.settimeout(0.3)
        try:
            sink.accept()
            t.fail("the server connected to the sink")
        except TimeoutError:
            pass


@case("V01: an XInclude element is an unknown element and includes nothing")
def xinclude(t):
    path = t.file()
    include = ('<i:include xmlns:i="http://www.w3.org/2001/XInclude" '
               'href="file://%s" parse="text"/>' % t.server.root_file)
    t.status(send(t.alice, "PROPPATCH", path, PROPPATCH % include), 207)
    answer = t.alice.propfind(path, props=["{urn:t}x"])
    status, found = t.multistatus(answer)[0].props["{urn:t}x"]
    t.eq(status, 200, "status of the stored property")
    t.eq(len(found), 1, "the element as it was sent")


@case("V01 twin: the same bodies without DOCTYPE answer 207 and 200")
def plain_bodies(t):
    path = t.file()
    for method, body in BODIES:
        answer = send(t.alice, method, path, body % "")
        t.status(answer, 200 if method == "LOCK" else 207)


@case("V02: billion laughs is refused with 400 and costs no memory")
def billion_laughs(t):
    lines = ['<!ENTITY a0 "ha">']
    for level in range(1, 11):
        lines.append('<!ENTITY a%d "%s">' % (level, "&a%d;" % (level - 1)
                                             * 10))
    before = t.server.rss()
    refused_everywhere(t, "<!DOCTYPE x [%s]>" % "".join(lines), "&a10;")
    grown = t.server.rss() - before
    t.true(grown <= 8 * MIB or t.server.sanitized,
           "V02: RSS grew by %d bytes", grown)


@case("V02: an internal entity that is only declared is refused as well")
def declared_entity(t):
    refused_everywhere(t, '<!DOCTYPE x [<!ENTITY e "v">]>', "")
    refused_everywhere(t, "<!DOCTYPE x>", "")


@case("V03a: a body over the limit is 413 before the rest is read")
def body_over_limit(t):
    path = t.file()
    for method, _ in BODIES:
        with t.alice.connect() as connection:
            connection.send(t.alice.head(
                method, path, {"Content-Type": XML_TYPE, "Depth": "0"},
                length=MIB + 1))
            t.status(connection.read(method), 413)
            t.true(connection.ended(), "the connection stays open although"
                   " the body was not read (RFC 9112 9.3)")


@case("V03a: a chunked body over the limit is 413 too")
def chunked_over_limit(t):
    body = PROPFIND % "" + " " * MIB
    answer = t.alice.request("PROPFIND", t.file(),
                             {"Content-Type": XML_TYPE, "Depth": "0"},
                             body, chunked=True)
    t.status(answer, 413)


@case("V03a twin: a body of exactly the limit is read")
def body_at_limit(t):
    body = prop_body("propfind", [DAV + "getetag"])
    body += " " * (MIB - len(body))
    t.multistatus(t.alice.propfind(t.file(), body=body))


@case("V03b: 100 000 nested elements are 400 without recursion")
def deep_nesting(t):
    path = t.file()
    nested = "<a>" * 100000 + "</a>" * 100000
    for method, body in BODIES:
        t.status(send(t.alice, method, path, body % nested), 400, 413)
    t.eq(t.alice.prop(path, "{urn:t}x"), None, "the property")


@case("V03b: nesting of the limit, 64, is read and one more is 400")
def nesting_limit(t):
    path = t.file()
    for depth, expected in ((60, 207), (65, 400)):
        nested = "<a>" * depth + "</a>" * depth
        t.status(send(t.alice, "PROPPATCH", path, PROPPATCH % nested),
                 expected)


@case("V03c: 50 000 properties in one request are 400 or 413")
def many_properties(t):
    path = t.file()
    names = "".join("<p%d/>" % n for n in range(50000))
    t.status(send(t.alice, "PROPFIND", path, PROPFIND % names), 400, 413)
    body = PROPPATCH.replace('<x xmlns="urn:t">%s</x>', names)
    t.status(send(t.alice, "PROPPATCH", path, body), 400, 413)


@case("V03c: 1 000 properties are read, 1 001 are refused (design.md 7)")
def property_limit(t):
    path = t.file()
    for count, allowed in ((999, (207,)), (1001, (400, 413))):
        names = "".join("<p%d/>" % n for n in range(count))
        t.status(send(t.alice, "PROPFIND", path, PROPFIND % names), *allowed)


def namespaces(count):
    """`count` short declarations, so that 70 000 stay below 1 MiB."""
    letters = string.ascii_letters
    tail = letters + string.digits
    made = []
    for first in letters:
        for second in tail:
            for third in tail:
                made.append(' xmlns:%s%s%s="b"' % (first, second, third))
                if len(made) == count:
                    return "".join(made)
    return "".join(made)


@case("V03d: 5 000 and 70 000 namespaces are 400 or 413, properties stay")
def many_namespaces(t):
    path = t.file()
    t.status(t.alice.proppatch(path, [("{urn:keep}k", "kept")]), 207)
    before = t.server.rss()
    for count in (5000, 70000):
        for method, body in BODIES:
            head, tail = (body % "").split(">", 1)
            text = head + namespaces(count) + ">" + tail
            t.status(send(t.alice, method, path, text), 400, 413)
    t.eq(t.alice.prop(path, "{urn:keep}k"), "kept", "the older property")
    grown = t.server.rss() - before
    t.true(grown <= 16 * MIB or t.server.sanitized,
           "RSS grew by %d bytes", grown)


@case("V03d twin: a property with 20 namespaces is stored and reads back")
def some_namespaces(t):
    path = t.file()
    body = ('<propertyupdate xmlns="DAV:"%s><set><prop><x xmlns="urn:t">v</x>'
            '</prop></set></propertyupdate>' % namespaces(20))
    t.status(send(t.alice, "PROPPATCH", path, body), 207)
    t.eq(t.alice.prop(path, "{urn:t}x"), "v", "the property")


@case("V03e, V03f, RFC 4918 8.2: XML that is not well-formed is 400")
def malformed(t):
    path = t.file()
    whole = PROPFIND % ""
    bad = [whole.replace("getetag", "get\xff").encode("latin-1"),
           whole[:-5].encode(), whole[:20].encode(), b"<", b"hello",
           whole.replace("<getetag/>", "<q:getetag/>").encode(),
           whole.replace("<getetag/>", "&undefined;").encode(),
           whole.replace("<getetag/>", "<getetag>").encode(),
           whole.replace("<getetag/>", "\x00").encode(),
           whole.replace("<getetag/>", "&#0;").encode(),
           (whole + whole).encode(),
           b'<?xml version="1.0" encoding="x-none"?>' + whole.encode()]
    for body in bad:
        answer = send(t.alice, "PROPFIND", path, body)
        t.true(answer.status == 400, "%r: %r", body[:120], answer)
    patch = PROPPATCH % "v"
    for body in (patch[:-4], patch.replace("</x>", "</y>")):
        t.status(send(t.alice, "PROPPATCH", path, body), 400)
    t.eq(t.alice.prop(path, "{urn:t}x"), None, "the property")


@case("RFC 4918 8.2 twin: UTF-8 with a mark, UTF-16, and no type are read")
def encodings(t):
    path = t.file()
    whole = PROPFIND % ""
    for body in (b"\xef\xbb\xbf" + whole.encode(),
                 ('<?xml version="1.0" encoding="utf-16"?>' + whole)
                 .encode("utf-16"), whole.encode()):
        t.multistatus(t.alice.request(
            "PROPFIND", path, {"Depth": "0", "Content-Type": "text/xml"},
            body))
        t.multistatus(t.alice.request("PROPFIND", path, {"Depth": "0"}, body))


@case("RFC 4918 8.2, 17: unknown elements and attributes are ignored")
def unknown_elements(t):
    body = ('<propfind xmlns="DAV:" xmlns:x="urn:x" x:a="1"><x:y><x:z/></x:y>'
            '<prop x:b="2"><getetag/></prop></propfind>')
    item = t.multistatus(t.alice.propfind(t.file(), body=body))[0]
    t.eq(item.props[DAV + "getetag"][0], 200, "status of getetag")


@case("RFC 4918 9.1, 9.2, 9.10: another root element is 400")
def wrong_root(t):
    path = t.file()
    for method, _ in BODIES:
        t.status(send(t.alice, method, path, '<other xmlns="DAV:"/>'),
                 400, 422)
        t.status(send(t.alice, method, path, PROPFIND.replace(
            "DAV:", "urn:none").replace("%s", "")), 400, 422)


if __name__ == "__main__":
    main(Cells)
