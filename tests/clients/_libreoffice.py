"""A writer's day in LibreOffice, driven through UNO: open a document on the
server, change and save it, save it under another name, read and write a plain
text file.  What another user sees meanwhile is asked through curl.

    _libreoffice.py PIPE URL USER PASSWORD OTHER_PASSWORD CA FOLDER
"""

import hashlib
import io
import os
import subprocess
import sys
import time
import urllib.parse
import xml.etree.ElementTree as tree
import zipfile

import uno
import unohelper
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.task import XInteractionHandler

APPROVE = uno.getTypeByName("com.sun.star.task.XInteractionApprove")

PIPE, URL, USER, PASSWORD, OTHER_PASSWORD, CA, FOLDER = sys.argv[1:8]


class Account(unohelper.Base, XInteractionHandler):
    """Gives the account where one is asked for, and approves everything else
    the way a user does who presses the first button."""

    def handle(self, request):
        choices = request.getContinuations()
        for choice in choices:
            if hasattr(choice, "setPassword"):
                choice.setUserName(USER)
                choice.setPassword(PASSWORD)
                choice.select()
                return
        print("LibreOffice asks something", flush=True)
        for choice in choices:
            if APPROVE in choice.getTypes():
                choice.select()
                return


def check(condition, sentence):
    if not condition:
        sys.exit(f"failed: {sentence}")


def step(sentence):
    print(f"-- {sentence}", flush=True)


def values(**named):
    return tuple(PropertyValue(name, 0, value, 0)
                 for name, value in named.items())


def place(name):
    return f"{URL}/{urllib.parse.quote(name)}"


def connect():
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext(
        "com.sun.star.bridge.UnoUrlResolver", local)
    limit = time.monotonic() + 90
    while True:
        try:
            return resolver.resolve(
                f"uno:pipe,name={PIPE};urp;StarOffice.ComponentContext")
        except NoConnectException:
            if time.monotonic() > limit:
                raise
            time.sleep(0.3)


def other(method, name, *words, data=None):
    """A request of the other user: (status, body)."""
    argv = ["curl", "-sS", "-X", method, "-u", f"other:{OTHER_PASSWORD}",
            "-w", "%{stderr}%{http_code}", *words]
    if CA:
        argv += ["--cacert", CA]
    if data is not None:
        argv += ["--data-binary", "@-"]
    done = subprocess.run([*argv, place(name)], input=data or b"",
                          capture_output=True, check=True)
    return int(done.stderr[-3:]), done.stdout


def text_of(odt):
    content = zipfile.ZipFile(io.BytesIO(odt)).read("content.xml")
    return "\n".join("".join(part.itertext()) for part in
                     tree.fromstring(content).iter(
                         "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}p"))


def locks_on(name):
    status, body = other("PROPFIND", name, "-H", "Depth: 0")
    check(status == 207, f"PROPFIND of {name}: {status}")
    return len(list(tree.fromstring(body).iter("{DAV:}activelock")))


class Office:
    def __init__(self):
        context = connect()
        self.desktop = context.ServiceManager.createInstanceWithContext(
            "com.sun.star.frame.Desktop", context)
        self.handler = Account()

    def values(self, **named):
        """Opening asks AuthenticationHandler for the account, saving asks
        InteractionHandler."""
        return values(AuthenticationHandler=self.handler,
                      InteractionHandler=self.handler, **named)

    def open(self, url, **named):
        document = self.desktop.loadComponentFromURL(
            url, "_blank", 0,
            self.values(Hidden=True, **named))
        check(document is not None, f"{url} did not open")
        return document

    def save(self, document):
        document.store()

    def save_as(self, document, url, **named):
        document.storeAsURL(url, self.values(**named))


def make_document(office, text):
    """An .odt made by LibreOffice itself, on the local disk."""
    path = os.path.join(FOLDER, "made.odt")
    document = office.open("private:factory/swriter")
    document.getText().setString(text)
    document.storeToURL(uno.systemPathToFileUrl(path),
                        values(FilterName="writer8"))
    document.close(True)
    with open(path, "rb") as file:
        return file.read()


