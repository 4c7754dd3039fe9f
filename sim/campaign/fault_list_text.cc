#include <fstream>
#include <sstream>

#include "sim/campaign/fault_source.h"
#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string line;
  for (const std::string& name : names) line += (line.empty() ? "" : " ") + name;
  return line;
}

}  // namespace

std::string fault_list_text(const FaultSet& faults) {
  std::string text = "# " + faults.spec() + ": " + std::to_string(faults.size()) + " faults";
  if (const int64_t images = faults.source()->run_images(); images > 0) {
    text += " in a run of " + std::to_string(images) + " images";
  }
  text += "\n";
  for (int64_t i = 0; i < faults.size(); ++i) {
    const std::string line = joined(faults.parts(i));
    text += (line.empty() ? "# nothing is broken in " + faults.info(i).id : line) + "\n";
  }
  return text;
}

bool is_text_list(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string start(4, ' ');
  return file.is_open() && (!file.read(start.data(), 4) || start != "\x89HDF");
}

FaultSet read_text_list(const std::string& path, const Network& network,
                        const Placement* placement) {
  const std::vector<uint8_t> bytes = read_whole_file(path);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> ids;
  std::vector<std::vector<std::string>> parts;
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::vector<std::string> names;
    for (std::string name; words >> name;) names.push_back(name);
    if (names.empty()) continue;
    ids.push_back(joined(names));
    for (const char c : ids.back()) {
      if (c >= ' ' && c <= '~') continue;
      throw InputError(path + ":" + std::to_string(number), "bytes that are no text",
                       "a fault list: HDF5, or text with a name on each line");
    }
    parts.push_back(std::move(names));
  }
  const FaultSet set = named_faults(network, placement, ids, parts, path);
  return {"list:" + file_name(path), set.source()};
}

}  // namespace stuckat::campaign
