#!/bin/sh
# Goal: a program that has its own hiredis beside our library keeps it, and we keep ours; the C library exports nothing but
# its own names.
# Method: list the symbols that the libraries offer, and look for hiredis' and for any without our prefix.
# Arguments: nm, C++ archive, C library, C archive, then objects or archives of hiredis.
set -eu
nm=$1
archive=$2
c_library=$3
c_archive=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

[ $# -eq 0 ] || "$nm" --extern-only --defined-only --format=posix "$@" | awk 'NF > 2 { print $1 }' | sort -u >"$work/hiredis"
if [ $# -gt 0 ] && [ "$(wc -l <"$work/hiredis")" -lt 20 ]; then
  echo "hiredis should have more symbols than these:" && cat "$work/hiredis"
  failed=1
fi
for library in "$archive" "$c_archive"; do
  # Neither offered to others nor asked of them.
  "$nm" --extern-only --format=posix "$library" | awk 'NF > 1 { print $1 }' | sort -u >"$work/symbols"
  if [ $# -gt 0 ] && grep -Fxf "$work/hiredis" "$work/symbols" >"$work/shown"; then
    echo "$library shows symbols of hiredis:" && cat "$work/shown"
    failed=1
  fi
done

"$nm" --dynamic --extern-only --defined-only --format=posix "$c_library" | awk '{ sub(/@.*/, "", $1); print $1 }' >"$work/exports"
if grep -Ev '^(envoyou_|ENVOYOU_[0-9.]+$)' "$work/exports"; then
  echo "$c_library exports the names above"
  failed=1
fi
if ! grep -q '^envoyou_' "$work/exports"; then
  echo "$c_library exports nothing"
  failed=1
fi
exit $failed
