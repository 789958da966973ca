"""Counts results and prints them, a line each, as they come."""

import threading
import time

from places import LOGS, TOP

HEARTBEAT = 30
TAIL_LINES = 40


class Report:
    """Counts and prints; the only thing that the lanes share."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures = []
        self.running = {}
        self.rows = []
        self.last_line = time.monotonic()

    def print(self, line):
        with self.lock:
            print(line, flush=True)
            self.last_line = time.monotonic()

    def begin(self, title):
        with self.lock:
            self.running[title] = time.monotonic()

    def end(self, title, result, seconds, reason="", log=None):
        with self.lock:
            self.running.pop(title, None)
            self.counts[result] += 1
            self.rows.append((title, result, seconds))
            tail = f"  ({reason})" if reason else ""
            print(f"{result:8}{title:44}{seconds:8.1f} s{tail}", flush=True)
            if result == "failed":
                self.failures.append(title)
                if log is not None:
                    print_tail(log)
            self.last_line = time.monotonic()

    def beat(self):
        """Shows what runs when nothing has been printed for a while."""
        with self.lock:
            now = time.monotonic()
            if not self.running or now - self.last_line < HEARTBEAT:
                return
            names = ", ".join(f"{title} ({now - since:.0f} s)"
                              for title, since in self.running.items())
            print(f"        ... {names}", flush=True)
            self.last_line = now

    def finish(self):
        LOGS.mkdir(parents=True, exist_ok=True)
        with open(LOGS / "results.tsv", "w", encoding="utf-8") as table:
            for title, result, seconds in self.rows:
                table.write(f"{title}\t{result}\t{seconds:.1f}\n")
        for title in self.failures:
            print(f"failed: {title}")
        print("{passed} passed, {failed} failed, {skipped} skipped"
              .format(**self.counts), flush=True)
        return 0 if self.counts["failed"] == 0 else 1


def print_tail(log):
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        print(f"    | {error}")
        return
    if len(lines) > TAIL_LINES:
        print(f"    | ... {log.relative_to(TOP)}")
    for line in lines[-TAIL_LINES:]:
        print("    | " + line)
