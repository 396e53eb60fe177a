#!/bin/sh
# Goal: a metric has one name for ever: tests/data/metrics.golden has each name that the sources have, and no other.
# (That types and labels are as it says, where they are registered, is in metrics_test.) Argument: the folder of the
# project.
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -rhoE '"envoyou_[a-z_]+"' src --include='*.cpp' --include='*.hpp' | tr -d '"' | sort -u >"$work/sources"
cut -d' ' -f1 tests/data/metrics.golden | sort -u >"$work/golden"
if ! diff "$work/sources" "$work/golden"; then
  echo "< in the sources alone, > in tests/data/metrics.golden alone"
  exit 1
fi
