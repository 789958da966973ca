"""Tables and the record of a run."""

import json
import os
import platform
import subprocess
import time

from install import versions

FIGURES = {"value": "", "cpu_us": "CPU", "p99": "p99",
           "memory_mib": "memory, MiB", "get_p99": "GET p99 beside it",
           "put_p99": "PUT p99 beside it"}


def short(value):
    if value is None:
        return "?"
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def cell(row, name):
    if name in row.notes:
        return row.notes[name]
    value = row.median(name, "value")
    if value is None:
        return ""
    cpu = row.median(name, "cpu_us")
    if row.links(name):
        return short(value) + " (links)"
    return short(value) + (f" ({short(cpu)})" if cpu is not None else "")


def disk_of(row):
    """What the disk alone does, and celldav as a part of it."""
    floor = row.median("disk", "value") or row.median("small", "value")
    if floor is None:
        return ""
    ours = row.median("celldav", "value")
    return short(floor) + (f" ({ours / floor:.2f})" if ours else "")


def batch_of(row):
    """Commit batch of celldav: median of the means, largest bucket."""
    found = [sample["batch"] for sample in row.samples.get("celldav", ())
             if sample.get("batch")]
    if not found:
        return ""
    means = sorted(batch["mean"] for batch in found)
    tops = {batch["largest"] for batch in found if batch["largest"]}
    top = max(tops, key=lambda bound: float(bound.replace("+Inf", "inf")))
    return f"{means[len(means) // 2]:.3g} (<= {top})"


def lines(rows, names):
    """Header and body of the table of figures, as lists of words."""
    head = ["workload", "unit", *names, "batch", "disk"]
    body = []
    for row in rows:
        body.append([row.workload.title, row.workload.unit,
                     *(cell(row, name) for name in names),
                     batch_of(row), disk_of(row)])
    return head, body


def bound(entry, key):
    return ("<= " if entry["most"] else "") + short(entry[key])


def judged_lines(found):
    """The same for what the figures are judged by. The columns of several
    runs are there where the entries have them."""
    several = any("worst" in entry for entry in found)
    head = ["workload", "figure", "against", "ratio", "must", "aim",
            "verdict", "aim is"]
    head[4:4] = ["worst", "within 10 %", "its spread"] if several else []
    body = []
    for entry in found:
        line = [entry["title"], FIGURES.get(entry["figure"],
                                            entry["figure"]),
                entry["peer"] or "", short(entry["number"]),
                bound(entry, "must"), bound(entry, "aim"), entry["verdict"],
                entry["aimed"]]
        if several:
            line[4:4] = several_words(entry)
        body.append(line)
    return head, body


def several_words(entry):
    if entry.get("worst") is None:
        return ["?", "?", ""]
    part = entry["spread"]
    return [short(entry["worst"]), "yes" if entry["steady"] else "no",
            f"{part:.0%}" if part is not None else ""]


def table(head, body, left=2):
    widths = [max(len(line[i]) for line in [head, *body])
              for i in range(len(head))]
    text = []
    for line in [head, *body]:
        cells = [word.ljust(width) if i < left else word.rjust(width)
                 for i, (word, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def markdown(head, body):
    rule = ["---", "---"] + ["---:"] * (len(head) - 2)
    return "\n".join("| " + " | ".join(line) + " |"
                     for line in [head, rule, *body])


def _first(path, key):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    return ""


def machine(top, folder):
    """What the figures depend on."""
    kind = subprocess.run(["df", "--output=fstype", folder], check=False,
                          capture_output=True, text=True)
    commit = subprocess.run(["git", "-C", top, "describe", "--always",
                             "--dirty"], check=False, capture_output=True,
                            text=True)
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "file_system": (kind.stdout.split() or [""])[-1],
        "load": list(os.getloadavg()),
        "packages": versions(),
    }


def record(path, facts, runner, found):
    """The whole run: facts, every sample, what is judged."""
    rows = [{"key": row.workload.key, "title": row.workload.title,
             "unit": row.workload.unit, "notes": row.notes,
             "samples": row.samples} for row in runner.rows]
    facts = dict(facts, load_at_the_end=list(os.getloadavg()))
    properties = {name: getattr(server, "properties", {})
                  for name, server in runner.servers.items()}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": facts, "rounds": runner.rounds,
                   "properties_of_8": properties, "judged": found,
                   "rows": rows, "faults": runner.faults}, file, indent=1)
        file.write("\n")
