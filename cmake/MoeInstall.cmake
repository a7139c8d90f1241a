# Install rules: bin/moe-opt and bin/moe-run, the runtime with its headers, and a package for find_package(moe) with
# moe::runtime, moe::moe-opt and moe_add_gate. test/Install uses it from outside.
include(CMakePackageConfigHelpers)
include(MoeAddGate)

# In this build tree the compiler has the same name as in the installed package.
if(NOT TARGET moe::moe-opt)
  add_executable(moe::moe-opt ALIAS moe-opt)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/moe)
# The programs find the runtime beside them, wherever the prefix is, and everything else where it was linked.
set_target_properties(moe-opt moe-run moe_runtime PROPERTIES
  INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS moe_runtime moe-opt EXPORT moe-targets
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/include/moe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT moe-targets NAMESPACE moe:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/moeConfig.cmake.in ${PROJECT_BINARY_DIR}/moeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/moeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/moeConfig.cmake ${PROJECT_BINARY_DIR}/moeConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/MoeAddGate.cmake DESTINATION ${package_dir})
