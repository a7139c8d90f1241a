# What we stand on: LLVM/MLIR 22 as Debian ships it, fmt, CLI11, OpenMP. tools/setup installs all of it.
find_program(MOE_LLVM_CONFIG NAMES llvm-config-22 REQUIRED)
execute_process(COMMAND ${MOE_LLVM_CONFIG} --prefix OUTPUT_VARIABLE MOE_LLVM_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE)
list(APPEND CMAKE_PREFIX_PATH ${MOE_LLVM_PREFIX})
set(LLVM_EXTERNAL_LIT ${MOE_LLVM_PREFIX}/bin/lit)
find_package(MLIR 22.1 REQUIRED CONFIG)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
find_package(fmt REQUIRED CONFIG)
find_package(CLI11 REQUIRED CONFIG)
find_package(OpenMP REQUIRED COMPONENTS CXX)

# libMLIR.so and libLLVM.so only: never mixed with the static archives.
add_library(moe_mlir INTERFACE)
target_include_directories(moe_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
target_link_libraries(moe_mlir INTERFACE MLIR LLVM)
