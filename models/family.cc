#include "models/family.h"

#include "workloads/errors.h"

namespace stuckat {

const Family& Families::of(const std::string& name, const std::string& where) const {
  const std::string prefix = name.substr(0, name.find(':'));
  std::vector<std::string> known;
  for (const Family& row : rows_) {
    if (row.prefix == prefix && name.size() > prefix.size()) return row;
    known.push_back(row.prefix);
  }
  throw_unknown_name(where, "accelerator", prefix, known);
}

std::string Families::help() const {
  std::string help = "Accelerators:\n";
  for (const Family& row : rows_) {
    for (const auto& [form, what] : row.forms) {
      std::string line = "  " + row.prefix + ":" + form;
      constexpr size_t column = 25;
      if (!what.empty()) line += std::string(line.size() < column ? column - line.size() : 1, ' ');
      help += line + what + "\n";
    }
  }
  return help;
}

}  // namespace stuckat
