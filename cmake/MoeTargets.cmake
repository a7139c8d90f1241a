# moe_tablegen(<td> <out> <flags…> …) and moe_library(<name> SOURCES … LINK …): our two kinds of build rule.

# Runs mlir-tblgen on TD (in the current source folder) once per OUT/FLAGS pair and adds the headers to target TARGET.
#   moe_tablegen(TARGET name TD file.td OUTPUTS "MoeOps.h.inc=-gen-op-decls" …)
function(moe_tablegen)
  cmake_parse_arguments(ARG "" "TARGET;TD" "OUTPUTS" ${ARGN})
  set(LLVM_TARGET_DEFINITIONS ${ARG_TD})
  set(TABLEGEN_OUTPUT)
  include_directories(${PROJECT_SOURCE_DIR} ${MLIR_INCLUDE_DIRS})
  foreach(pair IN LISTS ARG_OUTPUTS)
    string(REGEX MATCH "^([^=]+)=(.+)$" _ ${pair})
    separate_arguments(flags UNIX_COMMAND ${CMAKE_MATCH_2})
    mlir_tablegen(${CMAKE_MATCH_1} ${flags})
  endforeach()
  add_custom_target(${ARG_TARGET} DEPENDS ${TABLEGEN_OUTPUT})
  set_property(GLOBAL APPEND PROPERTY MOE_TABLEGEN_TARGETS ${ARG_TARGET})
endfunction()

# A static library of the compiler. All of them share one precompiled header of MLIR (cmake/MlirPch.h).
function(moe_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  foreach(source IN LISTS ARG_SOURCES) # DEV-GUARD
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${source}) # DEV-GUARD
      message(STATUS "${name}: ${source} is missing") # DEV-GUARD
      list(REMOVE_ITEM ARG_SOURCES ${source}) # DEV-GUARD
    endif() # DEV-GUARD
  endforeach() # DEV-GUARD
  add_library(${name} STATIC ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/cmake/MlirPch.cpp)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR}/runtime/include)
  target_link_libraries(${name} PUBLIC moe_mlir fmt::fmt ${ARG_LINK} PRIVATE moe_options)
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM moe_pch)
  endif()
  get_property(generated GLOBAL PROPERTY MOE_TABLEGEN_TARGETS)
  if(generated OR ARG_DEPENDS)
    add_dependencies(${name} ${generated} ${ARG_DEPENDS})
  endif()
endfunction()

add_library(moe_pch STATIC ${PROJECT_SOURCE_DIR}/cmake/MlirPch.cpp)
target_link_libraries(moe_pch PUBLIC moe_mlir fmt::fmt PRIVATE moe_options)
target_precompile_headers(moe_pch PRIVATE ${PROJECT_SOURCE_DIR}/cmake/MlirPch.h)
