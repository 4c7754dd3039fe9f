#include "tools/stuckat/program.h"

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>
#include <stdexcept>

#include "tools/stuckat/accelerator.h"
#include "workloads/environment_error.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

constexpr int exit_failure = 1;
constexpr int exit_bad_input = 2;
constexpr int exit_environment = 3;

/// For bash; zsh takes it after `bashcompinit`. What is offered comes from the command itself.
constexpr const char* completion_script = R"sh(_stuckat() {
  local words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
  COMPREPLY=($(compgen -W "$(stuckat completion offer "${words[@]}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _stuckat stuckat
)sh";

void print_usage(std::ostream& out) {
  out << "stuckat " << tool_version
      << ": what broken hardware does to a quantized neural network\n\n"
         "Usage: stuckat COMMAND [arguments]\n\nCommands:\n";
  for (const Command& command : command_table()) {
    out << "  " << command.name << std::string(11 - std::string(command.name).size(), ' ')
        << command.summary << "\n";
  }
  out << "\n'stuckat COMMAND --help', or 'stuckat help COMMAND', explains a command; 'stuckat help "
         "--man COMMAND' as a page\nfor man, and 'source <(stuckat completion)' completes commands "
         "and "
         "options in bash.\n"
         "\nExit codes: 0 done; 1 results that differ from the reference; 2 bad input; 3 a full "
         "disk, no "
         "cluster,\nno memory; 130 interrupted, 143 terminated (128 and the signal).\n";
}

int run_command(const Arguments& arguments);

/// What may follow these words: commands, or subcommands and options of one.
int offer(const Arguments& words) {
  if (words.empty()) {
    for (const Command& command : command_table()) std::cout << command.name << "\n";
    for (const char* name : {"help", "completion"}) std::cout << name << "\n";
    return 0;
  }
  Arguments arguments = words;
  arguments.push_back("--list-options");
  return run_command(arguments);
}

int run_command(const Arguments& arguments) {
  const std::string& name = arguments.front();
  std::vector<std::string> known;
  for (const Command& command : command_table()) {
    if (name == command.name) return command.run({arguments.begin() + 1, arguments.end()});
    known.emplace_back(command.name);
  }
  throw_unknown_name("stuckat", "command", name, known);
}

int dispatch(const Arguments& arguments) {
  if (arguments.empty()) {
    print_usage(std::cerr);
    return exit_bad_input;
  }
  const std::string& name = arguments.front();
  if (name == "--version") {
    std::cout << "stuckat " << tool_version << "\n";
    return 0;
  }
  if (name == "completion") {
    if (arguments.size() > 1 && arguments[1] == "offer") {
      return offer({arguments.begin() + 2, arguments.end()});
    }
    std::cout << completion_script;
    return 0;
  }
  if (name != "--help" && name != "-h" && name != "help") return run_command(arguments);
  const bool man = arguments.size() > 2 && arguments[1] == "--man";
  Arguments asked(arguments.begin() + (man ? 2 : 1), arguments.end());
  if (asked.empty()) {
    print_usage(std::cout);
    return 0;
  }
  asked.push_back(man ? "--man" : "--help");
  return run_command(asked);
}

int tell(const std::exception& error, int code) {
  std::cerr << "stuckat: " << error.what() << "\n";
  return code;
}

}  // namespace

int run_program(const Arguments& arguments) {
  families();  // register their kinds of sites, before anyone looks at the table
  try {
    const int code = dispatch(arguments);
    if (!std::cout.flush() || std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      throw EnvironmentError("standard output", "cannot be written", "room on the disk");
    }
    return code;
  } catch (const EnvironmentError& error) {
    return tell(error, exit_environment);
  } catch (const InputError& error) {
    return tell(error, exit_bad_input);
  } catch (const std::filesystem::filesystem_error& error) {
    return tell(InputError(error.path1().string(), error.code().message(), "a file name"),
                exit_bad_input);
  } catch (const std::bad_alloc&) {
    return tell(std::runtime_error("out of memory"), exit_environment);
  } catch (const std::exception& error) {
    return tell(std::runtime_error(std::string("internal error: ") + error.what()), exit_failure);
  }
}

}  // namespace stuckat::cli
