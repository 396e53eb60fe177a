# envoyou_add_test(<name> KIND <kind> SOURCES <file>...
#   [LAYERS <layer>...]       whose internals it may include and whose code it links; none: the public headers, all code
#   [LIBRARIES <target>...]   besides GoogleTest
#   [ARGS <word>...] [ENVIRONMENT <NAME=value>...] [TIMEOUT <seconds>]
#   [SERIAL])                 nothing else runs beside it: for tests that measure time
#
# Builds bin/<name> and hands it to ctest as one test, labelled with its kind:
#   unit         no sockets, no sleeping
#   conformance  the definition of a module, over each of its backends
#   simulation   the client over a simulated clock, network and Redis
#   integration  with servers that the test starts
#   fault        the example server while Redis is being hurt
#   capi         the C interface, from C programs
#   examples     each example, as its README says to run it
#   layers, packaging  the shape of the project
set(ENVOYOU_TEST_TIMEOUT_unit 30)
set(ENVOYOU_TEST_TIMEOUT_conformance 120)
set(ENVOYOU_TEST_TIMEOUT_simulation 300)
set(ENVOYOU_TEST_TIMEOUT_integration 180)
set(ENVOYOU_TEST_TIMEOUT_fault 300)
set(ENVOYOU_TEST_TIMEOUT_capi 120)
set(ENVOYOU_TEST_TIMEOUT_examples 60)
set(ENVOYOU_TEST_TIMEOUT_layers 300)
set(ENVOYOU_TEST_TIMEOUT_packaging 300)

# All programs of one kind, for those who want no others: cmake --build ... --target envoyou_tests_unit
foreach(_kind unit conformance integration fault)
  add_custom_target(envoyou_tests_${_kind})
endforeach()

# Tests are compiled for being built often: GoogleTest is parsed once, and a release's test programs are not optimised
# (the code under test is, in its own objects; benchmarks and the servers' helpers are, too).
add_library(envoyou_test_flags INTERFACE)
target_compile_options(envoyou_test_flags INTERFACE $<$<CONFIG:Release>:-O0>)
target_link_libraries(envoyou_test_flags INTERFACE envoyou_flags GTest::gmock GTest::gtest)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/test_prelude.cpp" CONTENT "// Nothing but its headers.\n")
add_library(envoyou_test_prelude OBJECT "${PROJECT_BINARY_DIR}/generated/test_prelude.cpp")
target_link_libraries(envoyou_test_prelude PRIVATE envoyou_test_flags)
set_target_properties(envoyou_test_prelude PROPERTIES CXX_EXTENSIONS OFF)
target_precompile_headers(envoyou_test_prelude PRIVATE
  <gtest/gtest.h> <gmock/gmock.h> <algorithm> <array> <atomic> <chrono> <functional> <map> <memory> <mutex> <optional>
  <set> <string> <string_view> <thread> <utility> <vector>)

# What tests, drivers and benchmarks have in common: the include path and the code of LAYERS.
function(envoyou_use_layers target)
  get_property(_all GLOBAL PROPERTY ENVOYOU_LAYERS)
  set(_path "${PROJECT_SOURCE_DIR}/include")
  foreach(_layer IN LISTS ARGN)
    get_target_property(_layer_path envoyou_layer_${_layer} ENVOYOU_VIEW)
    list(APPEND _path ${_layer_path})
    target_link_libraries(${target} PRIVATE envoyou_part_${_layer})
  endforeach()
  if(NOT ARGN)
    list(TRANSFORM _all PREPEND envoyou_part_)
    target_link_libraries(${target} PRIVATE ${_all})
  endif()
  list(REMOVE_DUPLICATES _path)
  target_include_directories(${target} PRIVATE ${_path})
  target_link_libraries(${target} PRIVATE envoyou_flags)
  envoyou_place_outputs(${target})
endfunction()

function(envoyou_register_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "KIND;TIMEOUT" "COMMAND;ENVIRONMENT")
  if(NOT DEFINED ENVOYOU_TEST_TIMEOUT_${arg_KIND})
    message(FATAL_ERROR "envoyou_add_test(${name}): KIND '${arg_KIND}' is none of those in cmake/Testing.cmake")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${ENVOYOU_TEST_TIMEOUT_${arg_KIND}})
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} COMMAND_EXPAND_LISTS)
  set_tests_properties(${name} PROPERTIES LABELS ${arg_KIND} TIMEOUT ${arg_TIMEOUT})
  if(arg_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  if(arg_ENVIRONMENT)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${arg_ENVIRONMENT}")
  endif()
endfunction()

function(envoyou_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "KIND;TIMEOUT" "SOURCES;LAYERS;LIBRARIES;ARGS;ENVIRONMENT")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "envoyou_add_test(${name}): no SOURCES, or does not know '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  foreach(_source IN LISTS arg_SOURCES)
    if(NOT IS_ABSOLUTE "${_source}" AND NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${_source}")
      message(WARNING "envoyou_add_test(${name}): ${_source} does not exist yet; test left out")
      return()
    endif()
  endforeach()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} envoyou_test_flags GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM envoyou_test_prelude)
  envoyou_use_layers(${name} ${arg_LAYERS})
  if(TARGET envoyou_tests_${arg_KIND})
    add_dependencies(envoyou_tests_${arg_KIND} ${name})
  endif()
  set(_settings "")
  if(arg_SERIAL)
    list(APPEND _settings SERIAL)
  endif()
  if(arg_TIMEOUT)
    list(APPEND _settings TIMEOUT ${arg_TIMEOUT})
  endif()
  envoyou_register_test(${name} ${_settings} KIND "${arg_KIND}"
    COMMAND ${name} ${arg_ARGS} ENVIRONMENT ${arg_ENVIRONMENT})
endfunction()
