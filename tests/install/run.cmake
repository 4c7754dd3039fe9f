# Installs BUILD to a prefix of its own, and configures, builds and runs EXAMPLE against it. With
# HEADERS ON, every installed header is compiled alone, against what is installed and nothing else.
set(work ${BUILD}/tests/install/work)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result WORKING_DIRECTORY ${work})
  if(result)
    message(FATAL_ERROR "failed (${result}): ${ARGN}")
  endif()
endfunction()

function(configure_and_build project)
  run(${CMAKE_COMMAND} -S ${project} -B ${work}/build -G Ninja -D CMAKE_PREFIX_PATH=${work}/prefix
    -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${FLAGS})
  run(${CMAKE_COMMAND} --build ${work}/build -- --quiet)
endfunction()

file(MAKE_DIRECTORY ${work})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix --strip)

set(include ${work}/prefix/include/stuckat)
file(GLOB_RECURSE headers RELATIVE ${include} ${include}/*.h)
list(LENGTH headers count)
message("${count} headers are installed")
if(NOT EXISTS ${include}/workloads/network.h OR count LESS 50)
  message(FATAL_ERROR "public headers are missing")
endif()
foreach(internal sim/fast/kernels.h faultmaps/csv_lines.h models/dataflow/padding_module.h)
  if(EXISTS ${include}/${internal})
    message(FATAL_ERROR "${internal} is not public, and is installed")
  endif()
endforeach()

configure_and_build(${EXAMPLE})
run(${work}/build/mvtu_bench)
run(${work}/build/host)
run(${work}/build/broken)
run(${work}/build/broken dataflow:auto "layer1/mvtu/pe[0]/accumulator[2]=1")
if(NOT EXISTS ${work}/pins.vcd)
  message(FATAL_ERROR "the test bench wrote no pins.vcd")
endif()

if(HEADERS)
  file(REMOVE_RECURSE ${work}/build)
  string(CONCAT project "cmake_minimum_required(VERSION 3.25)\nproject(headers LANGUAGES C CXX)\n"
    "find_package(stuckat REQUIRED)\nadd_library(headers OBJECT\n")
  foreach(header ${headers})
    string(MAKE_C_IDENTIFIER ${header} name)
    file(WRITE ${work}/headers/${name}.cc "#include \"${header}\"\n#include \"${header}\"\n")
    string(APPEND project "  ${name}.cc\n")
  endforeach()
  string(APPEND project ")\ntarget_link_libraries(headers PRIVATE stuckat::cosim stuckat::campaign "
    "stuckat::explore stuckat::trainer)\n")
  file(WRITE ${work}/headers/CMakeLists.txt ${project})
  configure_and_build(${work}/headers)
endif()
file(REMOVE_RECURSE ${work})
