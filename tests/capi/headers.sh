#!/bin/sh
# Goal: every C header can be included first and alone, by strict C and C++ of every age.
# Method: gcc and clang, whichever are here, over each standard and each header; every warning is an error.
# Argument: the include folder.
set -u
include=$1
failed=0
compiled=0

try() {  # compiler, language, standard, flags...
  compiler=$1 language=$2 standard=$3
  shift 3
  for header in "$include"/envoyou/c/*.h; do
    name=envoyou/c/$(basename "$header")
    compiled=$((compiled + 1))
    printf '#include <%s>\n#include <%s>\n' "$name" "$name" |
      "$compiler" -x "$language" "-std=$standard" -fsyntax-only -Wall -Wextra -pedantic -Wconversion -Werror "$@" \
        -I "$include" - || { echo "$compiler -std=$standard: <$name>"; failed=1; }
  done
}

for compiler in gcc clang clang-14; do
  command -v "$compiler" >/dev/null || continue
  for standard in c99 c11 c17; do
    try "$compiler" c "$standard" -Wstrict-prototypes -Wmissing-prototypes -Wc++-compat
  done
done
for compiler in g++ clang++ clang++-14; do
  command -v "$compiler" >/dev/null || continue
  for standard in c++11 c++14 c++17 c++20; do
    try "$compiler" c++ "$standard" -Wold-style-cast
  done
done
echo "$compiled compilations"
[ "$compiled" -gt 0 ] || failed=1
exit $failed
