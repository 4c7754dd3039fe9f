#include "tools/studies/journal.h"

#include <filesystem>

#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/json_file.h"
#include "workloads/version.h"

namespace stuckat::studies {
namespace {

constexpr std::string_view title = "stuckat explore journal 1\n";

/// Of a line that is as it was written.
std::string check_of(const std::string& question, const std::string& answer) {
  return Hasher().add(question).add(answer).hex();
}

}  // namespace

Journal::Journal(const std::string& path) : path_(path) {
  if (path_.empty()) return;
  std::error_code ignored;
  if (!std::filesystem::exists(path_, ignored)) return;
  std::ifstream in(path_, std::ios::binary);
  if (!in) throw InputError(path_, "cannot be read", "a journal, or no such file");
  std::string start(title.size(), '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(in.gcount()));
  if (!title.starts_with(start)) {
    throw InputError(path_, "is no journal of an exploration", "a journal, or no such file");
  }
  if (start.size() < title.size()) return;  // a kill tore it off
  started_ = true;
  int64_t number = 1;
  for (std::string line; std::getline(in, line);) {
    ++number;
    torn_ = in.eof();
    const auto parsed = json_or_nothing(line);
    if (torn_ || !parsed) continue;
    const Json& json = *parsed;
    const auto text = [&](const char* key) {
      const bool there = json.is_object() && json.contains(key) && json[key].is_string();
      return there ? json[key].get<std::string>() : std::string();
    };
    const std::string question = text("question");
    const std::string answer =
        json.is_object() && json.contains("answer") ? json["answer"].dump() : "";
    if (question.empty() || text("check") != check_of(question, answer)) {
      throw InputError(path_, "line " + std::to_string(number) + " is damaged",
                       "a whole journal (or remove it to start again)");
    }
    answers_[question] = {answer, true};
  }
}

std::string Journal::find(const std::string& question, const std::function<std::string()>& answer) {
  if (path_.empty()) return answer();
  const std::string hash = Hasher().add(std::string_view(tool_version)).add(question).hex();
  if (const auto known = answers_.find(hash); known != answers_.end()) {
    if (known->second.of_earlier_run) ++found_;
    return known->second.text;
  }
  const std::string& text = (answers_[hash] = {answer()}).text;
  const Json line = {
      {"question", hash}, {"answer", parse_json(text, path_)}, {"check", check_of(hash, text)}};
  append(line.dump() + "\n");
  return text;
}

void Journal::append(const std::string& line) {
  if (!out_.is_open()) {
    out_.open(path_, started_ ? std::ios::app : std::ios::trunc);
    if (!started_) out_ << title;
    if (torn_) out_ << '\n';
  }
  if (!(out_ << line).flush()) throw InputError(path_, "cannot be written", "room on the disk");
}

void Journal::remove() {
  if (!started_ && !out_.is_open()) return;
  out_.close();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace stuckat::studies
