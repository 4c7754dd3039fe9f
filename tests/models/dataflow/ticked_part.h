// Ticked twins of the parts of a dataflow accelerator: clocked models that decide in every cycle
// what moves, from tvalid and tready as they are at its beginning. Slow and plain: the loops are
// written out as docs/hardware.md has them, step by step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "models/dataflow/chain.h"

namespace stuckat::test {

using namespace dataflow;

/// A FIFO with registers; `words` is what lies in it at the beginning of the cycle.
struct TickedFifo {
  explicit TickedFifo(int slots) : depth(slots), cycles_at(static_cast<size_t>(slots) + 1) {}

  bool is_wire() const { return depth == 0; }  // both sides see each other
  bool valid() const { return words > 0; }
  bool ready() const { return words < depth; }
  void tick() {
    // A word occupies its slot in the cycle of its push and in that of its pop.
    const int occupied = is_wire() ? 0 : words + (pushed ? 1 : 0);
    high_water = std::max(high_water, occupied);
    ++cycles_at[static_cast<size_t>(occupied)];
    words += (pushed ? 1 : 0) - (popped ? 1 : 0);
    pushed = popped = false;
  }

  int depth;
  int words = 0;
  bool pushed = false, popped = false;
  int high_water = 0;
  std::vector<int64_t> cycles_at;
};

struct TickedStep {
  bool reads = false;
  bool writes = false;
  bool drains = false;  // the pipeline runs empty after it
};

class TickedPart {
 public:
  virtual ~TickedPart() = default;

  virtual bool done() const = 0;
  /// What happens in a cycle in which a word can be read, or not, and one can be written, or not.
  struct Moves {
    bool shifts = false;  // stalling: the whole pipeline
    bool writes = false;
    bool starts = false;
    bool reads = false;
  };
  virtual Moves moves(bool in_valid, bool out_ready) const = 0;
  virtual void apply(const Moves& m, bool out_ready) = 0;
  /// Wires: a word that does not wait for the next part to be ready.
  bool offers() const { return moves(false, true).writes; }

  /// One clock cycle; null at the ends of a chain.
  void tick(int64_t cycle, TickedFifo* in, TickedFifo* out) {
    tick(cycle, in != nullptr && in->valid(), out == nullptr || out->ready(), in, out);
  }
  void tick(int64_t cycle, bool in_valid, bool out_ready, TickedFifo* in, TickedFifo* out) {
    const Moves m = moves(in_valid, out_ready);
    if (m.writes) out->pushed = true;
    if (m.reads) in->popped = true;
    if (m.starts) starts.push_back(cycle);
    apply(m, out_ready);
  }

  std::vector<int64_t> starts;  // [step]
};

/// A pipelined loop, step by step.
class TickedLoop : public TickedPart {
 public:
  TickedLoop(std::vector<TickedStep> steps, int latency, Discipline discipline)
      : steps_(std::move(steps)), stages_(static_cast<size_t>(latency)), discipline_(discipline) {}

  bool done() const override { return next_ == steps_.size() && !holds_output(); }
  Moves moves(bool in_valid, bool out_ready) const override {
    Moves m;
    const bool drains =
        holds_output() && (next_ == steps_.size() || (next_ > 0 && steps_[next_ - 1].drains));
    const bool head = !drains && next_ < steps_.size() && (!steps_[next_].reads || in_valid);
    const bool leaving = stages_.back().has_value() && *stages_.back();
    const bool room = !leaving || out_ready;
    if (discipline_ == Discipline::stalling) {
      m.shifts = (head || drains) && room;
      m.writes = m.shifts && leaving;
      m.starts = m.shifts && head;
    } else {
      // A gap anywhere lets what is before it move up, and so makes room for a step.
      const bool gap = room || std::any_of(stages_.begin(), stages_.end(),
                                           [](const auto& stage) { return !stage.has_value(); });
      m.writes = leaving && room;
      m.starts = head && gap;
    }
    m.reads = m.starts && steps_[next_].reads;
    return m;
  }

