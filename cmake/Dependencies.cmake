# Every package from outside, as one imported target each.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt REQUIRED)

# Debian's HDF5 is found as variables; the library targets differ between CMake versions.
if(NOT TARGET stuckat_hdf5)
  add_library(stuckat_hdf5 INTERFACE)
  target_include_directories(stuckat_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
  target_link_libraries(stuckat_hdf5 INTERFACE ${HDF5_C_LIBRARIES})
endif()

# Highway has no CMake config in Debian 12.
find_library(HWY_LIBRARY hwy REQUIRED)
find_path(HWY_INCLUDE_DIR hwy/highway.h REQUIRED)
add_library(stuckat_highway INTERFACE)
target_include_directories(stuckat_highway SYSTEM INTERFACE ${HWY_INCLUDE_DIR})
target_link_libraries(stuckat_highway INTERFACE ${HWY_LIBRARY})

# SystemC has no CMake config in Debian 12. The packaged library was built as C++17 and checks
# that at link time: SC_CPLUSPLUS keeps the C++20 program on the same symbol.
find_library(SYSTEMC_LIBRARY systemc REQUIRED)
find_path(SYSTEMC_INCLUDE_DIR systemc REQUIRED)
add_library(stuckat_systemc INTERFACE)
target_include_directories(stuckat_systemc SYSTEM INTERFACE ${SYSTEMC_INCLUDE_DIR})
target_compile_definitions(stuckat_systemc INTERFACE SC_CPLUSPLUS=201703L)
target_link_libraries(stuckat_systemc INTERFACE ${SYSTEMC_LIBRARY} Threads::Threads)

# matio has no CMake config in Debian 12.
find_library(MATIO_LIBRARY matio REQUIRED)
find_path(MATIO_INCLUDE_DIR matio.h REQUIRED)
add_library(stuckat_matio INTERFACE)
target_include_directories(stuckat_matio SYSTEM INTERFACE ${MATIO_INCLUDE_DIR})
target_link_libraries(stuckat_matio INTERFACE ${MATIO_LIBRARY})
