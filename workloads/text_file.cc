#include "workloads/text_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "workloads/errors.h"

namespace stuckat {

bool is_special_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_other(std::filesystem::status(path, ignored));
}

void write_text_file(const std::string& path, const std::function<void(std::ostream&)>& content) {
  const bool special = is_special_file(path);
  const std::string temporary = special ? path : path + ".partial-" + std::to_string(getpid());
  std::error_code error;
  const auto discard = [&] {
    std::error_code ignored;
    if (!special) std::filesystem::remove(temporary, ignored);
  };
  std::ofstream out(temporary, std::ios::binary);
  try {
    content(out);
  } catch (...) {
    discard();
    throw;
  }
  out.close();
  if (!out) {
    discard();
    throw InputError(path, "cannot be written", "a writable folder with space left");
  }
  if (!special) std::filesystem::rename(temporary, path, error);
  if (!error) return;
  discard();
  throw InputError(path, "cannot be replaced: " + error.message());
}

}  // namespace stuckat