  void apply(const Moves& m, bool out_ready) override {
    if (discipline_ == Discipline::stalling) {
      if (!m.shifts) return;
      std::rotate(stages_.begin(), stages_.end() - 1, stages_.end());
      stages_.front().reset();
    } else {
      const bool leaving = stages_.back().has_value() && *stages_.back();
      if (!leaving || out_ready) stages_.back().reset();
      for (size_t i = stages_.size() - 1; i > 0; --i) {
        if (!stages_[i].has_value()) std::swap(stages_[i], stages_[i - 1]);
      }
    }
    if (!m.starts) return;
    stages_.front() = steps_[next_].writes;
    ++next_;
  }

 private:
  bool holds_output() const {
    return std::any_of(stages_.begin(), stages_.end(),
                       [](const auto& s) { return s.has_value() && *s; });
  }

  std::vector<TickedStep> steps_;
  size_t next_ = 0;
  std::vector<std::optional<bool>> stages_;  // a step in each, and whether it has an output
  Discipline discipline_;
};

/// The steps of stage `index` for one image.
inline std::vector<TickedStep> ticked_steps(const Chain& chain, size_t index,
                                            const DataflowAccelerator& accelerator,
                                            const Network& network) {
  std::vector<TickedStep> steps;
  const StageSpec& stage = chain.stages[index];
  const Layer& layer = network.layers[static_cast<size_t>(std::max(0, stage.layer))];
  const LayerParams& p = accelerator.layers[static_cast<size_t>(std::max(0, stage.layer))];
  const StreamSpec& in = stage.inputs.empty() ? chain.streams.front() : chain.in(index);
  const StreamSpec& out = stage.outputs.empty() ? chain.streams.back() : chain.out(index);
  const Padding& pad = layer.padding;
  const int height = layer.input.height + pad.top + pad.bottom;
  const int width = layer.input.width + pad.left + pad.right;
  const int of_window = layer.kernel.height * layer.kernel.width;
  switch (stage.kind) {
    case StageKind::memory_reader:
      for (int64_t w = 0; w < out.words_per_image; ++w) steps.push_back({false, true});
      break;
    case StageKind::memory_writer:
      for (int64_t w = 0; w < in.words_per_image; ++w) steps.push_back({true, false});
      break;
    case StageKind::width_converter: {
      const bool widens = out.word_bits() > in.word_bits();
      const int ratio =
          widens ? out.word_bits() / in.word_bits() : in.word_bits() / out.word_bits();
      const int64_t narrow = widens ? in.words_per_image : out.words_per_image;
      for (int64_t w = 0; w < narrow; ++w) {
        const bool first = w % ratio == 0, last = w % ratio == ratio - 1 || w == narrow - 1;
        steps.push_back({widens || first, !widens || last});
      }
      break;
    }
    case StageKind::padding:
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          const bool inside =
              y >= pad.top && y < height - pad.bottom && x >= pad.left && x < width - pad.right;
          for (int w = 0; w < layer.input.channels / in.lanes; ++w) steps.push_back({inside, true});
        }
      }
      break;
    case StageKind::sliding_window: {
      const int m = layer.input.channels / in.lanes;
      if (p.parts.sliding_window != WindowVersion::hls) {  // parallel
        const auto ends = [&](int at, int outputs) {
          const int first = at - layer.kernel + 1;
          return first >= 0 && first % layer.stride == 0 && first / layer.stride < outputs;
        };
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width * m; ++x) {
            steps.push_back(
                {true, ends(y, layer.output.height) && ends(x / m, layer.output.width)});
          }
        }
        steps.back().drains = true;
        break;
      }
      int64_t load = int64_t{layer.kernel.height} * width * m;
      int64_t left = int64_t{height} * width * m - load;
      for (int64_t w = 0; w < load; ++w) steps.push_back({true, false});
      const int64_t writes = int64_t{layer.output.width} * of_window * m;
      const int64_t reads = int64_t{layer.stride.height} * width * m;
      for (int y = 0; y < layer.output.height; ++y) {
        for (int64_t s = 0; s < std::max(writes, reads); ++s) {
          const bool read = s < reads && left > 0;
          if (read) --left;
          steps.push_back({read, s < writes});
        }
      }
      steps.back().drains = true;
      break;
    }
    case StageKind::mvtu: {
      const int index_of_layer = stage.layer;
      const int nf_count = padded_rows(accelerator, network, index_of_layer) / p.pe;
      const int sf_count = padded_columns(accelerator, network, index_of_layer) / p.simd;
      // With groups a fold reads what no other did, but for folds of the same group.
      const int group_folds = std::max(1, layer.rows() / layer.groups / p.pe);
      const int folds = layer.groups == 1 ? nf_count : group_folds;
      for (int of_image = 0; of_image < layer.output.pixels() * (nf_count / folds); ++of_image) {
        for (int nf = 0; nf < folds; ++nf) {
          for (int sf = 0; sf < sf_count; ++sf) steps.push_back({nf == 0, sf == sf_count - 1});
        }
      }
      break;
    }
    case StageKind::thresholding:  // in RTL alone
      break;
    case StageKind::max_pool:
    case StageKind::average_pool: {
      const int m = layer.input.channels / in.lanes;
      if (layer.kernel != layer.stride || pad != Padding(0) ||
          p.window_simd > 0) {  // windows, one after the other
        for (int word = 0; word < layer.output.pixels() * m; ++word) {
          for (int w = 1; w < of_window; ++w) steps.push_back({true, false});
          steps.push_back({true, true});
        }
        break;
      }
      for (int y = 0; y < layer.output.height; ++y) {
        for (int w = 0; w < layer.kernel.height * width * m; ++w) steps.push_back({true, false});
        for (int w = 0; w < layer.output.width * m; ++w) steps.push_back({false, true});
      }
      const int dropped = height - layer.kernel.height * layer.output.height;
      for (int w = 0; w < dropped * width * m; ++w) steps.push_back({true, false});
      break;
    }
    case StageKind::fork:
    case StageKind::add:
    case StageKind::concat:
      for (int64_t w = 0; w < out.words_per_image; ++w) steps.push_back({true, true});
      break;
  }
  return steps;
}

