#!/bin/sh
# Installs what is missing, builds everything with the preset `release`, and runs every test. Safe to run again. Arguments
# go to ctest (-L unit, -R limiter, ...).
set -eu
cd "$(dirname "$0")/.."
. cmake/install_packages.sh

install_packages $packages_build $packages_example $packages_test
jobs=$(nproc 2>/dev/null || echo 2)

echo "== Configuring build/release"
cmake --preset release -D ENVOYOU_BUILD_TESTS=ON -D ENVOYOU_BUILD_EXAMPLES=ON
echo "== Building build/release"
cmake --build --preset release -j "$jobs"
echo "== Running the tests"
exec ctest --test-dir build/release --output-on-failure --no-tests=error -j "$jobs" "$@"
