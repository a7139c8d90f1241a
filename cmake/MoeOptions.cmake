# Warnings, sanitizers and optimisation for our own code. Upstream headers are SYSTEM and stay out of it.
option(MOE_WERROR "Treat warnings in our own code as errors" OFF)
set(MOE_SANITIZE "" CACHE STRING "Sanitizers for our own code, as -fsanitize takes them (address,undefined)")

add_library(moe_options INTERFACE)
target_compile_options(moe_options INTERFACE
  -Wall -Wextra -Wno-unused-parameter $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(MOE_WERROR)
  target_compile_options(moe_options INTERFACE -Werror)
endif()
if(MOE_SANITIZE)
  # vptr and function need the upstream libraries and the compiled gates to be instrumented as well.
  target_compile_options(moe_options INTERFACE -fsanitize=${MOE_SANITIZE} -fno-sanitize=vptr,function
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(moe_options INTERFACE -fsanitize=${MOE_SANITIZE})
endif()

# Instruments our own code for libFuzzer, under AddressSanitizer, and builds the fuzz targets (clang; test/Fuzz).
option(MOE_FUZZ "Build the fuzz targets" OFF)
if(MOE_FUZZ)
  target_compile_options(moe_options INTERFACE -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer)
  target_link_options(moe_options INTERFACE -fsanitize=address)
endif()

# The presets switch this on: a second build tree, or a branch that comes back, compiles little. clang's precompiled
# headers can be cached only without their time stamp.
option(MOE_CCACHE "Compile through ccache where it is installed" OFF)
find_program(MOE_CCACHE_PROGRAM ccache)
if(MOE_CCACHE AND MOE_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MOE_CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${MOE_CCACHE_PROGRAM})
  add_compile_options("SHELL:$<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Xclang -fno-pch-timestamp>")
endif()
