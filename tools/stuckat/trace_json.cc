#include "tools/stuckat/trace_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

namespace stuckat::cli {
namespace {

enum Process { parts = 1, layers = 2, fifos = 3 };

class TraceWriter {
 public:
  explicit TraceWriter(std::ostream& out) : out_(out) {
    out_ << "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"unit\":\"1 us is 1 cycle\"},\n"
            "\"traceEvents\":[\n";
  }
  void name_process(int process, const char* name) {
    event(R"({{"ph":"M","pid":{},"tid":0,"name":"process_name","args":{{"name":"{}"}}}})", process,
          name);
  }
  void name_thread(int process, size_t thread, const std::string& name) {
    event(R"({{"ph":"M","pid":{},"tid":{},"name":"thread_name","args":{{"name":{}}}}})", process,
          thread, quoted(name));
    event(
        R"({{"ph":"M","pid":{0},"tid":{1},"name":"thread_sort_index","args":{{"sort_index":{1}}}}})",
        process, thread);
  }
  /// Cycles [begin, end); nothing if there are none.
  void slice(int process, size_t thread, const std::string& name, int64_t begin, int64_t end) {
    if (end <= begin) return;
    event(R"({{"ph":"X","pid":{},"tid":{},"name":{},"ts":{},"dur":{}}})", process, thread,
          quoted(name), begin, end - begin);
  }
  void count(const std::string& name, int64_t cycle, int64_t value) {
    event(R"({{"ph":"C","pid":{},"tid":0,"name":{},"ts":{},"args":{{"words":{}}}}})",
          static_cast<int>(fifos), quoted(name), cycle, value);
  }
  void finish() { out_ << "\n]}\n"; }

 private:
  static std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }
  template <typename... Values>
  void event(fmt::format_string<Values...> format, Values&&... values) {
    if (!std::exchange(first_, false)) out_ << ",\n";
    out_ << fmt::format(format, std::forward<Values>(values)...);
  }
  std::ostream& out_;
  bool first_ = true;
};

/// The cycles of one image in the life of a stream.
struct Words {
  const int64_t* first = nullptr;
  const int64_t* last = nullptr;
};
Words words_of(const std::vector<int64_t>& cycles, int64_t per_image, int64_t image) {
  const auto size = static_cast<int64_t>(cycles.size());
  return {cycles.data() + std::min(size, image * per_image),
          cycles.data() + std::min(size, (image + 1) * per_image)};
}

/// Slices in which words move; they lie between `begin` and `end`.
void slices_of_movement(TraceWriter& out, size_t thread, const Words& in, const Words& written,
                        int64_t begin, int64_t end) {
  std::vector<int64_t> cycles;
  std::merge(in.first, in.last, written.first, written.last, std::back_inserter(cycles));
  for (size_t i = 0; i < cycles.size();) {
    size_t next = i + 1;
    while (next < cycles.size() && cycles[next] - cycles[next - 1] <= trace_resolution) ++next;
    out.slice(parts, thread, "words move", std::max(begin, cycles[i]),
              std::min(end, cycles[next - 1] + 1));
    i = next;
  }
}

/// The fullest moment of every window, where it differs from that of the window before.
void counter_of(TraceWriter& out, const std::string& name, const dataflow::StreamTrace& stream) {
  int64_t stored = 0, fullest = 0, shown = 0, window = 0;
  size_t pop = 0;
  const auto leave_window = [&] {
    if (fullest != shown) out.count(name, window * trace_resolution, shown = fullest);
  };
  const auto go_to = [&](int64_t cycle) {
    if (cycle / trace_resolution == window) return;
    leave_window();
    fullest = stored;
    ++window;
    if (cycle / trace_resolution != window) leave_window();
    window = cycle / trace_resolution;
  };
  // A word is in store from the cycle of its push to that of its pop.
  for (const int64_t push : stream.pushes) {
    for (; pop < stream.pops.size() && stream.pops[pop] < push; ++pop, --stored) {
      go_to(stream.pops[pop]);
    }
    go_to(push);
    fullest = std::max(fullest, ++stored);
  }
  for (; pop < stream.pops.size(); ++pop, --stored) go_to(stream.pops[pop]);
  leave_window();
  out.count(name, (window + 1) * trace_resolution, stored);
}

/// From the first word into stage `first` to the last one out of stage `last`.
struct Span {
  int64_t begin = 0;
  int64_t end = 0;
};
Span span_of(const dataflow::Chain& chain, const std::vector<dataflow::StreamTrace>& streams,
             size_t first, size_t last, int64_t image) {
  std::vector<int64_t> cycles;
  const auto add = [&](const std::vector<int64_t>& of_stream, size_t stream) {
    const Words words = words_of(of_stream, chain.streams[stream].words_per_image, image);
    if (words.first == words.last) return;
    cycles.insert(cycles.end(), {*words.first, *(words.last - 1)});
  };
  if (first > 0) add(streams[first - 1].pops, first - 1);
  if (last < streams.size()) add(streams[last].pushes, last);
  if (cycles.empty()) return {};
  const auto [low, high] = std::minmax_element(cycles.begin(), cycles.end());
  return {*low, *high + 1};
}

}  // namespace

