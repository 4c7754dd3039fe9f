# Toolchain: 64-bit ARM with Debian's cross compiler; programs run in qemu. AARCH64_LIBRARIES is the
# folder with Debian's arm64 libraries that tools/aarch64 fills.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES AARCH64_LIBRARIES)
set(CMAKE_SYSROOT ${AARCH64_LIBRARIES})
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${AARCH64_LIBRARIES})
# What this machine's h5cc says about HDF5 leaves out where it is.
set(CMAKE_EXE_LINKER_FLAGS_INIT -L${AARCH64_LIBRARIES}/usr/lib/aarch64-linux-gnu/hdf5/serial)
