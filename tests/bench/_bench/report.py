"""Tables and the record of a run."""

import json
import os
import platform
import subprocess
import time

from install import versions

HIGH = ("/s", "GB/s")


def short(value):
    if value is None:
        return "?"
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def best_peer(row, names, key, highest):
    """The best of the peers for a figure: name and median."""
    found = [(row.median(name, key), name) for name in names
             if name != "celldav" and row.median(name, key) is not None]
    if not found:
        return None, None
    value, name = max(found) if highest else min(found)
    return name, value


def ratio(row, names, key, highest):
    """celldav against the best peer; above 1 celldav is ahead."""
    ours = row.median("celldav", key)
    name, best = best_peer(row, names, key, highest)
    if not ours or not best:
        return None, name
    return (ours / best if highest else best / ours), name


def ratios(row, names):
    high = row.workload.unit in HIGH
    rate, name = ratio(row, names, "value", high)
    cpu, _ = ratio(row, names, "cpu_us", False)
    p99, _ = ratio(row, names, "p99", False)
    return {"best": name, "rate": rate, "cpu": cpu,
            "p99": p99 if high and row.workload.unit == "/s" else None}


def cell(row, name):
    if name in row.notes:
        return row.notes[name]
    value = row.median(name, "value")
    if value is None:
        return ""
    cpu = row.median(name, "cpu_us")
    return short(value) + (f" ({short(cpu)})" if cpu is not None else "")


def disk_of(row):
    """What the disk alone does, and celldav as a part of it."""
    floor = row.median("disk", "value")
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
    """Header and body of the table, as lists of words."""
    head = ["workload", "unit", *names, "best peer", "ratio", "CPU", "p99",
            "batch", "disk"]
    body = []
    for row in rows:
        found = ratios(row, names)
        body.append([row.workload.title, row.workload.unit,
                     *(cell(row, name) for name in names),
                     found["best"] or "",
                     *(f"{found[key]:.2f}" if found[key] else ""
                       for key in ("rate", "cpu", "p99")),
                     batch_of(row), disk_of(row)])
    return head, body


def table(rows, names):
    head, body = lines(rows, names)
    widths = [max(len(line[i]) for line in [head, *body])
              for i in range(len(head))]
    text = []
    for line in [head, *body]:
        cells = [word.ljust(width) if i < 2 else word.rjust(width)
                 for i, (word, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def markdown(rows, names):
    head, body = lines(rows, names)
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


def record(path, facts, runner, names):
    """The whole run: facts, every sample, medians as ratios."""
    rows = [{"key": row.workload.key, "title": row.workload.title,
             "unit": row.workload.unit, "ratios": ratios(row, names),
             "notes": row.notes, "samples": row.samples}
            for row in runner.rows]
    facts = dict(facts, load_at_the_end=list(os.getloadavg()))
    properties = {server.name: server.properties for server in runner.servers}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": facts, "rounds": runner.rounds,
                   "properties_of_8": properties, "rows": rows,
                   "faults": runner.faults}, file, indent=1)
        file.write("\n")
