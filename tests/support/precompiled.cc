// The headers that tests share are compiled with this file, which holds nothing (tests/CMakeLists.txt).
