"""What the clients of one test process saw, and how an exchange can fail."""

import threading


class Stats:
    """What all clients of this process saw since the last reset."""

    def __init__(self):
        self.lock = threading.Lock()
        self.late = 0      # lines that an earlier case may still cause
        self.reset()

    def reset(self):
        self.answered = 0
        self.unanswered = 0
        self.problems = []
        self.errors = []

    def count(self, answered=0, unanswered=0):
        """Threads of one case may count at the same time."""
        with self.lock:
            self.answered += answered
            self.unanswered += unanswered


stats = Stats()


class WireError(Exception):
    """The answer does not follow HTTP, or the peer went away."""


class Closed(WireError):
    """The peer closed before the first byte of an answer."""
