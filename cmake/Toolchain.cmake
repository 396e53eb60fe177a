# What every target of ours is compiled with. Nothing here reaches those who link the library.
find_package(Threads REQUIRED)

# ccache, with paths taken relative to the checkout, so that the trees of several presets share their objects. It asks to
# be told that precompiled headers are meant (ccache(1), Precompiled headers).
set(_sloppiness "pch_defines,time_macros")
find_program(ENVOYOU_CCACHE ccache)
mark_as_advanced(ENVOYOU_CCACHE)
if(ENVOYOU_CCACHE AND PROJECT_IS_TOP_LEVEL)
  foreach(_lang C CXX)
    if(NOT CMAKE_${_lang}_COMPILER_LAUNCHER)
      set(CMAKE_${_lang}_COMPILER_LAUNCHER
        "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;CCACHE_SLOPPINESS=${_sloppiness};${ENVOYOU_CCACHE}")
    endif()
  endforeach()
endif()

add_library(envoyou_flags INTERFACE)
set(_warnings -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wformat=2)
set(_cxx_warnings -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual)
target_compile_options(envoyou_flags INTERFACE ${_warnings} $<$<COMPILE_LANGUAGE:CXX>:${_cxx_warnings}>
  $<$<BOOL:${ENVOYOU_WERROR}>:-Werror>)
target_compile_features(envoyou_flags INTERFACE cxx_std_20 c_std_99)
target_link_libraries(envoyou_flags INTERFACE Threads::Threads)

# One pair of folders for everything that is built, whatever folder of ours asked for it.
function(envoyou_place_outputs)
  set_target_properties(${ARGV} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin"
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib"
    ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib"
    CXX_EXTENSIONS OFF C_EXTENSIONS OFF)
endfunction()

# The presets compile several files of a target as one (CMAKE_UNITY_BUILD), for headers and templates are most of the work;
# so names in anonymous namespaces are unique within a target. The larger the batch, the less work is done twice. For daily
# work there is `dev`, which compiles each file by itself, as does `clang` with all but the tests.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 20)
# g++ takes a file of a batch for a header, and a type of a file's own in one for a mistake; and with enough code in sight
# (or under a sanitizer) it loses which member of a Result's union is alive. clang looks for both, and finds none.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(envoyou_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>)
  # Its collector waits for a heap that is worth the walk: a tenth of the time that a large file takes.
  target_compile_options(envoyou_flags INTERFACE --param=ggc-min-heapsize=1000000)
endif()

# The standard headers that most files use, parsed once for all layers. Every file includes what it uses all the same:
# the preset `clang` builds without this.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/prelude.cpp" CONTENT "// Nothing but its headers.\n")
add_library(envoyou_prelude OBJECT "${PROJECT_BINARY_DIR}/generated/prelude.cpp")
target_link_libraries(envoyou_prelude PRIVATE envoyou_flags)
set_target_properties(envoyou_prelude PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
target_precompile_headers(envoyou_prelude PRIVATE
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <cstring> <deque> <functional> <map> <memory>
  <mutex> <optional> <span> <string> <string_view> <thread> <tuple> <unordered_map> <utility> <variant> <vector>)