void write_trace(std::ostream& file, const dataflow::Chain& chain,
                 const std::vector<dataflow::StreamTrace>& streams) {
  TraceWriter out(file);
  out.name_process(parts, "parts");
  out.name_process(layers, "layers");
  out.name_process(fifos, "FIFOs");
  const auto images =
      static_cast<int64_t>(streams.back().pushes.size()) / chain.streams.back().words_per_image;
  for (size_t s = 0; s < chain.stages.size(); ++s) {
    out.name_thread(parts, s, chain.stages[s].name);
    const size_t last_stream = streams.size() - 1;
    int64_t free =
        0;  // a pipeline takes an image before the last one has left: slices do not overlap
    for (int64_t image = 0; image < images; ++image) {
      Span span = span_of(chain, streams, s, s, image);
      span.begin = std::max(span.begin, free);
      free = span.end;
      out.slice(parts, s, "image " + std::to_string(image), span.begin, span.end);
      Words in, written;
      if (s > 0) in = words_of(streams[s - 1].pops, chain.streams[s - 1].words_per_image, image);
      if (s <= last_stream) {
        written = words_of(streams[s].pushes, chain.streams[s].words_per_image, image);
      }
      slices_of_movement(out, s, in, written, span.begin, span.end);
    }
  }
  for (size_t s = 0; s < chain.stages.size();) {
    const int layer = chain.stages[s].layer;
    size_t last = s;
    while (last + 1 < chain.stages.size() && chain.stages[last + 1].layer == layer) ++last;
    const std::string& part = chain.stages[s].name;
    out.name_thread(layers, s, part.substr(0, part.find('/')));
    int64_t free = 0;
    for (int64_t image = 0; image < images; ++image) {
      const Span span = span_of(chain, streams, s, last, image);
      out.slice(layers, s, "image " + std::to_string(image), std::max(span.begin, free), span.end);
      free = span.end;
    }
    s = last + 1;
  }
  for (size_t i = 0; i < streams.size(); ++i) counter_of(out, chain.streams[i].name, streams[i]);
  out.finish();
}

void write_trace(std::ostream& file, const loopback::LoopbackResult& result) {
  TraceWriter out(file);
  out.name_process(parts, "parts");
  out.name_process(layers, "layers");
  out.name_thread(parts, 0, "array");
  out.name_thread(parts, 1, "memory");
  out.name_thread(layers, 0, "images");
  out.name_thread(layers, 1, "layers");
  int64_t now = 0;
  const auto step = [&](const char* name, int64_t cycles) {
    out.slice(parts, 0, name, now, now + cycles);
    now += cycles;
  };
  for (size_t i = 0; i < result.images.size(); ++i) {
    const loopback::ImageCycles& image = result.images[i];
    out.slice(layers, 0, "image " + std::to_string(i), now, now + image.total());
    step("load", image.load);
    for (size_t l = 0; l < image.layers.size(); ++l) {
      const loopback::LayerCycles& cycles = image.layers[l];
      out.slice(layers, 1, result.layers[l].name, now, now + cycles.total());
      step("control", cycles.control);
      step("waits for weights", cycles.waiting);
      step("steps", cycles.steps);
      step("pipeline", cycles.pipeline);
    }
    step("store", image.store);
  }
  for (const loopback::LoopbackTransfer& transfer : result.transfers) {
    out.slice(parts, 1, transfer.name, transfer.begin, transfer.end);
  }
  out.finish();
}

}  // namespace stuckat::cli
