# The layers, put together into what users link:
#
#   envoyou::envoyou    the C++ library, static unless BUILD_SHARED_LIBS
#   envoyou::c          the C library, always shared; exports envoyou_* and nothing else
#   envoyou::c_static   the same as an archive
#   envoyou::spdlog     the bridge to spdlog, for who wants its headers
#   envoyou::testing    for users' tests: a Redis that fails as it is told to
#
# A hiredis that is compiled in must not meet the host's own: its objects are joined with those of the wire layer, the
# only ones that call them, and then each of its symbols is made local (cmake/seal_hiredis.cmake). Hidden visibility
# alone would do for a shared library; in an archive a hidden symbol still answers to every object that asks.
option(ENVOYOU_SEAL "Hide the symbols of a compiled-in hiredis in the static library too" ON)
mark_as_advanced(ENVOYOU_SEAL)

get_property(_layers GLOBAL PROPERTY ENVOYOU_LAYERS)
set(_objects "")
foreach(_layer IN LISTS _layers)
  if(NOT _layer STREQUAL "wire" AND NOT _layer STREQUAL "capi")
    list(APPEND _objects $<TARGET_OBJECTS:envoyou_layer_${_layer}>)
  endif()
endforeach()

if(NOT ENVOYOU_HIREDIS_KIND STREQUAL "bundled")
  list(APPEND _objects $<TARGET_OBJECTS:envoyou_layer_wire>)
elseif(ENVOYOU_SEAL AND CMAKE_OBJCOPY AND CMAKE_NM AND CMAKE_LINKER)
  set(_sealed "${PROJECT_BINARY_DIR}/lib/parts/wire_with_hiredis.o")
  add_custom_command(OUTPUT "${_sealed}"
    COMMAND ${CMAKE_COMMAND} "-DOUT=${_sealed}" "-DWIRE=$<TARGET_OBJECTS:envoyou_layer_wire>"
      "-DHIREDIS=$<TARGET_OBJECTS:envoyou_hiredis_core>" "-DLD=${CMAKE_LINKER}" "-DNM=${CMAKE_NM}"
      "-DOBJCOPY=${CMAKE_OBJCOPY}" -P "${PROJECT_SOURCE_DIR}/cmake/seal_hiredis.cmake"
    DEPENDS $<TARGET_OBJECTS:envoyou_layer_wire> $<TARGET_OBJECTS:envoyou_hiredis_core>
      "${PROJECT_SOURCE_DIR}/cmake/seal_hiredis.cmake"
    COMMENT "Joining the wire layer with hiredis, whose symbols become local" VERBATIM)
  # One target makes it, so that the libraries do not race for the file.
  add_custom_target(envoyou_sealed_wire DEPENDS "${_sealed}")
  list(APPEND _objects "${_sealed}")
else()
  list(APPEND _objects $<TARGET_OBJECTS:envoyou_layer_wire> $<TARGET_OBJECTS:envoyou_hiredis_core>)
endif()

function(_envoyou_finish_library target)
  set_source_files_properties("${PROJECT_BINARY_DIR}/lib/parts/wire_with_hiredis.o" PROPERTIES
    EXTERNAL_OBJECT ON GENERATED ON)
  if(TARGET envoyou_sealed_wire)
    add_dependencies(${target} envoyou_sealed_wire)
  endif()
  target_link_libraries(${target} PRIVATE Threads::Threads OpenSSL::SSL OpenSSL::Crypto SQLite::SQLite3
    PkgConfig::ENVOYOU_ZSTD)
  if(ENVOYOU_HIREDIS_KIND STREQUAL "package")
    target_link_libraries(${target} PRIVATE hiredis::hiredis)
  elseif(ENVOYOU_HIREDIS_KIND STREQUAL "pkgconfig")
    target_link_libraries(${target} PRIVATE PkgConfig::ENVOYOU_HIREDIS_PC)
  endif()
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  envoyou_place_outputs(${target})
endfunction()

include(GNUInstallDirs)
# The number in the soname is that of the ABI, not of the product: it changes when an existing program would break.
set(ENVOYOU_C_ABI 1)
string(FIND "${CMAKE_CXX_FLAGS}" "-fsanitize" _sanitized)

add_library(envoyou ${_objects})
add_library(envoyou::envoyou ALIAS envoyou)
_envoyou_finish_library(envoyou)
target_compile_features(envoyou PUBLIC cxx_std_20)
set_target_properties(envoyou PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION})

add_library(envoyou_c SHARED ${_objects} $<TARGET_OBJECTS:envoyou_layer_capi>)
add_library(envoyou::c ALIAS envoyou_c)
_envoyou_finish_library(envoyou_c)
set_target_properties(envoyou_c PROPERTIES VERSION ${ENVOYOU_C_ABI}.${PROJECT_VERSION} SOVERSION ${ENVOYOU_C_ABI}
  EXPORT_NAME c LINK_DEPENDS "${PROJECT_SOURCE_DIR}/src/capi/exports.map")
target_link_options(envoyou_c PRIVATE "LINKER:--version-script=${PROJECT_SOURCE_DIR}/src/capi/exports.map")
if(_sanitized EQUAL -1)
  target_link_options(envoyou_c PRIVATE LINKER:-z,defs)
endif()

add_library(envoyou_c_static STATIC ${_objects} $<TARGET_OBJECTS:envoyou_layer_capi>)
add_library(envoyou::c_static ALIAS envoyou_c_static)
_envoyou_finish_library(envoyou_c_static)
set_target_properties(envoyou_c_static PROPERTIES OUTPUT_NAME envoyou_c EXPORT_NAME c_static)

if(TARGET envoyou_layer_adapters_spdlog)
  add_library(envoyou_spdlog STATIC $<TARGET_OBJECTS:envoyou_layer_adapters_spdlog>)
  add_library(envoyou::spdlog ALIAS envoyou_spdlog)
  target_link_libraries(envoyou_spdlog PUBLIC envoyou spdlog::spdlog)
  set_target_properties(envoyou_spdlog PROPERTIES LINKER_LANGUAGE CXX EXPORT_NAME spdlog)
  envoyou_place_outputs(envoyou_spdlog)
endif()

add_library(envoyou_testing STATIC $<TARGET_OBJECTS:envoyou_layer_testing>)
add_library(envoyou::testing ALIAS envoyou_testing)
target_link_libraries(envoyou_testing PUBLIC envoyou PRIVATE Threads::Threads)
set_target_properties(envoyou_testing PROPERTIES LINKER_LANGUAGE CXX EXPORT_NAME testing)
envoyou_place_outputs(envoyou_testing)
