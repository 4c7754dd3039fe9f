#include "models/dataflow/trace_json.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "models/common/trace_writer.h"

namespace stuckat::dataflow {
namespace {

using Process = TraceWriter::Process;

/// The first words of what a stream has moved.
struct Words {
  const int64_t* first = nullptr;
  const int64_t* last = nullptr;
};
Words first_of(const std::vector<int64_t>& cycles, int64_t count) {
  return {cycles.data(), cycles.data() + std::min<int64_t>(count, std::ssize(cycles))};
}

/// Slices in which words move; they lie between `begin` and `end`.
void slices_of_movement(TraceWriter& out, size_t row, const Words& in, const Words& written,
                        int64_t begin, int64_t end) {
  std::vector<int64_t> cycles;
  std::merge(in.first, in.last, written.first, written.last, std::back_inserter(cycles));
  for (size_t i = 0; i < cycles.size();) {
    size_t next = i + 1;
    while (next < cycles.size() && cycles[next] - cycles[next - 1] <= trace_resolution) ++next;
    out.slice(Process::parts, row, "words move", std::max(begin, cycles[i]),
              std::min(end, cycles[next - 1] + 1));
    i = next;
  }
}

/// Cycles [begin, end).
struct Span {
  int64_t begin = 0;
  int64_t end = 0;
};
/// From the first word into stage `first` to the last one out of stage `last`, of the first image
/// of what the streams have moved.
Span span_of(const Chain& chain, const std::vector<StreamTrace>& streams, size_t first,
             size_t last) {
  std::vector<int64_t> cycles;
  const auto add = [&](const std::vector<int64_t>& of_stream, size_t stream) {
    const Words words = first_of(of_stream, chain.streams[stream].words_per_image);
    if (words.first == words.last) return;
    cycles.insert(cycles.end(), {*words.first, *(words.last - 1)});
  };
  for (const int in : chain.stages[first].inputs) {
    add(streams[static_cast<size_t>(in)].pops, static_cast<size_t>(in));
  }
  for (const int out : chain.stages[last].outputs) {
    add(streams[static_cast<size_t>(out)].pushes, static_cast<size_t>(out));
  }
  if (cycles.empty()) return {};
  const auto [low, high] = std::minmax_element(cycles.begin(), cycles.end());
  return {*low, *high + 1};
}

/// How full a FIFO is: the fullest moment of every window, where it differs from that of the window
/// before.
class Counter {
 public:
  Counter(TraceWriter& out, std::string name) : out_(out), name_(std::move(name)) {}

  /// More words; all pops before the last of these pushes are known. A word is in store from
  /// the cycle of its push to that of its pop.
  void add(const Words& pushes, const Words& pops) {
    pops_.insert(pops_.end(), pops.first, pops.last);
    for (const int64_t* push = pushes.first; push != pushes.last; ++push) {
      while (!pops_.empty() && pops_.front() < *push) pop();
      go_to(*push);
      fullest_ = std::max(fullest_, ++stored_);
    }
  }
  void finish() {
    while (!pops_.empty()) pop();
    leave_window();
    out_.count(name_, (window_ + 1) * trace_resolution, stored_);
  }

 private:
  void pop() {
    go_to(pops_.front());
    pops_.pop_front();
    --stored_;
  }
  void leave_window() {
    if (fullest_ != shown_) out_.count(name_, window_ * trace_resolution, shown_ = fullest_);
  }
  void go_to(int64_t cycle) {
    if (cycle / trace_resolution == window_) return;
    leave_window();
    fullest_ = stored_;
    ++window_;
    if (cycle / trace_resolution != window_) leave_window();
    window_ = cycle / trace_resolution;
  }

  TraceWriter& out_;
  std::string name_;
  std::deque<int64_t> pops_;  // after the last push
  int64_t stored_ = 0, fullest_ = 0, shown_ = 0, window_ = 0;
};

}  // namespace

struct DataflowTrace::State {
  /// A row of slices, one for each image: stages `first` to `last`.
  struct Row {
    Process process;
    size_t first, last;
    int64_t free = 0;  // a pipeline takes an image before the last one has left: no overlaps
  };
  State(std::ostream& file, const Chain& of) : out(file), chain(of) {}

  TraceWriter out;
  const Chain& chain;
  std::vector<Row> rows;
  std::vector<Counter> counters;  // [streams]
  int64_t image = 0;
};

DataflowTrace::DataflowTrace(std::ostream& file, const Chain& chain)
    : state_(std::make_unique<State>(file, chain)) {
  TraceWriter& out = state_->out;
  out.name_process(Process::parts, "parts");
  out.name_process(Process::layers, "layers");
  out.name_process(Process::fifos, "FIFOs");
  for (size_t s = 0; s < chain.stages.size(); ++s) {
    out.name_row(Process::parts, s, chain.stages[s].name);
    state_->rows.push_back({Process::parts, s, s});
  }
  for (size_t s = 0; s < chain.stages.size();) {
    size_t last = s;
    while (last + 1 < chain.stages.size() &&
           chain.stages[last + 1].layer == chain.stages[s].layer) {
      ++last;
    }
    const std::string& part = chain.stages[s].name;
    out.name_row(Process::layers, s, part.substr(0, part.find('/')));
    state_->rows.push_back({Process::layers, s, last});
    s = last + 1;
  }
  for (const auto& stream : chain.streams) state_->counters.emplace_back(out, stream.name);
}

DataflowTrace::~DataflowTrace() = default;

void DataflowTrace::write_image(const std::vector<StreamTrace>& streams) {
  const Chain& chain = state_->chain;
  const std::string name = "image " + std::to_string(state_->image++);
  for (State::Row& row : state_->rows) {
    Span span = span_of(chain, streams, row.first, row.last);
    span.begin = std::max(span.begin, row.free);
    row.free = span.end;
    state_->out.slice(row.process, row.first, name, span.begin, span.end);
    if (row.process != Process::parts) continue;
    Words in, written;
    const auto& inputs = chain.stages[row.first].inputs;
    const auto& outputs = chain.stages[row.first].outputs;
    if (!inputs.empty()) {
      in = first_of(streams[static_cast<size_t>(inputs.front())].pops,
                    chain.in(row.first).words_per_image);
    }
    if (!outputs.empty()) {
      written = first_of(streams[static_cast<size_t>(outputs.front())].pushes,
                         chain.out(row.first).words_per_image);
    }
    slices_of_movement(state_->out, row.first, in, written, span.begin, span.end);
  }
}

void DataflowTrace::add(std::vector<StreamTrace>& streams) {
  const auto& specs = state_->chain.streams;
  const auto complete = [&] {
    for (size_t i = 0; i < streams.size(); ++i) {
      // Words are read after their pushes, which are there, too.
      if (std::ssize(streams[i].pops) < specs[i].words_per_image) return false;
    }
    return true;
  };
  while (complete()) {
    write_image(streams);
    for (size_t i = 0; i < streams.size(); ++i) {
      auto& pushes = streams[i].pushes;
      auto& pops = streams[i].pops;
      const int64_t words = specs[i].words_per_image;
      state_->counters[i].add(first_of(pushes, words), first_of(pops, words));
      pushes.erase(pushes.begin(), pushes.begin() + words);
      pops.erase(pops.begin(), pops.begin() + words);
    }
  }
}

void DataflowTrace::finish() {
  for (Counter& counter : state_->counters) counter.finish();
  state_->out.finish();
}

}  // namespace stuckat::dataflow
