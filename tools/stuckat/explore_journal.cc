#include "tools/stuckat/explore_journal.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/version.h"

namespace stuckat::cli {

ExploreJournal::ExploreJournal(const std::string& path) : path_(path) {
  if (path_.empty()) return;
  std::ifstream in(path_);
  bool whole = true;
  for (std::string line; std::getline(in, line);) {
    whole = !in.eof();  // else it was cut off before its end
    const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
    if (whole && json.is_object() && json.contains("question") && json.contains("answer")) {
      answers_[json["question"].get<std::string>()] = json["answer"].dump();
    }
  }
  in.close();
  out_.open(path_, std::ios::app);
  if (!whole) out_ << '\n';
  if (!out_.flush()) throw InputError(path_, "cannot be written", "a folder for the result");
}

nlohmann::ordered_json ExploreJournal::find(const std::string& question,
                                            const std::function<nlohmann::ordered_json()>& answer) {
  if (path_.empty()) return answer();
  const std::string hash = Hasher().add(std::string_view(tool_version)).add(question).hex();
  if (const auto known = answers_.find(hash); known != answers_.end()) {
    ++found_;
    return nlohmann::ordered_json::parse(known->second);
  }
  auto value = answer();
  answers_[hash] = value.dump();
  const nlohmann::ordered_json line = {{"question", hash}, {"answer", value}};
  if (!(out_ << line.dump() << '\n').flush()) throw InputError(path_, "cannot be written");
  return value;
}

void ExploreJournal::remove() {
  if (path_.empty()) return;
  out_.close();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace stuckat::cli
