#!/usr/bin/env python3
"""Holds client_bench's modes against each other in interleaved rounds: machines are shared and noisy, so only what ran
within the same seconds is compared, and the medians of the rounds' ratios are printed.

    tests/bench/compare.py                               # every row; starts the servers it needs (servers.sh)
    tests/bench/compare.py --only callback-64,evalsha    # some of them; --list names them all
    tests/bench/compare.py --place apart --scaling X.svg # every mode with 1, 2, 4, … 256 callers: tables and a plot
    tests/bench/compare.py --url redis://127.0.0.1:6379  # a server that runs already, for the rows of its kind

A row: what is compared; for each placement the median ratio of operations a second with its quartiles; what is asked of it;
and, of the first placement, the medians of the client's CPU time an operation, of the latency, and of writes a command
where the client counts them. Exit 1: a run failed.

Placements. Where the kernel puts client and server decides more than any client does, and it decides anew in each run:

    together   on the same processor: no wake-up crosses processors, and the ratio is that of the work done on both sides
    apart      on a processor each, as on two machines: each wake-up crosses
    free       as the kernel likes

redis-benchmark has two shapes of 64 in flight. With -c 1 -P 64 it is one connection that carries 64 commands at a time,
as ours does, and the server reads and answers them 64 at a time; with -c 64 -P 1 the server has 64 reads and 64 writes to
do for the same, so that anything pipelined wins. What is held is the first, the harder; the second is told.
"""
import argparse
import csv
import hashlib
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
from typing import NamedTuple, Optional

import plot

PLACEMENTS = {"together": (0, 0), "apart": (0, 1), "free": (None, None)}  # server's processor, client's

HERE = os.path.dirname(os.path.abspath(__file__))


class Side(NamedTuple):
    mode: str  # of client_bench, or redis-benchmark
    callers: int
    server: str = "plain"  # a kind of servers.sh
    command: str = "get"
    pipelined: bool = True  # redis-benchmark: one connection for all


class Row(NamedTuple):
    name: str
    work: str
    ours: Side
    peer: Side
    must: Optional[float] = None
    aim: Optional[float] = None


ROWS = [
    Row("blocking-1", "1 blocking caller, GET", Side("blocking", 1), Side("hiredis-sync", 1), 0.95, 1.05),
    Row("blocking-64", "64 blocking threads, GET", Side("blocking", 64), Side("hiredis-sync", 64), 2.5, 3.5),
    Row("callback-64", "64 in flight, callbacks, GET", Side("callback", 64), Side("hiredis-async", 64), 1.15, 1.35),
    Row("coroutine-64", "64 in flight, coroutines, GET", Side("coroutine", 64), Side("hiredis-async", 64), 1.0, 1.2),
    Row("callback-raw", "64 in flight, beside no client at all", Side("callback", 64), Side("raw-socket", 64)),
    Row("evalsha", "64 in flight, EVALSHA", Side("callback", 64, command="evalsha"),
        Side("redis-benchmark", 64, command="evalsha"), 0.95, 1.0),
    Row("evalsha-clients", "64 in flight, EVALSHA", Side("callback", 64, command="evalsha"),
        Side("redis-benchmark", 64, command="evalsha", pipelined=False)),
    Row("evalsha-hiredis", "64 in flight, EVALSHA", Side("callback", 64, command="evalsha"),
        Side("hiredis-async", 64, command="evalsha")),
    Row("tls-callback-64", "TLS, 64 in flight, callbacks", Side("callback", 64, "tls"),
        Side("hiredis-async", 64, "tls"), 1.15, 1.4),
    Row("tls-coroutine-64", "TLS, 64 in flight, coroutines", Side("coroutine", 64, "tls"),
        Side("hiredis-async", 64, "tls")),
    Row("tls-blocking-1", "TLS, 1 blocking caller", Side("blocking", 1, "tls"), Side("hiredis-sync", 1, "tls")),
    Row("tls-blocking-64", "TLS, 64 blocking threads", Side("blocking", 64, "tls"), Side("hiredis-sync", 64, "tls")),
    Row("tls-plain", "TLS beside plain, callbacks", Side("callback", 64, "tls"), Side("callback", 64)),
    Row("cluster-callback", "cluster of 3 beside one server, callbacks", Side("callback", 64, "cluster"),
        Side("callback", 64)),
    Row("cluster-blocking", "cluster of 3 beside one server, 64 threads", Side("blocking", 64, "cluster"),
        Side("blocking", 64)),
]

MODES = ["blocking", "callback", "coroutine", "hiredis-sync", "hiredis-async", "raw-socket"]
CALLERS = [1, 2, 4, 8, 16, 32, 64, 128, 256]


