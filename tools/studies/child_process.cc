#include "tools/studies/child_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "workloads/errors.h"

namespace stuckat::studies {
namespace {

// The first character of what a child sends.
constexpr char good = '+', bad_input = '!', failure = '?';

void send(int end, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t n = write(end, text.data() + sent, text.size() - sent);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
}

std::string outcome_of(const std::function<std::string()>& body) {
  try {
    return good + body();
  } catch (const InputError& error) {
    return bad_input + std::string(error.what());
  } catch (const std::exception& error) {
    return failure + std::string(error.what());
  }
}

}  // namespace

ChildProcess::ChildProcess(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe for a simulation");
  child_ = fork();
  if (child_ < 0) {
    close(ends[0]);
    close(ends[1]);
    throw std::runtime_error("no process for a simulation");
  }
  if (child_ == 0) {
    close(ends[0]);
    send(ends[1], outcome_of(body));
    _exit(0);
  }
  close(ends[1]);
  end_ = ends[0];
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : child_(std::exchange(other.child_, -1)), end_(std::exchange(other.end_, -1)) {}

ChildProcess::~ChildProcess() {
  if (child_ < 0) return;
  close(end_);
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

std::string ChildProcess::result() {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(end_, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(n));
  }
  close(end_);
  int status = 0;
  waitpid(std::exchange(child_, -1), &status, 0);
  if (text.empty() || status != 0) {
    throw std::runtime_error("a simulation ended with status " + std::to_string(status));
  }
  const std::string rest = text.substr(1);
  const size_t colon = rest.find(": ");
  if (text[0] == bad_input && colon != std::string::npos) {
    throw InputError(rest.substr(0, colon), rest.substr(colon + 2));
  }
  if (text[0] != good) throw std::runtime_error(rest);
  return rest;
}

}  // namespace stuckat::studies
