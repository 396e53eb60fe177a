# Layers are targets, and what a layer may not use it cannot include.
#
# Nothing is compiled with -I src or -I include. Each layer gets the *views* of the layers that it names, and they hold
# nothing else:
#
#   build/views/base/base                    -> src/base                       #include "base/bytes.hpp"
#   build/views/public/base/envoyou/x.hpp    -> include/envoyou/x.hpp          #include <envoyou/x.hpp>
#
# so a forbidden arrow is "No such file or directory". A third-party library would be found in the system's folders
# all the same: a layer that does not name it has a header of that name first on its path that says where to go
# instead (cmake/poison). tests/layers holds one file for each kind of arrow that must not compile.

# Which layer owns which public header. `backing` is a struct that carries a client and a switch, which the modules take
# and the services make; so it belongs to neither.
set(ENVOYOU_HEADERS_base version.hpp result.hpp errc.hpp clock.hpp deadline.hpp executor.hpp log.hpp metrics.hpp
  source.hpp runtime.hpp secret.hpp testing/*)
# What is not part of the library but of envoyou::testing (the manual clock is a clock, and in base).
set(ENVOYOU_HEADERS_testing testing/fake_redis.hpp testing/fault.hpp)
set(ENVOYOU_HEADERS_fallback fallback.hpp)
set(ENVOYOU_HEADERS_redis redis/*)
# What wire's decoder fills and its encoder reads: an exception to the row above, so it stands after it in the list of
# owners, and who sees the headers of redis sees these.
set(ENVOYOU_HEADERS_wire redis/command.hpp redis/reply.hpp)
set(ENVOYOU_HEADERS_backing backing.hpp)
set(ENVOYOU_HEADERS_limiter limiter.hpp limiter/*)
set(ENVOYOU_HEADERS_session session.hpp)
set(ENVOYOU_HEADERS_cache cache.hpp http.hpp)
set(ENVOYOU_HEADERS_services services.hpp config.hpp envoyou.hpp)
set(ENVOYOU_HEADERS_adapters adapters/*)
set(ENVOYOU_HEADERS_capi c/*)
set(ENVOYOU_HEADER_OWNERS base testing fallback redis wire backing limiter session cache services adapters capi)

set(ENVOYOU_THIRD_PARTY hiredis openssl_tls openssl_crypto sockets nlohmann sqlite zstd xxhash spdlog)
set(ENVOYOU_VIEWS "${PROJECT_BINARY_DIR}/views")

function(_envoyou_link from to)
  get_filename_component(_folder "${to}" DIRECTORY)
  file(MAKE_DIRECTORY "${_folder}")
  file(CREATE_LINK "${from}" "${to}" SYMBOLIC)
endfunction()

function(_envoyou_make_header_views)
  set(_root "${PROJECT_SOURCE_DIR}/include/envoyou")
  file(GLOB_RECURSE _headers RELATIVE "${_root}" CONFIGURE_DEPENDS "${_root}/*.hpp" "${_root}/*.h")
  file(REMOVE_RECURSE "${ENVOYOU_VIEWS}/public")
  foreach(_header IN LISTS _headers)
    set(_owner "")
    foreach(_candidate IN LISTS ENVOYOU_HEADER_OWNERS)
      foreach(_pattern IN LISTS ENVOYOU_HEADERS_${_candidate})
        string(REPLACE "." "\\." _regex "${_pattern}")
        string(REPLACE "*" ".*" _regex "${_regex}")
        if(_header MATCHES "^${_regex}$")
          set(_owner "${_candidate}")
        endif()
      endforeach()
    endforeach()
    if(NOT _owner)
      message(FATAL_ERROR "include/envoyou/${_header} belongs to no layer: name it in the table of cmake/Layers.cmake")
    endif()
    _envoyou_link("${_root}/${_header}" "${ENVOYOU_VIEWS}/public/${_owner}/envoyou/${_header}")
  endforeach()
  foreach(_owner IN LISTS ENVOYOU_HEADER_OWNERS)
    file(MAKE_DIRECTORY "${ENVOYOU_VIEWS}/public/${_owner}")
  endforeach()
endfunction()
_envoyou_make_header_views()

# The include path of someone who may see the internals of LAYERS, the public headers of PUBLIC_HEADERS_OF and the
# libraries of THIRD_PARTY.
function(envoyou_include_path out)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LAYERS;PUBLIC_HEADERS_OF;THIRD_PARTY")
  set(_path "")
  foreach(_library IN LISTS ENVOYOU_THIRD_PARTY)
    if(NOT _library IN_LIST arg_THIRD_PARTY)
      list(APPEND _path "${PROJECT_SOURCE_DIR}/cmake/poison/${_library}")
    endif()
  endforeach()
  foreach(_layer IN LISTS arg_LAYERS)
    list(APPEND _path "${ENVOYOU_VIEWS}/${_layer}" "${PROJECT_BINARY_DIR}/generated/${_layer}")
  endforeach()
  if("redis" IN_LIST arg_PUBLIC_HEADERS_OF)
    list(APPEND arg_PUBLIC_HEADERS_OF wire)
  endif()
  foreach(_owner IN LISTS arg_PUBLIC_HEADERS_OF)
    list(APPEND _path "${ENVOYOU_VIEWS}/public/${_owner}")
  endforeach()
  set(${out} "${_path}" PARENT_SCOPE)
endfunction()

# envoyou_add_layer(<name>
#   [FOLDER <folder of src>]           if not of the layer's name
#   [OPT_IN]                           not part of the library, but of one of its own (cmake/Libraries.cmake)
#   [SOURCES <file>...]
#   [LAYERS <layer>...]                whose internals it may include, besides its own
#   [PUBLIC_HEADERS_OF <owner>...]     whose headers of include/envoyou it may include
#   [THIRD_PARTY <library>...])        of ENVOYOU_THIRD_PARTY
#
# Makes envoyou_layer_<name>, the objects, and envoyou_part_<name>, an archive of them that carries what they need. The
# libraries are put together from the objects; tests of internals link the parts, so that a test needs only the
# layers under it.
function(envoyou_add_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "OPT_IN" "FOLDER" "SOURCES;LAYERS;PUBLIC_HEADERS_OF;THIRD_PARTY")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "envoyou_add_layer(${name}): does not know ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_FOLDER)
    set(arg_FOLDER ${name})
  endif()
  foreach(_source IN LISTS arg_SOURCES)
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${_source}")
      message(WARNING "envoyou_add_layer(${name}): ${_source} does not exist yet; left out")
      list(REMOVE_ITEM arg_SOURCES ${_source})
    endif()
  endforeach()
  set(_generated "${PROJECT_BINARY_DIR}/generated/${arg_FOLDER}")
  file(MAKE_DIRECTORY "${_generated}")
  if(NOT arg_SOURCES)
    file(CONFIGURE OUTPUT "${_generated}/${name}_is_empty.cpp" CONTENT "// The layer ${name} has no sources.\n")
    set(arg_SOURCES "${_generated}/${name}_is_empty.cpp")
  endif()
  _envoyou_link("${PROJECT_SOURCE_DIR}/src/${arg_FOLDER}" "${ENVOYOU_VIEWS}/${arg_FOLDER}/${arg_FOLDER}")
  envoyou_include_path(_path LAYERS ${arg_FOLDER} ${arg_LAYERS}
    PUBLIC_HEADERS_OF ${arg_PUBLIC_HEADERS_OF} THIRD_PARTY ${arg_THIRD_PARTY})

  set(_objects envoyou_layer_${name})
  add_library(${_objects} OBJECT ${arg_SOURCES})
  target_include_directories(${_objects} PRIVATE ${_path})
  target_link_libraries(${_objects} PRIVATE envoyou_flags)
  target_precompile_headers(${_objects} REUSE_FROM envoyou_prelude)
  set_target_properties(${_objects} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF
    INTERPROCEDURAL_OPTIMIZATION OFF
    ENVOYOU_VIEW "${ENVOYOU_VIEWS}/${arg_FOLDER};${PROJECT_BINARY_DIR}/generated/${arg_FOLDER}")

  set(_part envoyou_part_${name})
  add_library(${_part} STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${_objects}>)
  envoyou_place_outputs(${_part})
  set_target_properties(${_part} PROPERTIES ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib/parts")
  target_link_libraries(${_part} PUBLIC Threads::Threads)

  foreach(_library IN LISTS arg_THIRD_PARTY)
    target_link_libraries(${_objects} PRIVATE envoyou_dep_${_library})
    target_link_libraries(${_part} PUBLIC envoyou_dep_${_library})
  endforeach()
  if(hiredis IN_LIST arg_THIRD_PARTY AND TARGET envoyou_hiredis_part)
    target_link_libraries(${_part} PUBLIC envoyou_hiredis_part)
  endif()
  foreach(_below IN LISTS arg_LAYERS arg_PUBLIC_HEADERS_OF)
    if(TARGET envoyou_part_${_below} AND NOT _below STREQUAL name)
      target_link_libraries(${_part} PUBLIC envoyou_part_${_below})
    endif()
  endforeach()

  if(NOT arg_OPT_IN)
    set_property(GLOBAL APPEND PROPERTY ENVOYOU_LAYERS ${name})
    foreach(_library IN LISTS arg_THIRD_PARTY)
      set_property(GLOBAL APPEND PROPERTY ENVOYOU_LIBRARY_DEPENDENCIES envoyou_dep_${_library})
    endforeach()
  endif()
endfunction()
