# Sourced by tests/run.sh and examples/run.sh. install_packages takes Debian package names and installs those that are
# not there, from wherever this machine's apt is set to; if all are there it needs neither root nor a network.

packages_build='g++ cmake ninja-build pkg-config libssl-dev nlohmann-json3-dev libsqlite3-dev libzstd-dev libxxhash-dev libspdlog-dev'
packages_example='libmicrohttpd-dev'
packages_test='valgrind libgtest-dev libgmock-dev libbenchmark-dev libboost-dev redis-server redis-sentinel redis-tools openssl python3'

# Debian 12's hiredis is too old, so that the build compiles one in (cmake/Hiredis.cmake); Debian 13's will do.
if [ -r /etc/os-release ]; then
  case $(. /etc/os-release && echo "$ID-${VERSION_ID:-}") in
    debian-13) packages_build="$packages_build libhiredis-dev" ;;
  esac
fi

is_installed() {
  # A package that another one stands in for (pkgconf for pkg-config) counts, which the status of its name does not tell.
  case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in *' installed') return 0 ;; esac
  case $1 in
    g++ | cmake | pkg-config | redis-server | redis-sentinel | openssl | python3 | clang | clang-format | clang-tidy)
      command -v "$1" >/dev/null ;;
    ninja-build) command -v ninja >/dev/null ;;
    redis-tools) command -v redis-cli >/dev/null ;;
    *) return 1 ;;
  esac
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "This needs root or sudo: $*" >&2
    return 1
  fi
}

install_packages() {
  missing=''
  for package in "$@"; do
    is_installed "$package" || missing="$missing $package"
  done
  if [ -z "$missing" ]; then
    echo "== All packages are installed."
    return 0
  fi
  if ! command -v apt-get >/dev/null; then
    echo "No apt-get here. Install what these Debian packages hold, then run this again:$missing" >&2
    return 1
  fi
  echo "== Installing:$missing"
  as_root apt-get update -qq || echo "== apt-get update failed; going on with the lists that are here." >&2
  # shellcheck disable=SC2086 # one word a package
  as_root env DEBIAN_FRONTEND=noninteractive sh -c "$install_quietly" install $missing
}

# Debian starts a server when it installs it, and the tests start their own: nothing new is left running.
install_quietly='
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    trap "exit 130" INT TERM
    printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
  fi
  apt-get install -y -qq --no-install-recommends "$@"
'
