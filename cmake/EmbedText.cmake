# envoyou_embed_text(<layer> FILES <file or pattern>... NAMESPACE <namespace> [HEADER <name>])
#
# Makes "<layer>/<HEADER>" (scripts.hpp, if not named), in which each file is an `inline constexpr std::string_view`
# named after it: sliding_log.lua is kSlidingLog. Made again when a file changes or another one matches. Call it after
# envoyou_add_layer, in the same CMakeLists.txt.
function(envoyou_embed_text layer)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "NAMESPACE;HEADER" "FILES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAMESPACE OR NOT arg_FILES)
    message(FATAL_ERROR "envoyou_embed_text(${layer} FILES ... NAMESPACE ... [HEADER ...]): got '${ARGV}'")
  endif()
  if(NOT arg_HEADER)
    set(arg_HEADER scripts.hpp)
  endif()
  list(TRANSFORM arg_FILES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  file(GLOB _files CONFIGURE_DEPENDS ${arg_FILES})
  if(NOT _files)
    message(FATAL_ERROR "envoyou_embed_text(${layer}): no file matches ${arg_FILES}")
  endif()
  set(_header "${PROJECT_BINARY_DIR}/generated/${layer}/${layer}/${arg_HEADER}")
  set(_script "${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake")
  add_custom_command(OUTPUT "${_header}"
    COMMAND ${CMAKE_COMMAND} "-DHEADER=${_header}" "-DNAMESPACE=${arg_NAMESPACE}" "-DFILES=${_files}" -P "${_script}"
    DEPENDS ${_files} "${_script}" COMMENT "Embedding the texts of ${layer}" VERBATIM)
  target_sources(envoyou_layer_${layer} PRIVATE "${_header}")
endfunction()
