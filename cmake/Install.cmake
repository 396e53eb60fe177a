# What `cmake --install` puts where: headers and archives are `development`, what a finished program needs is `runtime`.
include(CMakePackageConfigHelpers)
set(_config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/envoyou")

install(TARGETS envoyou envoyou_c envoyou_c_static envoyou_testing EXPORT envoyouTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/envoyou" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT development FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")

install(EXPORT envoyouTargets NAMESPACE envoyou:: DESTINATION "${_config_folder}" COMPONENT development)
# A file of its own, so that only those who want the bridge need spdlog.
if(TARGET envoyou_spdlog)
  install(TARGETS envoyou_spdlog EXPORT envoyouSpdlogTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
  install(EXPORT envoyouSpdlogTargets NAMESPACE envoyou:: DESTINATION "${_config_folder}" COMPONENT development)
endif()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/envoyouConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/envoyouConfig.cmake" INSTALL_DESTINATION "${_config_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/envoyouConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/envoyouConfig.cmake" "${PROJECT_BINARY_DIR}/envoyouConfigVersion.cmake"
  DESTINATION "${_config_folder}" COMPONENT development)

# pkg-config: relocatable, so the prefix is told from where the file lies.
file(RELATIVE_PATH _to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" _to_prefix "${_to_prefix}")
set(ENVOYOU_PC_PREFIX "\${pcfiledir}/${_to_prefix}")
set(ENVOYOU_PC_REQUIRES "openssl sqlite3 libzstd")
if(NOT ENVOYOU_HIREDIS_KIND STREQUAL "bundled")
  string(APPEND ENVOYOU_PC_REQUIRES " hiredis")
endif()
# A static library's users link what it needs, with or without --static.
set(ENVOYOU_PC_STATIC_REQUIRES "")
set(ENVOYOU_PC_STATIC_LIBS "")
if(NOT BUILD_SHARED_LIBS)
  set(ENVOYOU_PC_STATIC_REQUIRES "${ENVOYOU_PC_REQUIRES}")
  set(ENVOYOU_PC_STATIC_LIBS " -pthread")
endif()
foreach(_pc envoyou envoyou-c)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${_pc}.pc.in" "${PROJECT_BINARY_DIR}/${_pc}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${_pc}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)
endforeach()
