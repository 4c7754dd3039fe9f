#include "faultmaps/csv_lines.h"

#include <algorithm>

#include "workloads/errors.h"

namespace stuckat {
namespace {

std::string_view trimmed(std::string_view text) {
  const char* blank = " \t\r";
  const size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace

CsvLines::CsvLines(std::string_view text, std::string where)
    : rest_(text), where_(std::move(where)) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
}

bool CsvLines::next(std::vector<std::string>& fields) {
  while (!rest_.empty()) {
    ++line_;
    const size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line.find('\0') != std::string_view::npos) {
      throw InputError(here(), "a zero byte", "text");
    }
    const std::string_view content = trimmed(line);
    if (content.empty()) continue;
    if (content[0] == '#') {
      comments_.emplace_back(trimmed(content.substr(1)));
      continue;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (separator_ == 0) {
      const size_t found = line.find_first_of(",;\t");
      separator_ = found == std::string_view::npos ? ',' : line[found];
    }
    split(line, fields);
    return true;
  }
  return false;
}

void CsvLines::split(std::string_view line, std::vector<std::string>& fields) const {
  fields.clear();
  while (true) {
    size_t start = line.find_first_not_of(separator_ == '\t' ? " " : " \t");
    if (start == std::string_view::npos) start = line.size();
    if (start < line.size() && line[start] == '"') {
      const size_t close = line.find('"', start + 1);
      if (close == std::string_view::npos)
        throw InputError(here(), "an open quote", "a closed one");
      fields.emplace_back(trimmed(line.substr(start + 1, close - start - 1)));
      line.remove_prefix(close + 1);
      const size_t comma = line.find(separator_);
      if (!trimmed(line.substr(0, comma)).empty()) {
        throw InputError(here(), "text after a closed quote", "a separator");
      }
      if (comma == std::string_view::npos) return;
      line.remove_prefix(comma + 1);
      continue;
    }
    const size_t comma = line.find(separator_);
    fields.emplace_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace stuckat
