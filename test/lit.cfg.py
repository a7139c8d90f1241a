"""lit configuration of the moe test suite.

A test is a `.mlir`, `.moe` or `.test` file with RUN lines. They use the programs of the build tree (`moe-opt`,
`moe-run`), `FileCheck`, `not`, `split-file`, `llvm-objdump` … of LLVM 22, and these substitutions:

  %python       python of the build tree's virtual environment (it has numpy)
  %src_root     root of the source tree
  %build_root   root of the build tree
  %cc, %cxx     the compilers that made the build, %cmake its cmake
  %s %t %S %T   as always in lit

Features for REQUIRES: `nvrtc` (NVRTC was found), `cuda` (a GPU and its driver are there), `x86-avx2`, `x86-avx512`,
`sanitizer` (our code runs under sanitizers), `example-NAME` (the libraries that examples/NAME needs were found).
"""

import ctypes
import os
import subprocess
import sys

import lit.formats

config.name = "moe"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".moe", ".test"]
# Inputs: read by other tests. Golden: arrays. Unit: GoogleTest programs, run by ctest.
config.excludes = ["Inputs", "Golden", "Unit", "Regressions"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build_root, "test")
try:  # lit can end a test that hangs only where psutil is there (tools/setup installs it).
    import psutil  # noqa: F401

    lit_config.maxIndividualTestTime = config.test_timeout
except ImportError:
    lit_config.note("no psutil: a test that hangs is not ended")


def find_python():
    """The virtual environment that tools/setup makes in the build tree; without it, the python that runs lit."""
    venv = os.path.join(config.build_root, "venv", "bin", "python")
    return venv if os.path.exists(venv) else sys.executable


def find_nvrtc():
    """Path of libnvrtc as tools/find-nvrtc finds it, or None."""
    search = subprocess.run([sys.executable, os.path.join(config.src_root, "tools", "find-nvrtc"), config.build_root],
                            stdout=subprocess.PIPE, text=True, check=False)
    return search.stdout.strip() if search.returncode == 0 else None


def has_gpu():
    """Whether a CUDA driver is there and counts at least one device."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def cpu_flags():
    """The instruction sets that /proc/cpuinfo names for the first core."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            for line in cpuinfo:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


# Programs: ours by absolute path (so that an installed moe-opt is never tested by mistake), LLVM's through PATH.
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.build_root, "bin"), config.llvm_tools_dir, os.environ.get("PATH", "")])
config.substitutions += [
    ("%python", find_python()),
    ("%src_root", config.src_root),
    ("%build_root", config.build_root),
    ("%cxx", config.cxx_compiler),
    ("%cc", config.c_compiler),
    ("%cmake", config.cmake),
    ("%sanitize_flags", f"-fsanitize={config.sanitize}" if config.sanitize else ""),
]

nvrtc = find_nvrtc()
if nvrtc:
    config.available_features.add("nvrtc")
    config.environment["MOE_NVRTC_PATH"] = nvrtc
if has_gpu():
    config.available_features.add("cuda")
for name in config.examples:
    config.available_features.add(f"example-{name}")
flags = cpu_flags()
if {"avx2", "fma"} <= flags:
    config.available_features.add("x86-avx2")
if {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= flags:
    config.available_features.add("x86-avx512")
if config.sanitize:
    config.available_features.add("sanitizer")
    config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"

for name in ("CI", "OMP_NUM_THREADS", "ASAN_OPTIONS", "CCACHE_DIR", "CUDA_HOME", "CUDA_PATH", "HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
# What the tests write to a cache stays in the build tree.
config.environment["XDG_CACHE_HOME"] = os.path.join(config.test_exec_root, "cache")
