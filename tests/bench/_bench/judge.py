"""What the figures of a run are held against: for each bar of each row a
number, and whether it holds what must be and what is aimed at. Three runs are
judged by their median."""

import json
import statistics

from workload import HIGH

HOLDS, NEAR, MISSES = "holds", "within 10 %", "misses"


def best_peer(row, bar, high):
    """The peer that a bar is held against: name and median. Hard links are
    no copies, a change of one would be seen in the other."""
    found = [(row.median(name, bar.figure), name)
             for name in row.workload.peers if not row.links(name)]
    found = [pair for pair in found if pair[0] is not None]
    if not found:
        return None, None
    value, name = max(found) if high else min(found)
    return name, value


def against(row, bar, high):
    if bar.against is None:
        return None, None
    if bar.against == "best":
        return best_peer(row, bar, high)
    return bar.against, row.median(bar.against, bar.figure)


def number_of(bar, ours, theirs, high):
    """Above 1 celldav is ahead; with `most`, what it takes for each one that
    the other takes, or the figure itself."""
    if bar.against is None:
        return ours
    if not ours or not theirs:
        return None
    gain = ours / theirs if high else theirs / ours
    return 1 / gain if bar.most else gain


def verdict(number, must, most):
    if number is None:
        return "?"
    if number <= must if most else number >= must:
        return HOLDS
    near = number <= must * 1.1 if most else number >= must * 0.9
    return NEAR if near else MISSES


def judged(rows):
    """One entry for each bar."""
    found = []
    for row in rows:
        for bar in row.workload.bars:
            high = bar.figure == "value" and row.workload.unit in HIGH
            ours = row.median("celldav", bar.figure)
            peer, theirs = against(row, bar, high)
            number = number_of(bar, ours, theirs, high)
            found.append({
                "key": row.workload.key, "title": row.workload.title,
                "figure": bar.figure, "peer": peer, "ours": ours,
                "theirs": theirs, "number": number, "must": bar.must,
                "aim": bar.aim, "most": bar.most,
                "verdict": verdict(number, bar.must, bar.most),
                "aimed": verdict(number, bar.aim, bar.most)})
    return found


def missed(found):
    return [entry for entry in found if entry["verdict"] != HOLDS]


def by_at_most(entry, part):
    """Whether what must be is missed by no more than that."""
    number, must = entry["number"], entry["must"]
    return number <= must * (1 + part) if entry["most"] else \
        number >= must * (1 - part)


def spread(numbers):
    """How far apart, as a part of the median."""
    middle = statistics.median(numbers)
    return (max(numbers) - min(numbers)) / middle if middle else 0


def _same(runs, entry):
    """The entry of each run for the same figure of the same row."""
    found = []
    for run in runs:
        found += [other for other in run
                  if (other["key"], other["figure"])
                  == (entry["key"], entry["figure"])]
    return found


def entry_of_runs(entries):
    """One entry for the same figure of several runs: the median of all, and
    the worst of them."""
    first = dict(entries[0])
    numbers = [entry["number"] for entry in entries]
    if None in numbers:
        return dict(first, number=None, worst=None, verdict="?", aimed="?")
    theirs = [entry["theirs"] for entry in entries if entry["theirs"]]
    number = statistics.median(numbers)
    worst = max(numbers) if first["most"] else min(numbers)
    steady = abs(worst - number) <= 0.1 * number
    return dict(first, number=number, worst=worst, steady=steady,
                peer=" ".join(sorted({e["peer"] for e in entries
                                      if e["peer"]})),
                spread=spread(theirs) if theirs else None,
                verdict=verdict(number, first["must"], first["most"]),
                aimed=verdict(number, first["aim"], first["most"]))


def compare(paths):
    """Entries of several records; raises KeyError where one holds none."""
    runs = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            runs.append(json.load(file)["judged"])
    keys = {}
    for run in runs:
        for entry in run:
            keys.setdefault((entry["key"], entry["figure"]), entry)
    found = []
    for entry in keys.values():
        same = _same(runs, entry)
        whole = entry_of_runs(same)
        if len(same) < len(runs):
            whole.update(number=None, verdict="?")
        found.append(whole)
    return found
