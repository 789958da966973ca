"""Runs davload, and the few requests that stand outside the timed part."""

import glob
import http.client
import json
import os
import random
import subprocess
import xml.etree.ElementTree as ET

from process import Failure

PERIOD, PHASE_STEP = 65521, 4099
DAV = "{DAV:}"
PROPERTIES = ("displayname", "resourcetype", "getcontentlength",
              "getcontenttype", "getlastmodified", "creationdate", "getetag",
              "supportedlock")
PROPFIND = ('<propfind xmlns="DAV:"><prop>%s</prop></propfind>'
            % "".join(f"<{name}/>" for name in PROPERTIES))


class Wrong(Exception):
    """A server gave an answer that it should not have given."""


def text_make():
    """Plain text of words, as long as the other pattern."""
    chance = random.Random(4331)
    words = ("one", "gateway", "and", "several", "folders", "with", "a",
             "name\n", "that", "people", "remember,")
    text = " ".join(chance.choice(words) for _ in range(PERIOD // 2))
    return text[:PERIOD].encode()


class Load:
    """The compiled generator and the pattern of which contents are made."""

    def __init__(self, top, folder):
        self.program = os.path.join(folder, "davload")
        self.folder = folder
        self.patterns = {"bytes": random.Random(4918).randbytes(PERIOD),
                         "text": text_make()}
        for name, pattern in self.patterns.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(pattern)
        sources = glob.glob(os.path.join(top, "tests/bench/davload/*.c"))
        done = subprocess.run(
            ["gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-o", self.program,
             *sorted(sources), "-lssl", "-lcrypto"], check=False,
            capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure("davload does not compile:\n" + done.stderr)

    def content(self, target, size, pattern="bytes"):
        phase = target * PHASE_STEP % PERIOD
        repeated = self.patterns[pattern] * (size // PERIOD + 2)
        return repeated[phase:phase + size]

    def run(self, server, kind, connections, seconds, cores=None,
            pattern="bytes", **keys):
        """One run of davload: its figures. Raises Wrong."""
        words = [self.program, "127.0.0.1", str(server.port),
                 str(connections), str(seconds), kind,
                 "pattern=" + os.path.join(self.folder, pattern)]
        if server.auth:
            words.append("auth=" + server.auth)
        if server.tls:
            words.append("tls=" + server.tls)
        for key, value in keys.items():
            if key in ("path", "to"):
                value = server.base + value
            words.append(f"{key}={value}")
        before = None
        if cores:
            def before():
                os.sched_setaffinity(0, cores)
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, check=False, timeout=seconds + 120,
                preexec_fn=before)
        except subprocess.TimeoutExpired as error:
            raise Wrong(f"no end of {kind} after {seconds + 120:.0f} s"
                        ) from error
        if done.returncode != 0:
            raise Wrong(done.stderr.strip()[:600] or
                        f"davload ended with {done.returncode}")
        return json.loads(done.stdout)


def request(server, method, path, body=None, headers=None):
    """One request on a connection of its own: status and body."""
    fields = dict(headers or {})
    if server.auth:
        fields["Authorization"] = "Basic " + server.auth
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        link.request(method, server.base + path, body, fields)
        answer = link.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Wrong(f"{method} {path}: {error}") from error
    finally:
        link.close()


def expect(server, status, method, path, body=None, headers=None):
    got, data = request(server, method, path, body, headers)
    if got not in (status if isinstance(status, tuple) else (status,)):
        raise Wrong(f"{method} {path}: {got} instead of {status}")
    return data


def folder_make(server, path):
    expect(server, 201, "MKCOL", path)


def listing(server, path):
    """Names of the members, and how many of the eight properties a file
    among them has."""
    data = expect(server, 207, "PROPFIND", path, PROPFIND,
                  {"Depth": "1", "Content-Type": "application/xml"})
    names, most = set(), 0
    for response in ET.fromstring(data).findall(DAV + "response"):
        href = response.findtext(DAV + "href").rstrip("/")
        names.add(href.rsplit("/", 1)[-1])
        good = [prop for stat in response.findall(DAV + "propstat")
                if " 200" in stat.findtext(DAV + "status")
                for prop in stat.find(DAV + "prop")]
        found = {prop.tag.removeprefix(DAV) for prop in good}
        most = max(most, len(found & set(PROPERTIES)))
    return names, most


def contents_check(server, load, path, numbers, size, suffix="",
                   pattern="bytes"):
    for number in numbers:
        name = f"{path}f{number}{suffix}"
        if expect(server, 200, "GET", name) != load.content(number, size,
                                                            pattern):
            raise Wrong(f"GET {name}: not what was put")