def edit_and_save(office, name):
    step("open what another user has put there")
    made = make_document(office, "written by another")
    status, _ = other("PUT", name, data=made)
    check(status == 201, f"PUT by other: {status}")
    document = office.open(place(name))
    check(document.getText().getString() == "written by another",
          "LibreOffice read other text")
    check(not document.isReadonly(), "the document opened read-only")
    step("the other user sees the lock")
    check(locks_on(name) == 1, "no lock on the open document")
    status, _ = other("PUT", name, data=b"overwritten")
    check(status == 423, f"PUT onto the open document: {status}")
    step("save")
    document.getText().setString("changed in LibreOffice")
    office.save(document)
    status, body = other("GET", name)
    check(status == 200, f"GET by other: {status}")
    check(text_of(body) == "changed in LibreOffice",
          f"the server holds the text {text_of(body)!r}")
    check(locks_on(name) == 1, "the save took the lock away")
    return document


def save_under_another_name(office, document, old, new):
    step("save as")
    document.getText().setString("a second document")
    office.save_as(document, place(new), FilterName="writer8")
    status, body = other("GET", new)
    check(status == 200, f"GET of the new document: {status}")
    check(text_of(body) == "a second document",
          f"the new document holds {text_of(body)!r}")
    check(text_of(other("GET", old)[1]) == "changed in LibreOffice",
          "save as changed the old document")
    check(locks_on(old) == 0, "the old document is still locked")
    check(locks_on(new) == 1, "the new document is not locked")
    document.close(True)
    check(locks_on(new) == 0, "the closed document is still locked")
    status, _ = other("PUT", old, data=body)
    check(status == 204, f"PUT onto the closed document: {status}")
    again = office.open(place(old))
    check(again.getText().getString() == "a second document",
          "LibreOffice read an old version")
    again.close(True)


def locked_by_another(office, name):
    """What somebody else has locked opens read-only or not at all; the bytes
    stay either way."""
    step("a document that another user has locked")
    before = other("GET", name)[1]
    body = (b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope>'
            b"<locktype><write/></locktype><owner>other</owner></lockinfo>")
    status, _ = other("LOCK", name, "-H", "Depth: 0", "-H",
                      "Timeout: Second-300", data=body)
    check(status == 200, f"LOCK by other: {status}")
    document = office.open(place(name), ReadOnly=True)
    check(document.getText().getString() == "a second document",
          "LibreOffice read other text")
    document.close(True)
    check(other("GET", name)[1] == before, "a locked document changed")


def plain_text(office, name):
    """Text is stored byte by byte, so that both sums can be compared."""
    step("plain text, both ways, by SHA-256")
    lines = ["first line", "zweite Zeile: äöü", "third: €, 日本語"]
    want = ("\n".join(lines) + "\n").encode()
    filters = {"FilterName": "Text (encoded)",
               "FilterOptions": "UTF8,LF,,,,false"}
    document = office.open("private:factory/swriter")
    document.getText().setString("\n".join(lines))
    office.save_as(document, place(name), **filters)
    document.close(True)
    got = other("GET", name)[1]
    check(got.removeprefix(b"\xef\xbb\xbf").rstrip(b"\n") ==
          want.rstrip(b"\n"), f"the text file holds {got!r}")
    status, _ = other("PUT", "by other.txt", data=want)
    check(status == 201, f"PUT by other: {status}")
    document = office.open(place("by other.txt"), **filters)
    read = document.getText().getString().encode().rstrip(b"\n") + b"\n"
    check(hashlib.sha256(read).digest() == hashlib.sha256(want).digest(),
          f"LibreOffice read {read!r}")
    document.close(True)


def main():
    office = Office()
    first, second = "letter to all.odt", "letter #2 50% 🎉.odt"
    document = edit_and_save(office, first)
    save_under_another_name(office, document, first, second)
    plain_text(office, "notes.txt")
    locked_by_another(office, second)
    step("done")


if __name__ == "__main__":
    main()
