# Installs BUILD to a prefix of its own, and configures, builds and runs EXAMPLE against it.
set(work ${BUILD}/tests/install/work)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result WORKING_DIRECTORY ${work})
  if(result)
    message(FATAL_ERROR "failed (${result}): ${ARGN}")
  endif()
endfunction()

file(MAKE_DIRECTORY ${work})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix --strip)
run(${CMAKE_COMMAND} -S ${EXAMPLE} -B ${work}/build -G Ninja -D CMAKE_PREFIX_PATH=${work}/prefix
  -D CMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/mvtu_bench)
run(${work}/build/host)
if(NOT EXISTS ${work}/pins.vcd)
  message(FATAL_ERROR "the test bench wrote no pins.vcd")
endif()
file(REMOVE_RECURSE ${work})
