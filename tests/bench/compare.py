#!/usr/bin/env python3
"""Compares client_bench's modes in interleaved rounds: machines are shared and noisy, so only what ran within the same
seconds is compared, and the medians of the rounds' ratios are printed.

    tests/bench/compare.py --url redis://127.0.0.1:6379 [--bench build/release/bin/client_bench] [--rounds 9] [--seconds 0.3]

A row: what is compared, the median ratio of operations a second with its quartiles, and the medians of the client's CPU
time an operation. Exit 1: a run failed.
"""
import argparse
import json
import random
import statistics
import subprocess
import sys

# What is held against what: (name, mode, callers, peer's mode, peer's callers, command).
ROWS = [
    ("1 blocking caller, GET", "blocking", 1, "hiredis-sync", 1, "get"),
    ("64 blocking threads, GET", "blocking", 64, "hiredis-sync", 64, "get"),
    ("64 in flight, callbacks, GET", "callback", 64, "hiredis-async", 64, "get"),
    ("64 in flight, coroutines, GET", "coroutine", 64, "hiredis-async", 64, "get"),
    ("64 in flight, callbacks, raw socket", "callback", 64, "raw-socket", 64, "get"),
    ("64 in flight, callbacks, EVALSHA", "callback", 64, "hiredis-async", 64, "evalsha"),
]


def run(options, mode, callers, command):
    words = [options.bench, "--url", options.url, "--mode", mode, "--callers", str(callers), "--seconds",
             str(options.seconds), "--command", command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(options, row):
    name, mode, callers, peer, peer_callers, command = row
    ours, theirs, ratios = [], [], []
    for _ in range(options.rounds):
        order = [(mode, callers, ours), (peer, peer_callers, theirs)]
        random.shuffle(order)
        for which, count, results in order:
            results.append(run(options, which, count, command))
        ratios.append(ours[-1]["ops_per_second"] / theirs[-1]["ops_per_second"])
    low, median, high = statistics.quantiles(ratios, n=4)
    cpu = [statistics.median(each["client_cpu_us_per_op"] for each in results) for results in (ours, theirs)]
    p50 = [statistics.median(each["p50_us"] for each in results) for results in (ours, theirs)]
    print(f"| {name} | {mode} / {peer} | {median:.2f} [{low:.2f}..{high:.2f}] | {cpu[0]:.2f} / {cpu[1]:.2f} "
          f"| {p50[0]:.0f} / {p50[1]:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--bench", default="build/release/bin/client_bench")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3)
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: must be at least 2")
    print("| work | modes | ratio [quartiles] | CPU us/op | p50 us |\n|---|---|---|---|---|")
    for row in ROWS:
        compare(options, row)


if __name__ == "__main__":
    main()
