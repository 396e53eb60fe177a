#!/bin/sh
# Goal: the library exports every function that the headers declare, and nothing else.
# Method: compare the names behind ENVOYOU_API with the library's dynamic symbols. Arguments: include folder, library, nm.
set -eu
include=$1
library=$2
nm=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A declaration may break its line anywhere but within the name.
cat "$include"/envoyou/c/*.h | grep -v '^#' | tr '\n' ' ' | grep -o 'ENVOYOU_API [^(;]*(' | sed 's/ *($//; s/.*[ *]//' | sort >"$work/declared"
"$nm" --dynamic --extern-only --defined-only --format=posix "$library" |
  awk '$2 != "A" { sub(/@.*/, "", $1); print $1 }' | sort -u >"$work/exported"
if ! diff "$work/declared" "$work/exported"; then
  echo "declared (<) and exported (>) differ"
  exit 1
fi
echo "$(wc -l <"$work/exported") functions"
