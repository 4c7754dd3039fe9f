// Work in a process of its own: SystemC elaborates once in a process (its error E529), so a command
// that runs several simulations forks for each. Start children before threads.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace stuckat::studies {

class ChildProcess {
 public:
  /// Runs body() in a forked child. Throws std::runtime_error if there can be none.
  explicit ChildProcess(const std::function<std::string()>& body);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ChildProcess(ChildProcess&& other) noexcept;
  ~ChildProcess();

  /// Waits for what body() returned. An InputError of the child is thrown here too, anything else
  /// that ended it as std::runtime_error. Once.
  std::string result();

 private:
  pid_t child_ = -1;
  int end_ = -1;
};

}  // namespace stuckat::studies
