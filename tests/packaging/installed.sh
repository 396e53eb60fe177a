#!/bin/sh
# Goal: an outside project finds the installed library, in CMake and with pkg-config, wherever its tree was moved to.
# Method: install into a fresh folder, move that, build and run the consumers beside this file.
# Arguments: build tree, cmake, C compiler, C++ compiler.
set -eu
build=$1
cmake=$2
cc=$3
cxx=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --prefix "$work/first" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
mv "$work/first" "$work/prefix"
export CMAKE_PREFIX_PATH="$work/prefix" CC="$cc" CXX="$cxx"

for consumer in cpp_consumer c_consumer; do
  echo "-- $consumer, with find_package"
  "$cmake" -G Ninja -S "$here/$consumer" -B "$work/$consumer" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  "$cmake" --build "$work/$consumer" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
"$work/cpp_consumer/cpp_consumer"
"$work/cpp_consumer/cpp_consumer_test"
"$work/c_consumer/c_consumer"
"$work/c_consumer/c_consumer_static"

libdir=$(dirname "$(find "$work/prefix" -name envoyou.pc)")
export PKG_CONFIG_PATH="$libdir"
echo "-- cpp_consumer, with pkg-config"
# shellcheck disable=SC2046 # words
"$cxx" -std=c++20 "$here/cpp_consumer/main.cpp" -o "$work/cpp" $(pkg-config --cflags --libs envoyou)
LD_LIBRARY_PATH="$libdir/.." "$work/cpp"
echo "-- c_consumer, with pkg-config"
# shellcheck disable=SC2046
"$cc" -std=c99 "$here/c_consumer/main.c" -o "$work/c" $(pkg-config --cflags --libs envoyou-c)
LD_LIBRARY_PATH="$libdir/.." "$work/c"
