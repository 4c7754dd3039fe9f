#include "tools/stuckat/program.h"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>

#include "tools/stuckat/accelerator.h"
#include "workloads/errors.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

constexpr int exit_bad_input = 2;

void print_usage(std::ostream& out) {
  out << "stuckat " << tool_version
      << ": what broken hardware does to a quantized neural network\n\n"
         "Usage: stuckat COMMAND [arguments]\n\nCommands:\n";
  for (const Command& command : command_table()) {
    out << "  " << command.name << std::string(11 - std::string(command.name).size(), ' ')
        << command.summary << "\n";
  }
  out << "\n'stuckat COMMAND --help' explains a command.\n";
}

int dispatch(const Arguments& arguments) {
  if (arguments.empty()) {
    print_usage(std::cerr);
    return exit_bad_input;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    print_usage(std::cout);
    return 0;
  }
  if (name == "--version") {
    std::cout << "stuckat " << tool_version << "\n";
    return 0;
  }
  std::vector<std::string> known;
  for (const Command& command : command_table()) {
    if (name == command.name) return command.run({arguments.begin() + 1, arguments.end()});
    known.emplace_back(command.name);
  }
  throw_unknown_name("stuckat", "command", name, known);
}

}  // namespace

int run_program(const Arguments& arguments) {
  families();  // register their kinds of sites, before anyone looks at the table
  try {
    const int code = dispatch(arguments);
    if (!std::cout.flush() || std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      throw InputError("standard output", "cannot be written", "room on the disk");
    }
    return code;
  } catch (const InputError& error) {
    std::cerr << "stuckat: " << error.what() << "\n";
    return exit_bad_input;
  } catch (const std::filesystem::filesystem_error& error) {
    const InputError told(error.path1().string(), error.code().message(), "a file name");
    std::cerr << "stuckat: " << told.what() << "\n";
    return exit_bad_input;
  } catch (const std::bad_alloc&) {
    std::cerr << "stuckat: out of memory\n";
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "stuckat: internal error: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace stuckat::cli
