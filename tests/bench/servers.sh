#!/bin/sh
# servers.sh plain|unix|tls|cluster: what client_bench is measured against, on free ports of the loopback.
#
# Says one line when it answers, `URL` or, over TLS, `URL CA_FILE`, and ends, with all it started, when its standard input
# does. Exit 1: nothing came up; 2: a word that it does not know.
#
#   plain    one server without persistence
#   unix     the same on a Unix socket
#   tls      the same with TLS only, its certificate for that address signed by CA_FILE
#   cluster  three primaries, which share the slots evenly
set -eu
kind=${1-}
case $kind in plain | unix | tls | cluster) ;; *) echo "servers.sh: plain, unix, tls or cluster?" >&2; exit 2 ;; esac
max_starts=20

dir=$(mktemp -d)
started=''
stop() {
  for pid in $started; do kill "$pid" 2>/dev/null || true; done
  for pid in $started; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 0' INT TERM

# CA and server, P-256, for a day.
make_certificates() {
  (
    cd "$dir"
    key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    openssl req -x509 $key -days 1 -subj '/CN=bench CA' -keyout ca-key.pem -out ca.pem
    openssl req $key -subj '/CN=bench' -keyout key.pem -out request.pem
    printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >extensions
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 1 -extfile extensions -out cert.pem
  ) >"$dir/openssl.log" 2>&1 || { cat "$dir/openssl.log" >&2; exit 1; }
}

# Leaves room for the cluster bus, which listens 10,000 above.
random_port() { echo $((20000 + $(od -An -N2 -tu2 /dev/urandom) % 30000)); }

# Answers on its own Unix socket: that another program has the port cannot be mistaken for a start.
answers() {
  for _ in $(seq 100); do
    kill -0 "$1" 2>/dev/null || return 1
    [ "$(redis-cli -s "$2" ping 2>/dev/null)" = PONG ] && return 0
    sleep 0.05
  done
  return 1
}

# start NAME PORT_OPTION ARGUMENT...: sets `port`.
start() {
  name=$1 port_option=$2
  shift 2
  for _ in $(seq $max_starts); do
    port=$(random_port)
    mkdir -p "$dir/$name"
    redis-server --bind 127.0.0.1 "$@" "$port_option" "$port" --unixsocket "$dir/$name/socket" --save '' \
      --appendonly no --dir "$dir/$name" >"$dir/$name/log" 2>&1 </dev/null &
    pid=$!
    if answers $pid "$dir/$name/socket"; then
      started="$started $pid"
      return 0
    fi
    kill $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
  done
  cat "$dir/$name/log" >&2
  exit 1
}

start_cluster() {
  nodes=''
  for node in 1 2 3; do
    start $node --port --cluster-enabled yes --cluster-config-file nodes.conf
    nodes="$nodes 127.0.0.1:$port"
  done
  redis-cli --cluster create $nodes --cluster-yes >"$dir/create.log" 2>&1 || { cat "$dir/create.log" >&2; exit 1; }
  for node in 1 2 3; do
    for _ in $(seq 100); do
      redis-cli -s "$dir/$node/socket" cluster info | grep -q cluster_state:ok && break
      sleep 0.05
    done
  done
  echo "redis-cluster://$(echo $nodes | tr ' ' ,)"
}

case $kind in
  plain)
    start plain --port
    echo "redis://127.0.0.1:$port"
    ;;
  unix)
    start unix --port
    echo "unix://$dir/unix/socket"
    ;;
  tls)
    make_certificates
    start tls --tls-port --port 0 --tls-cert-file "$dir/cert.pem" --tls-key-file "$dir/key.pem" \
      --tls-ca-cert-file "$dir/ca.pem" --tls-auth-clients no
    echo "rediss://127.0.0.1:$port $dir/ca.pem"
    ;;
  cluster) start_cluster ;;
esac
cat >/dev/null
