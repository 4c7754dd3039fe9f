// One elaboration per process: many simulations in one test run in forked children.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <string>

namespace stuckat::test {

/// Runs `body` in a child process and returns what it returned: "" for success by convention.
/// What it throws, and a crash, come back as text too.
inline std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child < 0) return "no fork";
  if (child == 0) {
    close(ends[0]);
    std::string verdict;
    try {
      verdict = body();
    } catch (const std::exception& error) {
      verdict = std::string("threw: ") + error.what();
    }
    const ssize_t written = write(ends[1], verdict.data(), verdict.size());
    _exit(written == static_cast<ssize_t>(verdict.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string verdict;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    verdict.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0 && verdict.empty()) verdict = "crashed with status " + std::to_string(status);
  return verdict;
}

}  // namespace stuckat::test
