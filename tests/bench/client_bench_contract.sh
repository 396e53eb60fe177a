#!/bin/sh
# Goal: client_bench runs in every mode against each kind of server that the mode can do, ends with its line of JSON, and
# refuses with exit 2 what it does not know and what a mode can not do.
# Method: servers of its own, on a Unix socket, over TLS and as a cluster; each mode for a moment.
set -eu
bench=$1
here=$(dirname "$0")
dir=$(mktemp -d)
# The servers end when nobody holds this pipe any more, so also when this script is killed.
mkfifo "$dir/hold"
kinds='unix tls cluster'
for kind in $kinds; do sh "$here/servers.sh" $kind <"$dir/hold" >"$dir/$kind" & done
exec 3>"$dir/hold"
trap 'exec 3>&-; wait || true; rm -rf "$dir"' EXIT
for kind in $kinds; do
  for _ in $(seq 300); do
    [ -s "$dir/$kind" ] && break
    sleep 0.1
  done
done
read -r unix <"$dir/unix"
read -r tls ca <"$dir/tls"
read -r cluster <"$dir/cluster"

fail() { echo "$*"; exit 1; }

form='^{"mode":"[a-z-]*","callers":[0-9]*,"ops_per_second":[0-9]*,"p50_us":[0-9.]*,"p99_us":[0-9.]*,"p999_us":[0-9.]*,"client_cpu_us_per_op":[0-9.]*}$'
# runs MODE COMMAND OPTION...
runs() {
  mode=$1 command=$2
  shift 2
  line=$("$bench" --mode $mode --callers 4 --seconds 0.05 --command $command "$@" | tail -n 1)
  echo "$line" | grep -q "$form" || fail "$mode $command $*: $line"
  echo "$command $line"
}

# refused WORDS OPTION...: exit 2, and it says why in these words.
refused() {
  words=$1
  shift
  status=0
  said=$("$bench" "$@" 2>&1 >/dev/null) || status=$?
  [ $status -eq 2 ] || fail "exit $status for: $*"
  case $said in *"$words"*) ;; *) fail "does not say '$words' for $*: $said" ;; esac
}

ours='blocking callback coroutine'
hiredis='hiredis-sync hiredis-async'
for command in get set evalsha; do
  for mode in $ours $hiredis raw-socket; do runs $mode $command --url "$unix"; done
  for mode in $ours; do
    runs $mode $command --url "$tls" --ca-file "$ca"
    runs $mode $command --url "$cluster"
  done
done

for mode in $hiredis; do
  if "$bench" --url "$tls" --ca-file "$ca" --mode $mode --callers 1 --seconds 0.01 2>&1 | grep -q 'built without TLS'; then
    echo "$mode over TLS: not in this build"
    continue
  fi
  for command in get set evalsha; do runs $mode $command --url "$tls" --ca-file "$ca"; done
done
REDIS_CA_FILE=$ca runs callback get --url "$tls"

# Whom it does not trust it does not talk to.
for mode in callback $hiredis; do
  status=0
  "$bench" --url "$tls" --mode $mode --callers 1 --seconds 0.01 >/dev/null 2>&1 || status=$?
  [ $status -ne 0 ] || fail "$mode trusts an unknown CA"
done

once='--callers 1 --seconds 1'
refused 'raw-socket: does not do TLS' --url "$tls" --ca-file "$ca" --mode raw-socket $once
for mode in $hiredis raw-socket; do
  refused "$mode: knows one server only" --url "$cluster" --mode $mode $once
  refused "$mode: knows one server only" --url redis-sentinel://127.0.0.1/x --mode $mode $once
done
refused '--ca-file: --url has no TLS' --url redis://127.0.0.1 --ca-file "$ca" --mode blocking $once

refused '--url: missing'
refused '--seconds: missing' --url redis://127.0.0.1 --mode blocking --callers 1
refused '--mode: does not know nonsense' --url redis://127.0.0.1 --mode nonsense $once
refused '--url: ' --url nonsense --mode blocking $once
refused '--callers: not a number' --url redis://127.0.0.1 --mode blocking --callers 0 --seconds 1
refused '--seconds: not a number' --url redis://127.0.0.1 --mode blocking --callers 1 --seconds x
refused '--command: does not know nonsense' --url redis://127.0.0.1 --mode blocking $once --command nonsense
refused 'does not know --nonsense' --url redis://127.0.0.1 --mode blocking $once --nonsense 1
refused '--mode: needs a value' --url redis://127.0.0.1 $once --mode
