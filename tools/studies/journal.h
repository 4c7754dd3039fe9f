// What a long exploration has found out so far: a text file beside the result, a title and one line
// of JSON for each finding. A run that was killed finds them again; the file comes with the first
// finding and goes when the result is written.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>

#include "models/explore/explorer.h"

namespace stuckat::studies {

class Journal : public explore::Findings {
 public:
  /// Reads what is there; empty path: nothing is kept. A line that was cut off is passed over.
  /// Throws InputError if the file is no such journal or is damaged.
  explicit Journal(const std::string& path);

  /// What was found for `question` before, or `answer()`, which is then kept. Throws InputError if
  /// it cannot be written.
  std::string find(const std::string& question,
                   const std::function<std::string()>& answer) override;
  int64_t found() const { return found_; }  ///< answers that were there
  /// The result is written.
  void remove();

 private:
  void append(const std::string& line);

  std::string path_;
  bool started_ = false;  // the file has a title
  bool torn_ = false;     // and a last line that was cut off
  struct Answer {
    std::string text;
    bool of_earlier_run = false;
  };
  std::map<std::string, Answer> answers_;  // by hash of the question
  std::ofstream out_;
  int64_t found_ = 0;
};

}  // namespace stuckat::studies
