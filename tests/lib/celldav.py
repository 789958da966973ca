"""The server fixture: one state directory, one `celldav serve`, clients.

    server = Server(limits={"header_seconds": 2})
    server.user("alice")
    server.cell("a", "alice")
    server.start()
    alice = server.client("alice")

The names of commands, options and keys are those that interface.md promises.
`start` and `stop` may alternate; the port stays the one chosen at the start.
"""

import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile

import wire

SANITIZER = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer"
    r"|runtime error: |SUMMARY: \w+Sanitizer")
FIELD = re.compile(r'([a-z][a-z0-9_.-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)\Z')
TOKEN = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')


class FixtureError(Exception):
    """The server or a command did not do what the fixture needs."""


def free_port():
    """Below those that the kernel gives to connections, one of which might
    have it when the server comes to listen there."""
    while True:
        port = 10000 + secrets.randbelow(22768)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def binary():
    top = os.environ.get("TOP") or os.path.abspath(
        os.path.join(os.path.dirname(__file__), "..", ".."))
    return os.environ.get("CELLDAV") or os.path.join(
        top, "build", "release", "celldav")


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    """A scratch state and the processes that serve it."""

    def __init__(self, limits=None, conf=None, scheme=""):
        scratch = os.environ.get("SCRATCH")
        self.scratch = tempfile.mkdtemp(prefix="cases-", dir=scratch)
        self.dir = os.path.join(self.scratch, "run")
        self.conf_path = os.path.join(self.dir, "celldav.conf")
        self.port, self.admin_port = free_port(), free_port()
        self.passwords = {}
        self.secrets = set()
        self.process = None
        self.url = None
        self.log_path = os.path.join(self.scratch, "stderr.log")
        self.out_path = os.path.join(self.scratch, "stdout.log")
        self.root_canary = self.write_root_file()
        self.password_of("root")
        self.command("init", "--dir", self.dir, "--listen",
                     "127.0.0.1:%d" % self.port, "--admin", "root",
                     "--password-file", self.password_file("root"),
                     config=False)
        self.configure("admin", "listen", "127.0.0.1:%d" % self.admin_port)
        for key, value in (limits or {}).items():
            self.configure("limits", key, value)
        for (section, key), value in (conf or {}).items():
            self.configure(section, key, value)
        if scheme:
            self.configure(None, "listen",
                           ["%s127.0.0.1:%d" % (scheme, self.port)])

    # -- files ---------------------------------------------------------

    def write_root_file(self):
        """A canary outside the state that no answer may ever hold."""
        canary = secrets.token_hex(16)
        self.root_file = os.path.join(self.scratch, "outside.txt")
        with open(self.root_file, "w", encoding="ascii") as file:
            file.write(canary)
        return canary.encode()

    def password_of(self, user):
        if user not in self.passwords:
            self.set_password(user, "pw-" + secrets.token_hex(8))
        return self.passwords[user]

    def set_password(self, user, password):
        self.passwords[user] = password
        self.secrets.add(password)
        self.secrets.add(wire.basic(user, password)[6:])

    def password_file(self, user):
        path = os.path.join(self.scratch, "password-" + user)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.password_of(user) + "\n")
        os.chmod(path, 0o600)
        return path

    def configure(self, section, key, value):
        """Set one key, in place when the file has it already."""
        with open(self.conf_path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        lines = _conf_set(lines, section, key, _conf_value(value))
        with open(self.conf_path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))

    # -- commands ------------------------------------------------------

    def run(self, *arguments, config=True, stdin=b"", timeout=300):
        """Run a command: CompletedProcess with text output."""
        env = dict(os.environ)
        if config:
            env["CELLDAV_CONFIG"] = self.conf_path
        else:
            env.pop("CELLDAV_CONFIG", None)
        done = subprocess.run(
            [binary(), *arguments], env=env, input=stdin, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        done.stdout = done.stdout.decode("utf-8", "replace")
        done.stderr = done.stderr.decode("utf-8", "replace")
        if SANITIZER.search(done.stderr):
            raise FixtureError("sanitizer report of %s:\n%s"
                               % (" ".join(arguments), done.stderr[:4000]))
        return done

    def command(self, *arguments, config=True):
        """Run a command that must succeed: its standard output."""
        done = self.run(*arguments, config=config)
        if done.returncode != 0:
            raise FixtureError("celldav %s: exit %d: %s" % (
                " ".join(arguments), done.returncode, done.stderr.strip()))
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.command("--json", *arguments))

    def user(self, name, *options):
        self.command("user", "add", name, "--password-file",
                     self.password_file(name), *options)

    def group(self, name, *members):
        self.command("group", "add", name)
        for member in members:
            self.command("group", "join", name, member)

    def cell(self, slug, owner, *options):
        self.command("cell", "create", slug, "--owner", owner, *options)

    def grant(self, place, subject, rights, *options):
        self.command("grant", "set", place, subject, rights, *options)

    def revoke(self, place, subject):
        self.command("grant", "revoke", place, subject)

    # -- the process ---------------------------------------------------

    def start(self, seconds=60, wait=True, preload=None):
        env = dict(os.environ, CELLDAV_CONFIG=self.conf_path)
        env.update(preload or {})
        if "LD_PRELOAD" in env:    # such libraries read files of their own
            self.configure(None, "sandbox", "off")
        with open(self.out_path, "wb") as out, \
                open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve"], env=env, stdout=out, stderr=log,
                stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)
        if wait:
            self.url = wire.wait_until(self._ready, seconds)
            if not self.url:
                raise FixtureError("no ready line: " + self.log()[-2000:])
            self.port = int(re.search(r":(\d+)/\Z", self.url).group(1))
            self.worker = self.worker_pid()

    def _ready(self):
        if self.process.poll() is not None:
            raise FixtureError("serve ended with %d: %s" % (
                self.process.returncode, self.log()[-2000:]))
        with open(self.out_path, encoding="utf-8") as file:
            found = re.search(r"^ready: (http\S+)$", file.read(), re.M)
        return found and found.group(1)

    def worker_pid(self):
        """The server process, which is a child of the supervisor."""
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open("/proc/%s/stat" % name, encoding="ascii",
                          errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid and fields[0] != "Z":
                return int(name)
        return self.process.pid

    def rss(self):
        """Resident bytes of the server process that no file is behind: pages
        of the database and of libmagic's come and go with other work."""
        with open("/proc/%d/status" % self.worker, encoding="ascii") as file:
            found = re.search(r"RssAnon:\s+(\d+) kB", file.read())
        return int(found.group(1)) * 1024

    def signal(self, number):
        os.kill(self.process.pid, number)

    def stop(self, seconds=120):
        """SIGTERM; the exit status must be 0 and stderr free of reports."""
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process = None
            raise FixtureError("SIGTERM did not end it in %d s" % seconds)
        self.process = None
        if status != 0:
            raise FixtureError("exit %d after SIGTERM: %s"
                               % (status, self.log()[-3000:]))
        self.check_sanitizers()

    def kill(self):
        """kill -9 of the supervisor; the server process follows at once."""
        self.process.kill()
        self.process.wait()
        self.process = None
        gone = lambda: not os.path.exists("/proc/%d" % self.worker) \
            or _is_zombie(self.worker)
        if not wire.wait_until(gone, 30):
            raise FixtureError("server process outlives its supervisor")

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        try:
            self.stop()
        finally:
            if not os.environ.get("KEEP"):
                shutil.rmtree(self.scratch, ignore_errors=True)

    def check_sanitizers(self):
        if SANITIZER.search(self.log()):
            at = SANITIZER.search(self.log()).start()
            raise FixtureError("sanitizer report:\n"
                               + self.log()[at:at + 4000])

    @property
    def sanitized(self):
        """Whether memory figures mean anything in this build."""
        with open(binary(), "rb") as file:
            return bool(re.search(rb"__[at]san_init", file.read()))

    # -- what it says --------------------------------------------------

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def access_lines(self, start=0):
        """Complete access lines after `start` bytes of the log."""
        with open(self.log_path, "rb") as file:
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
        whole = text[:text.rfind("\n") + 1]
        return [line for line in whole.split("\n")
                if " method=" in " " + line and " status=" in line]

    def log_size(self):
        return os.path.getsize(self.log_path)

    def log_faults(self, start=0):
        """What is wrong with the log after `start`: a list of sentences."""
        faults = []
        for line in self.access_lines(start):
            if access_fields(line) is None:
                faults.append("access line is not key=value: " + line[:300])
        with open(self.log_path, "rb") as file:
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
        faults += ["a secret is in the log" for secret in self.secrets
                   if secret in text]
        if any(c in text for c in "\x00\x1b\r"):
            faults.append("control characters in the log")
        return faults

    # -- clients -------------------------------------------------------

    def client(self, user=None, tls=None):
        password = self.password_of(user) if user else None
        client = wire.Client("127.0.0.1", self.port, user, password, tls)
        client.forbidden.add(self.root_canary)
        return client

    def admin(self):
        return wire.Client("127.0.0.1", self.admin_port)


def access_fields(line):
    """The fields of an access line; None when it is not well-formed.
    Up to four bare words (time, level, tag) may stand before them."""
    fields, bare = {}, 0
    for token in TOKEN.findall(line):
        match = FIELD.match(token)
        if match:
            fields[match.group(1)] = match.group(2).strip('"')
        elif fields or bare == 4:
            return None
        else:
            bare += 1
    return fields if "method" in fields and "status" in fields else None


def _is_zombie(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii",
                  errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _conf_value(value):
    if isinstance(value, (list, tuple)):
        return "{%s}" % ", ".join('"%s"' % v for v in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"%s"' % value


def _conf_set(lines, section, key, value):
    setting = "%s = %s" % (key, value)
    inside, start, depth = None, None, 0
    for number, line in enumerate(lines):
        code = re.sub(r'"[^"]*"', '""', line).split("#")[0]
        opened = re.match(r"\s*(\w+)\s*\{", code)
        if depth == 0 and opened:
            inside = opened.group(1)
            if inside == section:
                start = number
        if (section is None and depth == 0) or inside == section:
            here = re.search(r"\b%s\s*=\s*(\{[^}]*\}|\"[^\"]*\"|[^\s}#]+)"
                             % re.escape(key), line.split("#")[0])
            if here and not (section is None and opened):
                lines[number] = line[:here.start()] + setting \
                    + line[here.end():]
                return lines
        depth += code.count("{") - code.count("}")
        if depth == 0:
            inside = None
    if section is None:
        return [setting] + lines
    if start is not None:
        lines[start] = re.sub(r"\{", "{\n" + setting + "\n", lines[start], 1)
        return "\n".join(lines).split("\n")
    return lines + ["%s {" % section, "\t" + setting, "}", ""]
