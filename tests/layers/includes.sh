#!/bin/sh
# Goal: no source reaches around the include view of its layer.
# Method: grep for what a view cannot forbid: relative paths upwards, and a third-party header in a file of the right
# layer that is not its home. Argument: the folder of the project.
set -u
cd "$1" || exit 2
failed=0

# forbid WHAT PATTERN HOME: includes that match PATTERN stand only in files whose path matches HOME.
forbid() {
  found=$(grep -rnE "^ *# *include *[<\"]$2" src include --include='*.hpp' --include='*.cpp' --include='*.h' --include='*.c' |
    grep -vE "^($3)")
  if [ -n "$found" ]; then
    printf '%s:\n%s\n' "$1" "$found"
    failed=1
  fi
}

forbid 'a path that leaves its layer (write "layer/file.hpp")' '\.\./' 'nowhere'
forbid 'hiredis is private to src/wire' 'hiredis/' 'src/wire/'
forbid 'sockets are private to src/wire and src/testing' 'sys/socket\.h' 'src/wire/|src/testing/'
forbid 'the digests of OpenSSL are private to src/base/crypto' 'openssl/' 'src/wire/|src/base/crypto'
forbid 'nlohmann is private to src/base/json' 'nlohmann/' 'src/base/json|include/envoyou/adapters/'
forbid 'xxHash is private to src/base/hash' 'xxhash\.h' 'src/base/hash'
forbid 'SQLite is private to src/storage' 'sqlite3\.h' 'src/storage/'
forbid 'zstd is private to src/cache/codec' 'zstd\.h' 'src/cache/codec'
forbid 'spdlog is private to src/adapters' 'spdlog/' 'src/adapters/|include/envoyou/adapters/'

# The system's clock is read in one file; everything else is handed the time. The fake Redis is a server, not a part of
# the library: it has its own.
found=$(grep -rnE '(steady|system|high_resolution)_clock::now\(|clock_gettime\(|gettimeofday\(' src --include='*.hpp' --include='*.cpp' |
  grep -vE '^src/(base/clock\.cpp|testing/)')
if [ -n "$found" ]; then
  printf 'the time is an argument (envoyou::Clock):\n%s\n' "$found"
  failed=1
fi
exit $failed
