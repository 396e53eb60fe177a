#!/bin/sh
# Goal: a project that takes this one in with add_subdirectory gets the same target names, none of our tests, examples
# or install rules, and no setting of ours on its own targets.
# Method: configure such a project and look at what it would build. Arguments: folder of the project, cmake, hiredis'
# source as the outer build has it (so that nothing is fetched; none where the system has one that will do).
set -eu
source=$1
cmake=$2
hiredis=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(outer C CXX)
add_subdirectory("$source" envoyou)
file(WRITE main.cpp "int main() { return 0; }\n")
add_executable(outer main.cpp)
target_link_libraries(outer PRIVATE envoyou::envoyou envoyou::c)
get_target_property(options envoyou INTERFACE_COMPILE_OPTIONS)
get_target_property(definitions envoyou INTERFACE_COMPILE_DEFINITIONS)
if(options OR definitions)
  message(FATAL_ERROR "settings of ours reach those who link: \${options} \${definitions}")
endif()
if(DEFINED CMAKE_CXX_STANDARD OR BUILD_TESTING OR TARGET api_server OR TARGET gtest)
  message(FATAL_ERROR "the parent project was changed, or got tests or examples")
endif()
END
# shellcheck disable=SC2086 # nothing, where hiredis is the system's
"$cmake" -G Ninja -S "$work" -B "$work/build" ${hiredis:+-D ENVOYOU_HIREDIS_SOURCE="$hiredis"} >"$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
if "$cmake" --build "$work/build" --target help | grep -E '_test:|api_server|fuzz_'; then
  echo "a subproject must not build our tests and examples" >&2
  exit 1
fi
