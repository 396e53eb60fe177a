# What every target of ours is compiled with. Nothing here reaches those who link the library.
find_package(Threads REQUIRED)

# ccache, with paths taken relative to the checkout, so that the trees of several presets share their objects.
find_program(ENVOYOU_CCACHE ccache)
mark_as_advanced(ENVOYOU_CCACHE)
if(ENVOYOU_CCACHE AND PROJECT_IS_TOP_LEVEL)
  foreach(_lang C CXX)
    if(NOT CMAKE_${_lang}_COMPILER_LAUNCHER)
      set(CMAKE_${_lang}_COMPILER_LAUNCHER
        "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;${ENVOYOU_CCACHE}")
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
