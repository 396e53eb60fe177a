#!/bin/sh
# Goal: compare.py measures rows against each kind of server, and tells and draws the cost by number of callers.
# Method: runs of a moment; what is looked at is the form, not the figures.
set -eu
compare="python3 -B $(dirname "$0")/compare.py --bench $1 --rounds 2 --place free"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "$*"; cat "$dir"/*; exit 1; }

$compare --seconds 0.02 --only callback-64,evalsha,tls-callback-64,cluster-callback >"$dir/rows"
[ "$(grep -c ' \[[0-9.]*\.\.[0-9.]*\] |' "$dir/rows")" -eq 4 ] || fail 'not four rows'
[ "$(grep -c -e ✓ -e ✗ "$dir/rows")" -eq 3 ] || fail 'not three rows that are held to something'

$compare --seconds 0.05 --scaling "$dir/plot.svg" >"$dir/tables"
[ "$(grep -c '^| `.*` |\( [0-9.]* |\)\{9\}$' "$dir/tables")" -eq 18 ] || fail 'not three tables of six modes with nine numbers'
[ "$(grep -c '<polyline' "$dir/plot.svg")" -eq 24 ] || fail 'not six lines in each of three panels and in the legend'
python3 -c 'import sys, xml.dom.minidom as xml; xml.parse(sys.argv[1])' "$dir/plot.svg" || fail 'not a well-formed plot'

status=0
$compare --only nonsense 2>"$dir/said" || status=$?
[ $status -eq 2 ] && grep -q 'does not know nonsense' "$dir/said" || fail 'takes a row that is not there'