class Servers:
    """A URL for each kind, given or started when it is first asked for."""

    def __init__(self, options, processor):
        self.known = {kind_of(url): (url, options.ca_file) for url in options.url}
        self.started = []
        self.placed = on_processor(processor)

    def address(self, kind):
        if kind not in self.known:
            server = subprocess.Popen(["sh", os.path.join(HERE, "servers.sh"), kind], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, preexec_fn=self.placed)
            self.started.append(server)
            words = server.stdout.readline().split()
            if not words:
                sys.exit(f"servers.sh {kind}: nothing came up")
            self.known[kind] = (words[0], words[1] if len(words) > 1 else None)
        return self.known[kind]

    def stop(self):
        for server in self.started:
            server.stdin.close()
        for server in self.started:
            server.wait()


def kind_of(url):
    if url.startswith(("redis://", "unix://")):
        return "plain"
    if url.startswith("rediss://"):
        return "tls"
    if url.startswith(("redis-cluster://", "rediss-cluster://")):
        return "cluster"
    sys.exit(f"--url: neither one server nor a cluster: {url}")


def on_processor(number):
    """What a child does first to run there."""
    return None if number is None else lambda: os.sched_setaffinity(0, {number})


def output_of(words, first=None):
    done = subprocess.run(words, capture_output=True, text=True, check=False, preexec_fn=first)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip().splitlines()


class Runner:
    def __init__(self, options, placement):
        server, client = PLACEMENTS[placement]
        self.options = options
        self.servers = Servers(options, server)
        self.placed = on_processor(client)
        self.rates = {}  # of redis-benchmark, which takes a number of requests, not a time

    def run(self, side):
        return self.redis_benchmark(side) if side.mode == "redis-benchmark" else self.client_bench(side)

    def client_bench(self, side):
        url, ca_file = self.servers.address(side.server)
        words = [self.options.bench, "--url", url, "--mode", side.mode, "--callers", str(side.callers), "--seconds",
                 str(self.options.seconds), "--command", side.command]
        if ca_file and url.startswith("rediss"):
            words += ["--ca-file", ca_file]
        lines = output_of(words, self.placed)
        figures = json.loads(lines[-1])
        writes = re.match(r"([0-9.]+) writes", lines[0])
        if writes:
            figures["writes"] = float(writes[1])
        return figures

    def redis_benchmark(self, side):
        if side not in self.rates:
            self.rates[side] = 10_000.0
            self.rates[side] = self.redis_benchmark(side)["ops_per_second"]
        url, _ = self.servers.address(side.server)
        requests = max(1000, int(self.rates[side] * self.options.seconds))
        shape = ["-c", "1", "-P", str(side.callers)] if side.pipelined else ["-c", str(side.callers), "-P", "1"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = output_of(["redis-benchmark", "-u", url, *shape, "-n", str(requests), "--csv", "EVALSHA",
                           self.script(url), "1", "envoyou:bench"], self.placed)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures = next(csv.DictReader(lines[-2:]))
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"ops_per_second": float(figures["rps"]), "p50_us": 1000 * float(figures["p50_latency_ms"]),
                "client_cpu_us_per_op": 1e6 * cpu / requests}

    def script(self, url):
        """The hash of the script that client_bench runs, which has to have run on the server."""
        with open(os.path.join(HERE, "client_bench.hpp"), encoding="utf-8") as source:
            text = re.search(r'kScript =\s*"([^"]*)";', source.read())[1]
        sha = hashlib.sha1(text.encode()).hexdigest()
        loaded = output_of(["redis-cli", "-u", url, "SCRIPT", "LOAD", text])
        if loaded != [sha]:
            sys.exit(f"SCRIPT LOAD: {loaded}")
        return sha


def shuffled(things):
    return random.sample(things, len(things))


def verdict(row, ratio):
    if row.must is None:
        return ""
    return " ✓✓" if ratio >= row.aim else " ✓" if ratio >= row.must else " ✗"


def label(side):
    if side.mode != "redis-benchmark":
        return f"`{side.mode}`" + ("" if side.server == "plain" else f" {side.server}")
    return f"`redis-benchmark {'-c 1 -P' if side.pipelined else '-P 1 -c'} {side.callers}`"


def interleaved(runner, row):
    results = {row.ours: [], row.peer: []}
    for side in results:
        runner.run(side)  # servers come up, scripts are loaded
    for _ in range(runner.options.rounds):
        for side in shuffled(list(results)):
            results[side].append(runner.run(side))
    return results[row.ours], results[row.peer]


