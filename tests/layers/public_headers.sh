#!/bin/sh
# Goal: a user may include any one public header, in a program without exceptions and run-time types, and gets no
# third-party header with it.
# Method: compile each alone, with every third-party library poisoned (cmake/poison); those under adapters/ are opt-in
# bridges to such libraries, so they are left out. Arguments: include folder, compiler, poison folders.
set -u
include=$1
compiler=$2
shift 2
poison=''
for folder in "$@"; do
  poison="$poison -I$folder"
done
export include compiler poison
cd "$include" || exit 2
# shellcheck disable=SC2016 # expanded by the shells that xargs starts
find envoyou -name '*.hpp' ! -path 'envoyou/adapters/*' | xargs -P 2 -n 1 sh -c '
  printf "#include <%s>\n#include <%s>\nint main() {}\n" "$0" "$0" |
    $compiler -x c++ -std=c++20 -fsyntax-only -fno-exceptions -fno-rtti -Wall -Wextra -Wpedantic -Werror $poison -I. - ||
    { echo "does not compile alone: <$0>"; exit 1; }'
