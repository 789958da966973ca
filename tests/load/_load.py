"""What the load tests share: the programs of _client/, figures beside their
thresholds, and what a process costs.

    form = Form("seconds of slow clients", short=12, full=60)
    figures = Figures("R5")
    figures.most("p99 with slow clients, ms", 12.5, 50)
    sys.exit(figures.end())
"""

import argparse
import glob
import json
import os
import resource
import signal
import ssl
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import wire                                                     # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


class Figures:
    """Prints each figure with what it may be; remembers whether one is not
    as it should be."""

    def __init__(self, name):
        self.name, self.failed, self.since = name, [], time.monotonic()

    def _say(self, good, what, value, rule):
        shown = "%.6g" % value if isinstance(value, (int, float)) else value
        print("%-4s %s: %-44s %12s  (%s)" % (
            "ok" if good else "BAD", self.name, what, shown, rule),
            flush=True)
        if not good:
            self.failed.append(what)

    def most(self, what, value, limit):
        self._say(value <= limit, what, value, "at most %.6g" % limit)

    def least(self, what, value, limit):
        self._say(value >= limit, what, value, "at least %.6g" % limit)

    def equal(self, what, value, wanted):
        self._say(value == wanted, what, value, "is %s" % (wanted,))

    def true(self, what, value, detail=""):
        self._say(bool(value), what, "yes" if value else "NO",
                  detail or "has to be so")

    def tell(self, what, value):
        """A figure without a threshold."""
        self._say(True, what, value, "told only")

    def end(self):
        took = time.monotonic() - self.since
        if self.failed:
            print("%s: failed after %.0f s: %s"
                  % (self.name, took, "; ".join(self.failed)))
            return 1
        print("%s: passed in %.0f s" % (self.name, took))
        return 0


def options(purpose, **more):
    """--full, or the full form by TEST_FORM=long; and NAME=DEFAULT more."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--full", action="store_true",
                        default=os.environ.get("TEST_FORM") == "long")
    for name, default in more.items():
        parser.add_argument("--" + name, type=type(default),
                            default=default)
    return parser.parse_args()


def scratch():
    return os.environ.get("SCRATCH") or tempfile.gettempdir()


def descriptors_raise(wanted):
    """The limit of this process and of those it starts, as far as it is
    allowed: what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in ((wanted, max(wanted, hard)), (min(wanted, hard), hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return limit[0]
        except (OSError, ValueError):
            continue
    return soft


def program(name):
    """Compiles one of the programs of _client/, once: its path."""
    folder = os.path.join(scratch(), "load-programs")
    os.makedirs(folder, exist_ok=True)
    out = os.path.join(folder, name)
    if os.path.exists(out):
        return out
    sources = [s for s in sorted(glob.glob(HERE + "/_client/*.c"))
               if os.path.basename(s) not in ("slow.c", "steady.c")]
    done = subprocess.run(
        ["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", *WARNINGS, "-o", out,
         "%s/_client/%s.c" % (HERE, name), *sources, "-lssl", "-lcrypto"],
        check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("%s does not compile:\n%s" % (name, done.stderr))
    return out


class Steady:
    """steady.c at work: `requests` are rows (method, path, statuses, body
    length, header lines...)."""

    def __init__(self, port, requests, connections=1, seconds=1, **more):
        rate = more.get("rate", 0)
        with tempfile.NamedTemporaryFile(
                "w", dir=scratch(), prefix="requests-",
                delete=False) as file:
            for row in requests:
                file.write("\t".join(str(word) for word in row) + "\n")
        argv = [program("steady"), "-p", str(port), "-f", file.name,
                "-c", str(connections), "-s", str(seconds), "-r", str(rate)]
        if more.get("user"):
            argv += ["-a", wire.basic(*more["user"])]
        for letter, key in (("-n", "sources"), ("-o", "patience")):
            if more.get(key):
                argv += [letter, str(more[key])]
        if more.get("tls"):
            argv.append("-t")
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        self.result = None

    def stop(self):
        """Ends it early."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self):
        """Its figures, when it has ended."""
        if self.result is None:
            text = self.process.communicate()[0]
            if self.process.returncode != 0:
                raise RuntimeError("steady ended with %d"
                                   % self.process.returncode)
            self.result = json.loads(text)
        return self.result


def failures(result):
    """What must not happen to any request: kind -> how many."""
    kinds = ("refused", "reset", "closed", "wrong", "late", "malformed",
             "no_retry")
    return {kind: result[kind] for kind in kinds if result[kind]}


def turned_away(result):
    """Answers 503 and 429."""
    return sum(result["status"].get(code, 0) for code in ("503", "429"))


def certificate(server, name="served"):
    """Configures a fresh self-signed certificate: a context that takes it."""
    cert, key = (os.path.join(server.scratch, "%s.%s" % (name, end))
                 for end in ("crt", "key"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         cert, "-days", "30", "-subj", "/CN=" + name, "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    server.configure("tls", "certificate", cert)
    server.configure("tls", "key", key)
    context = ssl.create_default_context(cafile=cert)
    context.check_hostname = False
    return context


def app_password(server, user, label="load"):
    """(user, a new app password), as a client has it that stays."""
    told = server.command("app-password", "add", user, "--label", label)
    return user, told.strip()


# -- What a process costs ----------------------------------------------------

def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii",
              errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Cpu:
    """Part of one core that a process used since."""

    def __init__(self, pid):
        self.pid, self.since = pid, time.monotonic()
        self.used = cpu_seconds(pid)

    def part(self):
        took = time.monotonic() - self.since
        return (cpu_seconds(self.pid) - self.used) / max(took, 0.001)


def rss(pid, field="VmRSS"):
    """Resident bytes; RssAnon: without what is mapped from files."""
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def descriptors(pid):
    """How many are open; how many of these are cached contents."""
    folder, names = "/proc/%d/fd" % pid, []
    for number in os.listdir(folder):
        try:
            names.append(os.readlink(os.path.join(folder, number)))
        except OSError:
            continue
    return len(names), sum("/blobs/" in name for name in names)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii",
                  errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def metrics(server):
    """Name with labels -> value, of the admin listener."""
    with server.admin() as admin:
        text = admin.get("/metrics").body.decode()
    found = {}
    for line in text.split("\n"):
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found
