"""What came through of what was on its way when the power went."""


class Choice:
    """Everything pending (keep), nothing (drop), writes and changes of names
    at random (half), sectors at random (torn), everything up to some moment,
    the write of that moment torn (tail), or only the sizes (zero)."""

    MODES = ("keep", "drop", "half", "torn", "tail", "zero")

    def __init__(self, mode, chance, begin, end):
        self.mode, self.chance = mode, chance
        self.until = chance.uniform(begin, end)
        self.writes = {}
        self.zeros = mode == "zero"

    def data(self, event, sector):
        if self.mode in ("keep", "drop", "zero"):
            return self.mode == "keep"
        if self.mode == "tail":
            if event.at <= self.until < event.end:
                return self.chance.random() < 0.5
            return event.end <= self.until
        if self.mode == "torn" and sector is not None:
            return self.chance.random() < 0.5
        if event.at not in self.writes:
            self.writes[event.at] = self.chance.random() < 0.5
        return self.writes[event.at]

    def names(self, _):
        if self.mode in ("keep", "drop"):
            return self.mode == "keep"
        return self.chance.random() < 0.5

    def mapped(self, data):
        """What memory wrote to a file is not recorded; such a file may hold
        anything that is no promise: here what it held at first, or zeros."""
        return data if self.chance.random() < 0.5 else bytes(len(data))
