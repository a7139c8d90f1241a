# moe_add_gate: a gate spec as a library of a C or C++ program. Used by the examples here and, installed, by programs that
# find_package(moe).
#
#   moe_add_gate(<target> SPEC <file.moe> [DEFINE <E=128…>] [FLAGS <flags of moe-opt…>])
#
# Compiles the spec with moe-opt when it has changed, to an object file and a header, both named after the spec
# (gate.moe: gate.o, gate.h). Linking <target> gives the object, the header's folder and the runtime:
#
#   moe_add_gate(my_gate SPEC gate.moe DEFINE E=128)
#   target_link_libraries(program PRIVATE my_gate)
function(moe_add_gate target)
  cmake_parse_arguments(ARG "" "SPEC" "DEFINE;FLAGS" ${ARGN})
  if(NOT ARG_SPEC)
    message(FATAL_ERROR "moe_add_gate(${target}): SPEC <file.moe> is missing")
  endif()
  get_filename_component(spec ${ARG_SPEC} ABSOLUTE)
  get_filename_component(stem ${ARG_SPEC} NAME_WE)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.gate)
  file(MAKE_DIRECTORY ${folder})
  set(flags ${ARG_FLAGS})
  foreach(define IN LISTS ARG_DEFINE)
    list(APPEND flags -D ${define})
  endforeach()
  add_custom_command(
    OUTPUT ${folder}/${stem}.o ${folder}/${stem}.h
    COMMAND moe::moe-opt ${spec} ${flags} --emit=obj -o ${folder}/${stem}.o
    COMMAND moe::moe-opt ${spec} ${flags} --emit=header -o ${folder}/${stem}.h
    DEPENDS ${spec} moe::moe-opt
    COMMENT "Compiling gate ${stem}"
    VERBATIM)
  # A static library needs a language to be linked with; the object is all it holds.
  add_library(${target} STATIC ${folder}/${stem}.o ${folder}/${stem}.h)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  set_source_files_properties(${folder}/${stem}.o PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_include_directories(${target} INTERFACE ${folder})
  target_link_libraries(${target} INTERFACE moe::runtime)
endfunction()
