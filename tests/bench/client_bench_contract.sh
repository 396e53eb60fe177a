#!/bin/sh
# Goal: client_bench runs in every mode, ends with its line of JSON, and refuses what it does not know with exit 2.
# Method: a redis-server on a Unix socket of its own; each mode for a moment.
set -eu
bench=$1
dir=$(mktemp -d)
redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no --dir "$dir" >"$dir/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -S "$dir/redis.sock" ] && break
  sleep 0.1
done

form='^{"mode":"[a-z-]*","callers":[0-9]*,"ops_per_second":[0-9]*,"p50_us":[0-9.]*,"p99_us":[0-9.]*,"p999_us":[0-9.]*,"client_cpu_us_per_op":[0-9.]*}$'
for mode in blocking callback coroutine hiredis-sync hiredis-async raw-socket; do
  for command in get set evalsha; do
    line=$("$bench" --url "unix://$dir/redis.sock" --mode $mode --callers 4 --seconds 0.05 --command $command | tail -n 1)
    echo "$line" | grep -q "$form" || { echo "$mode $command: $line"; exit 1; }
    echo "$command $line"
  done
done

refused() {
  status=0
  "$bench" "$@" 2>/dev/null || status=$?
  [ $status -eq 2 ] || { echo "exit $status for: $*"; exit 1; }
}
refused
refused --url redis://127.0.0.1 --mode blocking --callers 1
refused --url redis://127.0.0.1 --mode nonsense --callers 1 --seconds 1
refused --url nonsense --mode blocking --callers 1 --seconds 1
refused --url redis://127.0.0.1 --mode blocking --callers 0 --seconds 1
refused --url redis://127.0.0.1 --mode blocking --callers 1 --seconds x
refused --url redis://127.0.0.1 --mode blocking --callers 1 --seconds 1 --command nonsense
refused --url redis://127.0.0.1 --mode blocking --callers 1 --seconds 1 --nonsense 1
refused --url redis://127.0.0.1 --mode blocking --callers 1 --seconds 1 --mode