inline std::unique_ptr<TickedPart> ticked_loop(const Chain& chain, size_t index,
                                               const DataflowAccelerator& accelerator,
                                               const Network& network, int images) {
  const std::vector<TickedStep> image = ticked_steps(chain, index, accelerator, network);
  std::vector<TickedStep> steps;
  for (int i = 0; i < images; ++i) steps.insert(steps.end(), image.begin(), image.end());
  const StageSpec& stage = chain.stages[index];
  const auto make = [&](int Latencies::*part, Discipline discipline) {
    int latency = accelerator.latency.*part;
    if (stage.layer >= 0) {
      const int own = accelerator.layers[static_cast<size_t>(stage.layer)].latency.*part;
      if (own > 0) latency = own;
    }
    return std::make_unique<TickedLoop>(steps, latency, discipline);
  };
  const Discipline own = accelerator.discipline, flushing = Discipline::flushing;
  switch (stage.kind) {
    case StageKind::memory_reader:
      return std::make_unique<TickedLoop>(steps, accelerator.latency.memory, flushing);
    case StageKind::width_converter:
      return make(&Latencies::width_converter, own);
    case StageKind::padding:
      return make(&Latencies::padding, own);
    case StageKind::sliding_window: {
      const LayerParams& p = accelerator.layers[static_cast<size_t>(stage.layer)];
      const bool hls = p.parts.sliding_window == WindowVersion::hls;
      if (!hls) return std::make_unique<TickedLoop>(steps, 1, flushing);
      return make(&Latencies::sliding_window, own);
    }
    case StageKind::mvtu:
      return make(&Latencies::mvtu, own);
    case StageKind::fork:
    case StageKind::add:
    case StageKind::concat:
      return make(&Latencies::junction, own);
    case StageKind::max_pool:
    case StageKind::average_pool:
      return make(&Latencies::max_pool,
                  pools_windows(accelerator, network, stage.layer) ? own : flushing);
    case StageKind::thresholding:
    case StageKind::memory_writer:
      break;
  }
  return std::make_unique<TickedLoop>(steps, 1, flushing);
}

}  // namespace stuckat::test
