# What `cmake --install` puts down for others: libraries, public headers, and the package that
# find_package(stuckat) reads.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/stuckat)

get_property(libraries GLOBAL PROPERTY STUCKAT_LIBRARIES)
list(REMOVE_ITEM libraries stuckat_report stuckat_studies)  # parts of the command
foreach(name systemc hdf5 highway matio)
  set_target_properties(stuckat_${name} PROPERTIES EXPORT_NAME ${name})
  list(APPEND libraries stuckat_${name})
endforeach()
install(TARGETS ${libraries} EXPORT stuckat-targets
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/stuckat)
install(EXPORT stuckat-targets NAMESPACE stuckat:: DESTINATION ${package})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/stuckat-config.cmake.in
  ${PROJECT_BINARY_DIR}/stuckat-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/stuckat-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/stuckat-config.cmake
  ${PROJECT_BINARY_DIR}/stuckat-config-version.cmake DESTINATION ${package})
