// Lines of a CSV text, and fields of a line: what fault lists and bitmaps share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stuckat {

/// Goes through the lines of a text. Skips empty lines and keeps what follows '#' apart. A carriage
/// return at the end of a line and spaces around fields do not count; a byte order mark neither.
class CsvLines {
 public:
  CsvLines(std::string_view text, std::string where);

  /// The next line with fields, split at commas (or semicolons, or tabs, whichever the first such
  /// line has). False at the end. A field may stand in double quotes.
  bool next(std::vector<std::string>& fields);
  /// "WHERE:LINE" of the last line.
  std::string here() const { return where_ + ":" + std::to_string(line_); }
  /// Comments so far, without '#' and spaces around.
  const std::vector<std::string>& comments() const { return comments_; }

 private:
  void split(std::string_view line, std::vector<std::string>& fields) const;

  std::string_view rest_;
  std::string where_;
  int line_ = 0;
  char separator_ = 0;
  std::vector<std::string> comments_;
};

}  // namespace stuckat
