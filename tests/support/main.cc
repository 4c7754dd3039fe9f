#include "tests/support/runner.h"

int main(int argc, char* argv[]) { return stuckat::test::run_tests(argc, argv); }
