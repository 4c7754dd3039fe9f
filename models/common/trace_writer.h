// A run as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing: Trace Event Format, JSON
// object form. A cycle is a microsecond.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

namespace stuckat {

class TraceWriter {
 public:
  /// Rows of slices stand below one of these titles; counters below the last.
  enum Process { parts = 1, layers = 2, fifos = 3 };

  explicit TraceWriter(std::ostream& out);

  void name_process(Process process, const std::string& name);
  /// Rows are sorted by their number.
  void name_row(Process process, size_t row, const std::string& name);
  /// Cycles [begin, end); nothing if there are none.
  void slice(Process process, size_t row, const std::string& name, int64_t begin, int64_t end);
  /// Words in a FIFO, from `cycle` on.
  void count(const std::string& name, int64_t cycle, int64_t words);
  void finish();

 private:
  void event(const std::string& fields);

  std::ostream& out_;
  bool first_ = true;
};

}  // namespace stuckat
