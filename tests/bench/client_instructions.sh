#!/bin/sh
# Goal: a command costs no more instructions than it did, and no allocation.
# Method: count them with callgrind for two numbers of GETs against a redis-server on a Unix socket; the difference is what
# the commands cost, without start and end. More than 5 % above the figure in the file fails; so does any allocation.
#
#   client_instructions.sh PROGRAM FIGURES COMPILER
#
# A line of the file: compiler, mode, instructions. Exit 77: valgrind is missing, or this compiler has no figures.
set -eu
program=$1
figures=$2
compiler=$3
few=2000
many=12000

dir=$(mktemp -d)
redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no --dir "$dir" >"$dir/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -S "$dir/redis.sock" ] && break
  sleep 0.1
done

url="unix://$dir/redis.sock"
for mode in callback lone; do
  allocations=$("$program" --url "$url" --mode $mode --operations 20000)
  echo "$mode: $allocations allocations in 18000 commands"
  [ "$allocations" -le 20 ] || { echo "$mode: commands allocate"; exit 1; }
done

command -v valgrind >/dev/null || { echo "SKIPPED: valgrind is not installed, so instructions are not counted"; exit 77; }
grep -q "^$compiler " "$figures" || { echo "SKIPPED: $figures has no figures for $compiler"; exit 77; }

instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" --url "$url" --mode "$1" --operations "$2" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
# A machine that does other things makes smaller batches, and fewer calls lone: the best of three counts.
is_within() {
  recorded=$(sed -n "s/^$compiler $1 \([0-9]*\)$/\1/p" "$figures")
  for _ in 1 2 3; do
    least=$(instructions "$1" $few)
    most=$(instructions "$1" $many)
    each=$(((most - least) / (many - few)))
    echo "$1: $each instructions a GET, recorded $recorded"
    [ $((each * 100)) -gt $((recorded * 105)) ] || return 0
  done
  echo "$1: more than 5 % above the recorded figure"
  return 1
}
status=0
for mode in callback lone; do is_within $mode || status=1; done
exit $status
