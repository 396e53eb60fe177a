#!/bin/sh
# Installs what is missing, builds the example API server with the preset `release`, and starts it. Safe to run again.
# Its settings are environment variables (examples/api_server): PORT=8081 REDIS_URL=redis://127.0.0.1 sh examples/run.sh
set -eu
cd "$(dirname "$0")/.."
. cmake/install_packages.sh

install_packages $packages_build $packages_example

echo "== Configuring build/release"
# What tests/run.sh may have configured stays as it is; a fresh tree gets no tests, whose libraries are not needed here.
tests=OFF
if grep -qs '^ENVOYOU_BUILD_TESTS:BOOL=ON' build/release/CMakeCache.txt; then
  tests=ON
fi
cmake --preset release -D ENVOYOU_BUILD_TESTS=$tests
echo "== Building the API server"
cmake --build --preset release -j "$(nproc 2>/dev/null || echo 2)" --target api_server
echo "== Starting build/release/bin/api_server on ${HOST:-127.0.0.1}:${PORT:-8080}"
exec build/release/bin/api_server
