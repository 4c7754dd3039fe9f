#include "models/common/trace_writer.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

namespace stuckat {
namespace {

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string place_of(int process, size_t row) {
  return "\"pid\":" + std::to_string(process) + ",\"tid\":" + std::to_string(row);
}

}  // namespace

TraceWriter::TraceWriter(std::ostream& out) : out_(out) {
  out_ << "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"unit\":\"1 us is 1 cycle\"},\n"
          "\"traceEvents\":[\n";
}

void TraceWriter::event(const std::string& fields) {
  if (!std::exchange(first_, false)) out_ << ",\n";
  out_ << "{" << fields << "}";
}

void TraceWriter::name_process(Process process, const std::string& name) {
  event("\"ph\":\"M\"," + place_of(process, 0) + R"(,"name":"process_name","args":{"name":)" +
        quoted(name) + "}");
}

void TraceWriter::name_row(Process process, size_t row, const std::string& name) {
  const std::string place = "\"ph\":\"M\"," + place_of(process, row);
  event(place + R"(,"name":"thread_name","args":{"name":)" + quoted(name) + "}");
  event(place + R"(,"name":"thread_sort_index","args":{"sort_index":)" + std::to_string(row) + "}");
}

void TraceWriter::slice(Process process, size_t row, const std::string& name, int64_t begin,
                        int64_t end) {
  if (end <= begin) return;
  event("\"ph\":\"X\"," + place_of(process, row) + ",\"name\":" + quoted(name) +
        ",\"ts\":" + std::to_string(begin) + ",\"dur\":" + std::to_string(end - begin));
}

void TraceWriter::count(const std::string& name, int64_t cycle, int64_t words) {
  event("\"ph\":\"C\"," + place_of(fifos, 0) + ",\"name\":" + quoted(name) +
        ",\"ts\":" + std::to_string(cycle) + ",\"args\":{\"words\":" + std::to_string(words) + "}");
}

void TraceWriter::finish() { out_ << "\n]}\n"; }

}  // namespace stuckat
