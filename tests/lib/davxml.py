"""XML of WebDAV in and out, and the dump of a tree for effect checks."""

import collections
import hashlib
import re
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

from observed import WireError, stats

DAV = "{DAV:}"
CD = "{urn:celldav:}"
XML_TYPE = "application/xml; charset=utf-8"


class Item:
    """One DAV:response: href, own status, and Clark name -> (status, element)."""

    def __init__(self, href, status):
        self.href, self.status, self.props = href, status, {}
        self.doubled = []

    def text(self, name):
        status, found = self.props.get(name, (404, None))
        return (found.text or "") if status == 200 else None

    @property
    def is_collection(self):
        status, found = self.props.get(DAV + "resourcetype", (404, None))
        return status == 200 and found.find(DAV + "collection") is not None


def status_code(text):
    match = re.match(r"HTTP/1\.1 (\d{3})( .*)?\Z", text or "")
    if not match:
        raise WireError("bad DAV:status %r" % text)
    return int(match.group(1))


def multistatus(body):
    """The responses of a 207 body, in order (RFC 4918 13)."""
    root = ElementTree.fromstring(body)
    if root.tag != DAV + "multistatus":
        raise WireError("not a multistatus: %s" % root.tag)
    found = []
    for response in root.findall(DAV + "response"):
        own = response.find(DAV + "status")
        for href in response.findall(DAV + "href"):
            item = Item(href.text, own is not None
                        and status_code(own.text) or None)
            for propstat in response.findall(DAV + "propstat"):
                code = status_code(propstat.find(DAV + "status").text)
                for prop in propstat.find(DAV + "prop"):
                    if prop.tag in item.props:
                        item.doubled.append(prop.tag)
                    item.props[prop.tag] = (code, prop)
            found.append(item)
    return found


def element(name, text=None):
    """XML of one element by Clark name, namespace declared in place."""
    space, local = name[1:].split("}") if name[0] == "{" else ("", name)
    start = '%s xmlns="%s"' % (local, space)
    return "<%s/>" % start if text is None else \
        "<%s>%s</%s>" % (start, text, local)


def prop_body(root, props):
    """PROPFIND body: a list of Clark names, or "allprop" or "propname"."""
    if isinstance(props, str):
        inner = "<%s/>" % props
    else:
        inner = "<prop>%s</prop>" % "".join(element(p) for p in props)
    return '<?xml version="1.0" encoding="utf-8"?><%s xmlns="DAV:">%s</%s>' \
        % (root, inner, root)


Entry = collections.namedtuple("Entry", "kind size digest etag props")


def dump(client, path, props=()):
    """Walk by PROPFIND Depth 1: path -> Entry, bodies hashed by GET."""
    wanted = [DAV + "resourcetype", DAV + "getetag",
              DAV + "getcontentlength"] + list(props)
    tree, queue = {}, [path if path.endswith("/") else path + "/"]
    while queue:
        at = queue.pop()
        answer = client.propfind(at, "1", wanted)
        if answer.status != 207:
            raise WireError("PROPFIND %s: %r" % (at, answer))
        for item in answer.items():
            key = unquote(item.href)
            if key in tree:
                continue
            tree[key] = _entry(client, item, props)
            if item.is_collection and item.href != at:
                queue.append(item.href)
    return tree


def _entry(client, item, props):
    extra = tuple(item.text(name) for name in props)
    if item.is_collection:
        return Entry("collection", None, None, None, extra)
    answer = client.get(item.href)
    size, etag = item.text(DAV + "getcontentlength"), item.text(DAV + "getetag")
    if answer.status != 200 or str(len(answer.body)) != size \
            or answer.etag != etag:
        stats.problems.append("%s: PROPFIND says %s bytes %s, GET says %d, "
                              "%d bytes %s" % (item.href, size, etag,
                              answer.status, len(answer.body), answer.etag))
    digest = hashlib.sha256(answer.body).hexdigest()
    return Entry("file", len(answer.body), digest, etag, extra)


def contents(tree):
    """A dump without validators: what a user would call the tree."""
    return {path: (e.kind, e.size, e.digest) for path, e in tree.items()}
