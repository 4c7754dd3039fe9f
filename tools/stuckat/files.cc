#include "tools/stuckat/files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/text_file.h"

namespace stuckat::cli {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, FileRole>& roles() {
  using enum FileRole;
  static const std::map<std::string, FileRole> table = {
      {"accelerator", read},
      {"accelerator-out", written},
      {"against", read},
      {"against-accelerator", read},
      {"against-fault-map", read},
      {"base", read},
      {"campaign", read},
      {"checkpoint", written},
      {"classes", read},
      {"config", read},
      {"csv", written},
      {"data", read},
      {"designs", folder_written},
      {"differences", written},
      {"docs", folder_written},
      {"evidence", read},
      {"exploration", read},
      {"fault-map", read},
      {"faults", read},
      {"file", read},
      {"finn", folder_written},
      {"fleet", read},
      {"from", read},
      {"in", read},
      {"json", written},
      {"keep-images", written},
      {"lot", read},
      {"map", read},
      {"memory", read},
      {"maps", read},
      {"model", read},
      {"name", read},
      {"out", written},
      {"networks", folder_written},
      {"output", written},
      {"resilience", read},
      {"protection", read},
      {"rates", read},
      {"result", read},
      {"results", read},
      {"shards", read},
      {"sharpness", read},
      {"sim", read},
      {"source", read},
      {"svg", written},
      {"test-data", read},
      {"trace", written},
      {"zeros", read},
  };
  return table;
}

/// Of files that are not there: whether they would be the same.
bool same(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error) && !error) return true;
  if (fs::exists(a, error) && fs::exists(b, error)) return false;
  const auto place = [&](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(path, error), error);
  };
  return place(a) == place(b);
}

[[noreturn]] void refuse(const NamedFile& output, const NamedFile& other, const char* relation) {
  throw InputError(output.option, output.path + relation + other.option, "another file");
}

}  // namespace

FileRole file_role(const std::string& name) {
  const auto role = roles().find(name);
  return role == roles().end() ? FileRole::none : role->second;
}

std::string kind_of_file(const std::string& path) {
  std::string start(512, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(file.gcount()));
  if (start.empty()) return "nothing";
  if (start.starts_with("\x89HDF\r\n")) {
    const std::string schema = Hdf5File::schema_of(path);
    return schema.empty() ? "HDF5" : schema;
  }
  if (start.starts_with("\x08\x08\x12\x07stuckat")) return "ONNX";
  if (start.find('\0') != std::string::npos) return "something else";
  const size_t first = start.find_first_not_of(" \t\r\n");
  const char c = first == std::string::npos ? ' ' : start[first];
  return c == '{' || c == '[' ? "JSON" : c == '<' ? "markup" : "text";
}

std::string kind_of_output(const std::string& command, const NamedFile& output) {
  const auto ends = [&](std::initializer_list<const char*> suffixes) {
    return std::any_of(suffixes.begin(), suffixes.end(),
                       [&](const char* s) { return output.path.ends_with(s); });
  };
  static const std::map<std::string, std::string> by_option = {
      {"--json", "JSON"},        {"--trace", "JSON"}, {"--csv", "text"},
      {"--differences", "text"}, {"--svg", "markup"}, {"--checkpoint", "stuckat-checkpoint"},
  };
  static const std::map<std::string, std::string> by_command = {
      {"train", "stuckat-model"},
      {"import", "stuckat-model"},
      {"export", "ONNX"},
      {"campaign", "stuckat.campaign"},
      {"explore", "stuckat.exploration"},
      {"faults", "stuckat.fault-map"},
      {"campaign list", "stuckat.fault-list"},
      {"fleet resilience", "stuckat-resilience"},
      {"fleet merge", "stuckat-resilience"},
      {"fleet submit-resilience", "stuckat-resilience"},
      {"fleet train", "stuckat-fleet"},
      {"fleet submit", "stuckat-fleet"},
      {"whatif", "markup"},
      {"report", "markup"},
      {"fmea", "markup"},
      {"faults pessimism-page", "text"},
  };
  if (const auto found = by_option.find(output.option); found != by_option.end()) {
    return found->second;
  }
  const bool main_output = output.option == "--output" || output.option == "out";
  if (!main_output) return "";
  const auto exact = by_command.find(command);
  const auto found =
      exact != by_command.end() ? exact : by_command.find(command.substr(0, command.find(' ')));
  if (found == by_command.end()) return "";
  const bool any_form =
      found->second == "stuckat.fault-map" || found->second == "stuckat.fault-list";
  if (any_form && !ends({".h5", ".hdf5"})) return ends({".json"}) ? "JSON" : "text";
  return found->second;
}

void refuse_foreign_file(const std::string& command, const NamedFile& output) {
  std::error_code ignored;
  if (!fs::is_regular_file(output.path, ignored)) return;
  const std::string wanted = kind_of_output(command, output);
  const std::string found = kind_of_file(output.path);
  if (wanted.empty() || found == wanted || found == "nothing") return;
  throw InputError(output.option, output.path + " is there and holds " + found,
                   wanted + " to be replaced, another name, or --force");
}

std::vector<std::string> files_in(const std::string& value) {
  constexpr const char* before = ":=,";
  std::vector<std::string> files;
  for (size_t first = 0;; ++first) {
    for (size_t end = first; end < value.size();) {
      end = std::min(value.find(',', end + 1), value.size());
      std::string path = value.substr(first, end - first);
      std::error_code ignored;
      if (fs::exists(path, ignored)) files.push_back(std::move(path));
    }
    first = value.find_first_of(before, first);
    if (first == std::string::npos) return files;
  }
}

void refuse_same_files(const std::vector<NamedFile>& read, const std::vector<NamedFile>& written) {
  for (size_t i = 0; i < written.size(); ++i) {
    const NamedFile& output = written[i];
    if (is_special_file(output.path)) continue;
    for (const NamedFile& input : read) {
      if (same(output.path, input.path)) refuse(output, input, " is the same file as ");
    }
    for (size_t j = 0; j < written.size(); ++j) {
      if (j < i && same(output.path, written[j].path)) {
        refuse(output, written[j], " is the same file as ");
      }
      const bool folder = file_role(written[j].option.substr(2)) == FileRole::folder_written;
      std::string parent = fs::path(output.path).parent_path();
      if (j != i && folder && same(parent.empty() ? "." : parent, written[j].path)) {
        refuse(output, written[j], " lies in the folder of ");
      }
    }
  }
}

}  // namespace stuckat::cli
