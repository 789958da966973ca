"""What surrounds a running test: a network namespace, a scratch folder, a
place for the reports of sanitizers."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time


class Net:
    """A network namespace for the length of a test, or nothing where the
    machine does not allow one."""

    count = 0
    lock = threading.Lock()
    allowed = None

    def __init__(self):
        with Net.lock:
            Net.count += 1
            self.name = f"celldav-test-{os.getpid()}-{Net.count}"
            if Net.allowed is None:
                Net.allowed = self.make()
                self.made = Net.allowed
                return
        self.made = Net.allowed and self.make()

    def ip(self, *words):
        return subprocess.run(["ip", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)

    def make(self):
        if os.geteuid() != 0 or shutil.which("ip") is None:
            return False
        if self.ip("netns", "add", self.name).returncode != 0:
            return False
        up = self.ip("netns", "exec", self.name, "ip", "link", "set", "lo",
                     "up")
        if up.returncode != 0:
            self.ip("netns", "del", self.name)
        return up.returncode == 0

    def wrap(self, argv):
        if not self.made:
            return argv
        return ["ip", "netns", "exec", self.name, *argv]

    def processes(self):
        if not self.made:
            return []
        pids = self.ip("netns", "pids", self.name).stdout.split()
        return [int(pid) for pid in pids]

    def close(self):
        """Ends what still runs inside and removes the namespace."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.processes():
                signal_process(pid, number)
            limit = time.monotonic() + 3
            while self.processes() and time.monotonic() < limit:
                time.sleep(0.05)
        if self.made:
            self.ip("netns", "del", self.name)


def signal_process(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def unmount_below(folder):
    """A test that died may have left a mount; nothing is removed through
    one."""
    with open("/proc/self/mounts", encoding="utf-8") as table:
        points = [line.split()[1].replace("\\040", " ") for line in table]
    for point in sorted(points, reverse=True):
        if point.startswith(str(folder) + "/"):
            subprocess.run(["umount", "-l", point], check=False,
                           capture_output=True)


class Scratch:
    """The folder of one test, and beside it the place for what a sanitizer
    says: a report there fails the test, whatever the test itself noticed."""

    def __init__(self, keep):
        self.keep = keep
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="celldav-test-"))
        self.base.chmod(0o755)
        self.folder = self.base / "scratch"
        self.folder.mkdir()
        self.sanitizer = self.base / "sanitizer"
        self.sanitizer.mkdir()
        self.sanitizer.chmod(0o1777)

    def reports(self):
        """What was found. That nothing turns addresses into names on this
        machine (no symbolizer) is no finding."""
        found = []
        for path in sorted(self.sanitizer.iterdir()):
            text = path.read_text(encoding="utf-8", errors="replace")
            lines = [line for line in text.split("\n") if line.strip()
                     and "external symbolizer" not in line]
            if lines:
                found.append(text)
        return found

    def close(self):
        unmount_below(self.base)
        if self.keep:
            return
        shutil.rmtree(self.base, ignore_errors=True)