def ratio(row, ours, theirs):
    low, median, high = statistics.quantiles(
        [one["ops_per_second"] / other["ops_per_second"] for one, other in zip(ours, theirs)], n=4, method="inclusive")
    return f"{median:.3f}{verdict(row, median)} [{low:.2f}..{high:.2f}]"


def compare(runners, row):
    results = [interleaved(runner, row) for runner in runners]
    first = results[0]

    def medians(name, form):
        return " / ".join(form.format(statistics.median(each[name] for each in side)) for side in first)

    ratios = " | ".join(ratio(row, *sides) for sides in results)
    asked = "" if row.must is None else f"{row.must:.2f} ({row.aim:.2f})"
    writes = f"{statistics.median(each['writes'] for each in first[0]):.3f}" if "writes" in first[0][0] else ""
    print(f"| {row.work} | {label(row.ours)} / {label(row.peer)} | {ratios} | {asked} "
          f"| {medians('client_cpu_us_per_op', '{:.2f}')} | {medians('p50_us', '{:.0f}')} | {writes} |", flush=True)


def compare_all(options, runners):
    print(f"| work | modes | {' | '.join(options.place)} | must (aim) | client CPU, us an operation | p50, us "
          f"| our writes a command |\n|{'---|' * (6 + len(runners))}")
    for row in options.rows:
        compare(runners, row)


def scaling_rounds(runner):
    results = {Side(mode, callers): [] for mode in MODES for callers in CALLERS}
    for _ in range(runner.options.rounds):
        for side in shuffled(list(results)):
            results[side].append(runner.run(side))
    return results


def scale(runner):
    results = scaling_rounds(runner)
    panels = []
    for title, name, factor, form in [("thousand operations a second", "ops_per_second", 1e-3, "{:.0f}"),
                                      ("client CPU, us an operation", "client_cpu_us_per_op", 1, "{:.2f}"),
                                      ("p50, us", "p50_us", 1, "{:.0f}")]:
        series = {mode: [(callers, factor * statistics.median(each[name] for each in results[Side(mode, callers)]))
                         for callers in CALLERS] for mode in MODES}
        panels.append(plot.Panel(title, series))
        print(f"| {title}; callers: | {' | '.join(map(str, CALLERS))} |\n|{'---|' * (len(CALLERS) + 1)}")
        for mode, points in series.items():
            print(f"| `{mode}` | {' | '.join(form.format(value) for _, value in points)} |")
        print(flush=True)
    with open(runner.options.scaling, "w", encoding="utf-8") as file:
        file.write(plot.draw("GET, by callers", "callers", panels))


def rows_named(names):
    known = {row.name: row for row in ROWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"does not know {', '.join(unknown)}; it knows {', '.join(known)}")
    return [known[name] for name in names]


def placements_named(names):
    if not set(names) <= PLACEMENTS.keys():
        raise argparse.ArgumentTypeError(f"knows {', '.join(PLACEMENTS)}")
    return names


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", action="append", default=[], help="a server that runs; without it one is started")
    parser.add_argument("--ca-file", help="whom to trust at a rediss:// URL")
    parser.add_argument("--bench", default="build/release/bin/client_bench")
    parser.add_argument("--place", type=lambda text: placements_named(text.split(",")),
                        help="together,apart,free or some of them; all, unless the server is given: that one is where it is")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a run")
    parser.add_argument("--only", dest="rows", type=lambda text: rows_named(text.split(",")), help="rows, by their names")
    parser.add_argument("--list", action="store_true", help="names the rows")
    parser.add_argument("--scaling", metavar="SVG", help="tables and a plot from 1 to 256 callers instead of the rows")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: must be at least 2")
    if options.url and options.place not in (None, ["free"]):
        parser.error("--place: the server of --url is where it is")
    if options.place is None:
        options.place = ["free"] if options.url or os.cpu_count() < 2 else list(PLACEMENTS)
    if options.scaling and len(options.place) > 1:
        parser.error("--scaling: needs one --place")
    if options.rows is None:
        given = {kind_of(url) for url in options.url}
        options.rows = [row for row in ROWS if not given or {row.ours.server, row.peer.server} <= given]
    return options


def main():
    options = read_options()
    if options.list:
        print("\n".join(f"{row.name}: {label(row.ours)} / {label(row.peer)}" for row in ROWS))
        return
    runners = [Runner(options, placement) for placement in options.place]
    try:
        if options.scaling:
            scale(runners[0])
        else:
            compare_all(options, runners)
    finally:
        for runner in runners:
            runner.servers.stop()


if __name__ == "__main__":
    main()
