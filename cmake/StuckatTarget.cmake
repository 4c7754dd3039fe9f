include(GNUInstallDirs)
option(STUCKAT_WARNINGS_AS_ERRORS "For us: the presets have it, users of a newer compiler do not" OFF)
# False alarms of g++ 12 on std::string operator+ (GCC bug 105651; also -Warray-bounds at -O1, see the preset).
set(STUCKAT_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  list(APPEND STUCKAT_WARNINGS -Wno-restrict -Wno-stringop-overflow)
endif()
if(STUCKAT_WARNINGS_AS_ERRORS)
  list(APPEND STUCKAT_WARNINGS -Werror)
endif()

# Flags for tests and tools on top of the build's own: the dev preset compiles them without
# optimisation and UndefinedBehaviourSanitizer (the libraries have both), which halves its time.
set(STUCKAT_TEST_FLAGS "" CACHE STRING "Further compiler flags for tests and tools")

option(STUCKAT_UNITY "Compile several source files of a target as one: headers, half of the work, are read once" ON)

# stuckat_unity(TARGET [ALONE files]): with STUCKAT_UNITY the target's sources are compiled in even
# batches. ALONE: files that a batch does not get, for their own flags or for what they include.
function(stuckat_unity target)
  cmake_parse_arguments(arg "" "" "ALONE" ${ARGN})
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources files)
  list(LENGTH arg_ALONE alone)
  math(EXPR together "${files} - ${alone}")
  if(STUCKAT_UNITY AND together GREATER 1)
    math(EXPR batches "(${together} + 11) / 12")
    math(EXPR size "(${together} + ${batches} - 1) / ${batches}")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${size})
    set_source_files_properties(${arg_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      # A source file that another one includes looks like a header, where this is a mistake.
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
endfunction()

# stuckat_library(NAME PUBLIC_HEADERS ... SOURCES ... ALONE ... LINKS ... PRIVATE_LINKS ...): a static
# library stuckat_NAME with the alias stuckat::NAME, our include root and our warnings.
# PUBLIC_HEADERS: what others may include and what is installed; tests/house sees to it. ALONE: see
# stuckat_unity.
function(stuckat_library name)
  cmake_parse_arguments(arg "" "" "PUBLIC_HEADERS;SOURCES;ALONE;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(stuckat_${name} STATIC ${arg_SOURCES})
  add_library(stuckat::${name} ALIAS stuckat_${name})
  set_property(GLOBAL APPEND PROPERTY STUCKAT_LIBRARIES stuckat_${name})
  set_target_properties(stuckat_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(stuckat_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/stuckat>)
  target_sources(stuckat_${name} PUBLIC
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${arg_PUBLIC_HEADERS})
  target_compile_features(stuckat_${name} PUBLIC cxx_std_20)
  target_compile_options(stuckat_${name} PRIVATE ${STUCKAT_WARNINGS})
  target_link_libraries(stuckat_${name} PUBLIC ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS})
  stuckat_unity(stuckat_${name} ALONE ${arg_ALONE})
endfunction()

# stuckat_test(NAME SOURCES ... LINKS ...): a Catch2 program; ctest runs each test case in a
# process of its own (SystemC allows one elaboration per process). LABEL: for `ctest -L`; those of
# `full-size` and `optimised` are not in the target unit-tests. NO_LEAK_CHECK: LeakSanitizer reads
# every page, and the stacks of SystemC's threads have one that nobody may read.
function(stuckat_test name)
  cmake_parse_arguments(arg "SYSTEMC;NO_LEAK_CHECK" "LABEL" "SOURCES;LINKS" ${ARGN})
  set(label)
  if(arg_LABEL)
    set(label LABELS ${arg_LABEL})
  endif()
  set(lsan "suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp")
  if(arg_NO_LEAK_CHECK)
    set(lsan "detect_leaks=0")
  endif()
  add_executable(test_${name} ${arg_SOURCES})
  if(NOT arg_LABEL MATCHES "full-size|optimised")
    add_dependencies(unit-tests test_${name})
  endif()
  target_compile_options(test_${name} PRIVATE ${STUCKAT_WARNINGS} ${STUCKAT_TEST_FLAGS})
  target_precompile_headers(test_${name} REUSE_FROM stuckat_test_headers)
  target_link_libraries(test_${name} PRIVATE ${arg_LINKS}
    $<IF:$<BOOL:${arg_SYSTEMC}>,stuckat_catch_main_systemc,stuckat_catch_main>)
  stuckat_unity(test_${name})
  catch_discover_tests(test_${name} TEST_PREFIX "${name}: "
    PROPERTIES SKIP_RETURN_CODE 77 ${label}
      ENVIRONMENT "LSAN_OPTIONS=${lsan}")
endfunction()
