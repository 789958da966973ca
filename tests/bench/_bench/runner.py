"""Runs the workloads: server after server within a round, and the next round
begins with another one, so that what else the machine does hits all alike."""

import os
import statistics

from load import Wrong
from process import Failure
from subject import batch_between
from workloads import CANNOT, KNOWN_WRONG


class Row:
    """One workload with the samples of each server."""

    def __init__(self, workload):
        self.workload = workload
        self.samples = {}
        self.notes = {}

    def add(self, name, sample):
        self.samples.setdefault(name, []).append(sample)

    def median(self, name, key):
        found = [sample[key] for sample in self.samples.get(name, ())
                 if sample.get(key) is not None]
        return statistics.median(found) if found else None


class Runner:
    """Holds the servers; collects rows and what went wrong."""

    def __init__(self, bench, servers, rounds, folder, say):
        self.bench = bench
        self.servers = servers
        self.rounds = rounds
        self.folder = folder
        self.say = say
        self.rows = []
        self.faults = []
        self.cores = os.sched_getaffinity(0)

    def prepare(self):
        for server in self.servers:
            self.say(f"filling {server.name}")
            try:
                self.bench.prepare(server)
                server.quiet_check()
            except Wrong as error:
                raise Failure(f"{server.name} while it was filled: {error}"
                              ) from error

    def run(self, workloads):
        for number, workload in enumerate(workloads, 1):
            row = Row(workload)
            self.rows.append(row)
            for turn in range(self.rounds):
                shift = (turn + number) % len(self.servers)
                for server in self.servers[shift:] + self.servers[:shift]:
                    self.sample(row, server)
                floor = workload.floor(self.folder, self.bench.sizes)
                if floor is not None:
                    row.add("disk", {"value": floor})
            self.say(f"[{number}/{len(workloads)}] {workload.title}: "
                     + self.words(row))

    def words(self, row):
        parts = []
        for server in self.servers:
            value = row.median(server.name, "value")
            text = row.notes.get(server.name)
            parts.append(f"{server.name} " + (text or f"{value:.4g}"))
        return ", ".join(parts) + " " + row.workload.unit

    def sample(self, row, server):
        workload = row.workload
        if server.name in row.notes:
            return
        if (server.name, workload.key) in CANNOT:
            row.notes[server.name] = "–"
            return
        try:
            row.add(server.name, self.measure(workload, server))
        except Wrong as error:
            row.notes[server.name] = "wrong"
            row.samples.pop(server.name, None)
            known = (server.name, workload.key) in KNOWN_WRONG
            self.say(f"{server.name}, {workload.title}: {error}"
                     + (" (known)" if known else ""))
            if not known:
                self.faults.append(f"{server.name}: {workload.title}")
        if not server.process.alive():
            raise Failure(f"{server.name} ended: {server.process.said()}")

    def measure(self, workload, server):
        workload.before(self.bench, server)
        cores = {max(self.cores)} if workload.pinned else None
        batches = server.batches() if workload.writes else None
        if cores:
            server.process.pin(cores)
        cpu = server.process.cpu_seconds()
        try:
            figures = workload.timed(self.bench, server, cores)
            cpu = server.process.cpu_seconds() - cpu
        finally:
            if cores:
                server.process.pin(self.cores)
        sample = dict(figures, value=workload.value(figures),
                      cpu_us=cpu_per_unit(workload, figures, cpu))
        if batches:
            sample["batch"] = batch_between(batches, server.batches())
        workload.after(self.bench, server)
        return sample


def cpu_per_unit(workload, figures, cpu):
    """Microseconds of server CPU for each request (member of a listing), or
    milliseconds for each GB."""
    if not workload.has_cpu:
        return None
    if workload.unit == "GB/s":
        return cpu * 1e3 / (figures["bytes"] / 1e9)
    return cpu * 1e6 / (figures["requests"] * max(workload.scale, 1))
