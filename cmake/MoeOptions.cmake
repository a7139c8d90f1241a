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
  target_compile_options(moe_options INTERFACE -fsanitize=${MOE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(moe_options INTERFACE -fsanitize=${MOE_SANITIZE})
endif()
