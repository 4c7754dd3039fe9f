// The command as it is at a terminal.
#pragma once

#include <pty.h>
#include <unistd.h>

#include "tests/tools/command/session.h"

namespace stuckat::test {

/// As run(), with standard error on a terminal: `output` is what that shows, standard output is
/// thrown away.
inline Outcome run_at_terminal(const std::string& arguments) {
  int terminal = -1, side_of_command = -1;
  REQUIRE(openpty(&terminal, &side_of_command, nullptr, nullptr, nullptr) == 0);
  const std::string name = ttyname(side_of_command);
  const std::string line = std::string(STUCKAT_COMMAND) + " " + arguments + " >/dev/null 2>" + name;
  FILE* pipe = popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  close(side_of_command);  // the shell has one
  Outcome outcome;
  std::array<char, 4096> buffer;
  // Reading fails once no process has the other side any more.
  for (ssize_t n = 0; (n = read(terminal, buffer.data(), buffer.size())) > 0;) {
    outcome.output.append(buffer.data(), static_cast<size_t>(n));
  }
  outcome.code = WEXITSTATUS(pclose(pipe));
  close(terminal);
  return outcome;
}

}  // namespace stuckat::test
