"""Runs the workloads: server after server within a round, and the next round
begins with another one, so that what else the machine does hits all alike."""

import os
import statistics

from load import Wrong
from process import Failure
from subject import batch_between


class Row:
    """One workload with the samples of each server; those of the instance of
    celldav that is measured are called celldav."""

    def __init__(self, workload):
        self.workload = workload
        self.samples = {}
        self.notes = {}

    def add(self, name, sample):
        self.samples.setdefault(name, []).append(sample)

    def links(self, name):
        """Whether it made hard links where it was asked for a copy."""
        return any(sample.get("links")
                   for sample in self.samples.get(name, ()))

    def median(self, name, key):
        found = [sample[key] for sample in self.samples.get(name, ())
                 if sample.get(key) is not None]
        return statistics.median(found) if found else None


def timed_sample(workload, bench, server, cores):
    """One sample with CPU and commit batches around the timed part."""
    allowed = os.sched_getaffinity(0)
    batches = server.batches() if workload.writes else None
    seen = server.view(workload.view)
    if cores:
        server.process.pin(cores)
    cpu = server.process.cpu_seconds()
    try:
        figures = workload.timed(bench, seen, cores)
        cpu = server.process.cpu_seconds() - cpu
    finally:
        if cores:
            server.process.pin(allowed)
    sample = dict(figures, value=workload.value(figures),
                  cpu_us=workload.cpu(figures, cpu))
    if batches:
        sample["batch"] = batch_between(batches, server.batches())
    return sample


class Runner:
    """Holds the servers by name; collects rows and what went wrong."""

    def __init__(self, bench, servers, rounds, folder, say):
        self.bench = bench
        self.servers = servers
        self.rounds = rounds
        self.folder = folder
        self.say = say
        self.rows = []
        self.faults = []

    def of(self, workload):
        """The servers of a row: celldav first."""
        names = (workload.subject, *workload.peers)
        return [self.servers[name] for name in names if name in self.servers]

    def prepare(self, workloads):
        for server in self.servers.values():
            needs = {tree for workload in workloads
                     if server in self.of(workload)
                     for tree in workload.needs}
            self.say(f"filling {server.name}")
            try:
                self.bench.prepare(server, needs)
                server.quiet_check()
            except Wrong as error:
                raise Failure(f"{server.name} while it was filled: {error}"
                              ) from error

    def run(self, workloads):
        for number, workload in enumerate(workloads, 1):
            row = Row(workload)
            self.rows.append(row)
            servers = self.of(workload)
            if not servers:
                continue
            rounds = min(self.rounds, workload.rounds or self.rounds)
            for turn in range(rounds):
                shift = (turn + number) % len(servers)
                for server in servers[shift:] + servers[:shift]:
                    self.sample(row, server)
                floor = workload.floor(self.folder, self.bench.sizes)
                if floor is not None:
                    row.add("disk", floor)
            self.say(f"[{number}/{len(workloads)}] {workload.title}: "
                     + self.words(row, servers))

    def words(self, row, servers):
        parts = []
        for server in servers:
            name = self.called(row, server)
            value = row.median(name, "value")
            text = row.notes.get(name)
            parts.append(f"{name} " + (text or f"{value:.4g}"))
        return ", ".join(parts) + " " + row.workload.unit

    def called(self, row, server):
        return "celldav" if server.name == row.workload.subject else \
            server.name

    def sample(self, row, server):
        workload = row.workload
        name = self.called(row, server)
        if name in row.notes:
            return
        try:
            row.add(name, self.measure(workload, server))
        except Wrong as error:
            row.notes[name] = "wrong"
            row.samples.pop(name, None)
            self.say(f"{name}, {workload.title}: {error}")
            self.faults.append(f"{name}: {workload.title}")
        if not server.process.alive():
            raise Failure(f"{name} ended: {server.process.said()}")

    def measure(self, workload, server):
        workload.before(self.bench, server)
        cores = {max(os.sched_getaffinity(0))} if workload.pinned else None
        sample = timed_sample(workload, self.bench, server, cores)
        sample.update(workload.after(self.bench, server) or {})
        return sample
