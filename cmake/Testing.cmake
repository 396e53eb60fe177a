# envoyou_add_test(<name> KIND <kind> SOURCES <file>...
#   [HELPERS <file>...]       what the sources need, without a test of its own
#   [ENVIRONMENT <NAME=value>...] [TIMEOUT <seconds>]
#   [SERIAL])                 nothing else runs beside it: for tests that measure time
#
# Puts the files into the test program of their kind, and has ctest run the tests that stand in them as one test, labelled
# with the kind. There are few programs, for what tests have in common is compiled and linked once in each: bin/unit_tests,
# bin/conformance_tests, bin/integration_tests (which has the fault runs, too). A test's own names stand in a namespace
# that is called like its file, so that files can be compiled together.
#
# The kinds:
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
# So many times longer where the tests are slower (the presets of sanitizers).
set(ENVOYOU_TEST_PATIENCE 1 CACHE STRING "Factor of the tests' time limits")
mark_as_advanced(ENVOYOU_TEST_PATIENCE)

# Tests are compiled for being built often: GoogleTest is parsed once, and no build's test programs are optimised
# (the code under test is, in its own objects; what measures or simulates is, too).
add_library(envoyou_test_flags INTERFACE)
target_compile_options(envoyou_test_flags INTERFACE "$<$<CONFIG:Release,None>:-O0;$<$<CXX_COMPILER_ID:GNU>:-ffold-simple-inlines>>")
target_link_libraries(envoyou_test_flags INTERFACE envoyou_flags GTest::gmock GTest::gtest)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/test_prelude.cpp" CONTENT "// Nothing but its headers.\n")
add_library(envoyou_test_prelude OBJECT "${PROJECT_BINARY_DIR}/generated/test_prelude.cpp")
target_link_libraries(envoyou_test_prelude PRIVATE envoyou_test_flags)
set_target_properties(envoyou_test_prelude PROPERTIES CXX_EXTENSIONS OFF)
target_precompile_headers(envoyou_test_prelude PRIVATE
  <gtest/gtest.h> <gmock/gmock.h> <algorithm> <array> <atomic> <chrono> <functional> <map> <memory> <mutex> <optional>
  <set> <string> <string_view> <thread> <utility> <vector>)

# A helper of the tests, compiled as they are.
function(envoyou_compile_as_test target)
  target_link_libraries(${target} PRIVATE envoyou_test_flags)
  target_precompile_headers(${target} REUSE_FROM envoyou_test_prelude)
endfunction()

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
  math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * ${ENVOYOU_TEST_PATIENCE}")
  add_test(NAME ${name} COMMAND ${arg_COMMAND} COMMAND_EXPAND_LISTS)
  set_tests_properties(${name} PROPERTIES LABELS ${arg_KIND} TIMEOUT ${arg_TIMEOUT})
  if(arg_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  if(arg_ENVIRONMENT)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${arg_ENVIRONMENT}")
  endif()
endfunction()

# As the rest, if the preset does not say otherwise.
if(NOT DEFINED ENVOYOU_UNITY_TESTS)
  set(ENVOYOU_UNITY_TESTS ${CMAKE_UNITY_BUILD})
endif()

# bin/<name>, of all that envoyou_add_test hands to its kinds. BATCH files are compiled as one: about half of them, so
# that two cores are busy to the end.
function(_envoyou_test_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "BATCH" "KINDS;LIBRARIES")
  add_executable(${name} "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} envoyou_test_support)
  envoyou_compile_as_test(${name})
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${ENVOYOU_UNITY_TESTS} UNITY_BUILD_BATCH_SIZE ${arg_BATCH})
  get_property(_all GLOBAL PROPERTY ENVOYOU_LAYERS)
  envoyou_use_layers(${name} ${_all})
  foreach(_kind IN LISTS arg_KINDS)
    set_property(GLOBAL PROPERTY ENVOYOU_TEST_PROGRAM_${_kind} ${name})
  endforeach()
endfunction()
_envoyou_test_program(unit_tests BATCH 44 KINDS unit LIBRARIES envoyou_test_sim)
_envoyou_test_program(conformance_tests BATCH 20 KINDS conformance)
_envoyou_test_program(integration_tests BATCH 26 KINDS integration fault
  LIBRARIES OpenSSL::SSL OpenSSL::Crypto nlohmann_json::nlohmann_json)

# With what the integration tests start: to link those is not to be waited for before the tests are compiled.
add_custom_target(integration DEPENDS integration_tests)

function(envoyou_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "KIND;TIMEOUT" "SOURCES;HELPERS;ENVIRONMENT")
  get_property(_program GLOBAL PROPERTY ENVOYOU_TEST_PROGRAM_${arg_KIND})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES OR NOT _program)
    message(FATAL_ERROR "envoyou_add_test(${name}): no SOURCES, no program for KIND '${arg_KIND}', or does not know "
      "'${arg_UNPARSED_ARGUMENTS}'")
  endif()
  list(TRANSFORM arg_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  list(TRANSFORM arg_HELPERS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  target_sources(${_program} PRIVATE ${arg_SOURCES} ${arg_HELPERS})
  list(TRANSFORM arg_SOURCES REPLACE "^${PROJECT_SOURCE_DIR}/tests/" "")
  set(_settings "")
  if(arg_SERIAL)
    list(APPEND _settings SERIAL)
  endif()
  if(arg_TIMEOUT)
    list(APPEND _settings TIMEOUT ${arg_TIMEOUT})
  endif()
  envoyou_register_test(${name} ${_settings} KIND "${arg_KIND}" COMMAND ${_program} ${arg_SOURCES}
    ENVIRONMENT ${arg_ENVIRONMENT})
endfunction()
