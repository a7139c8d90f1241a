# Install rules: a package for find_package(moe) with moe::runtime (installed by runtime/), moe::moe-opt and moe_add_gate.
# test/Install uses it from outside.
include(CMakePackageConfigHelpers)
include(MoeAddGate)

# In this build tree the compiler has the same name as in the installed package.
if(NOT TARGET moe::moe-opt)
  add_executable(moe::moe-opt ALIAS moe-opt)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/moe)
install(TARGETS moe-opt EXPORT moe-tool-targets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT moe-tool-targets NAMESPACE moe:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/moeConfig.cmake.in ${PROJECT_BINARY_DIR}/moeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/moeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/moeConfig.cmake ${PROJECT_BINARY_DIR}/moeConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/MoeAddGate.cmake DESTINATION ${package_dir})
