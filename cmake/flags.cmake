# The one place for compiler and linker flags. Every target links wiretax_flags.
add_library(wiretax_flags INTERFACE)
target_include_directories(wiretax_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(wiretax_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
# The build id tells two builds apart: ranks refuse to run together when theirs differ.
target_link_options(wiretax_flags INTERFACE -Wl,--build-id=sha1)
if(WIRETAX_WERROR)
  target_compile_options(wiretax_flags INTERFACE -Werror)
endif()
if(WIRETAX_SANITIZE)
  target_compile_options(wiretax_flags INTERFACE -fsanitize=${WIRETAX_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer
                         # GCC 12 sees uninitialised reads inside std::regex where sanitizers are on.
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(wiretax_flags INTERFACE -fsanitize=${WIRETAX_SANITIZE})
endif()
if(WIRETAX_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "libFuzzer comes with clang: cmake --preset fuzz")
  endif()
  target_compile_options(wiretax_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(benchmark REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(OMPI REQUIRED IMPORTED_TARGET ompi-c)
pkg_check_modules(VERBS REQUIRED IMPORTED_TARGET libibverbs librdmacm)
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)

add_library(wiretax_mpi INTERFACE)
target_link_libraries(wiretax_mpi INTERFACE PkgConfig::OMPI)
# Open MPI's headers would otherwise pull in its removed C++ bindings, which do not link.
target_compile_definitions(wiretax_mpi INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
