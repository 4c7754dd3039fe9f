// Ticked twins of FINN's parts in RTL: their registers, and what becomes of them at a clock edge.
// Written from the behaviour of finn-rtllib's modules; the clocks of models/dataflow are
// recurrences and share nothing with them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/dataflow/part_program.h"
#include "tests/models/dataflow/ticked_part.h"

namespace stuckat::test {

/// finn-rtllib/swg, default style.
class TickedWindow : public TickedPart {
 public:
  TickedWindow(const WindowShape& shape, int images) : images_(images) {
    const int m = shape.words_per_pixel, k = shape.kernel;
    const int64_t row = int64_t{shape.width} * m;
    const int64_t least = (k - 1) * row + (k - 1) * m + m;
    ring_ = least + std::max(0, shape.stride - 1 - k * k) * m +
            std::max<int64_t>(0, int64_t{shape.stride - 1} * shape.width - k * k) * m;
    last_read_ = shape.height * row - 1;
    std::vector<int64_t> firsts;
    for (int oy = 0; oy < shape.out_height; ++oy) {
      for (int ox = 0; ox < shape.out_width; ++ox) {
        for (int group = 0; group < (shape.by_channels ? m : 1); ++group) {
          const int64_t first = oy * shape.stride * row + ox * shape.stride * m + group;
          firsts.push_back(first);
          for (int ky = 0; ky < k; ++ky) {
            for (int kx = 0; kx < k; ++kx) {
              for (int c = 0; c < (shape.by_channels ? 1 : m); ++c) {
                elements_.push_back(first + ky * row + kx * m + c);
                windows_.push_back(firsts.size() - 1);
              }
            }
          }
        }
      }
    }
    firsts.push_back(firsts.back() + least - 1);
    for (size_t& window : windows_) next_first_.push_back(firsts[window + 1]);
  }

  bool done() const override { return image_ == images_; }
  Moves moves(bool in_valid, bool out_ready) const override {
    Moves m;
    m.writes = write_cmd_ && out_ready;
    const int64_t oldest = newest_ - (ring_ - 1);
    const bool may_read =
        newest_ != last_read_ && (fetching_done_ || (oldest < first_next_ && oldest < current()));
    m.reads = image_ < images_ && may_read && in_valid;
    m.starts = fetches(out_ready);
    return m;
  }
  void apply(const Moves& m, bool out_ready) override {
    const bool fetch = m.starts;
    const bool last_comes = m.reads && newest_ == last_read_ - 1;
    bool ends = last_comes && writing_done_;
    if (m.writes && fetching_done_) {
      if (newest_ == last_read_ || last_comes) {
        ends = true;
      } else {
        writing_done_ = true;
      }
    }
    if (m.reads) ++newest_;
    if (fetch) {
      first_next_ = next_first_[next_];
      if (++next_ == elements_.size()) fetching_done_ = true;
    }
    if (fetch || out_ready) write_cmd_ = fetch;
    if (!ends) return;
    newest_ = -1;
    next_ = 0;
    first_next_ = 0;
    fetching_done_ = writing_done_ = false;
    ++image_;
  }

 private:
  bool fetches(bool out_ready) const {
    return current() <= newest_ && !(write_cmd_ && !out_ready) && !fetching_done_ &&
           image_ < images_;
  }
  int64_t current() const { return elements_[std::min(next_, elements_.size() - 1)]; }

  int images_;
  int64_t ring_ = 0, last_read_ = 0;
  std::vector<int64_t> elements_, next_first_;  // [fetch of the image]
  std::vector<size_t> windows_;
  int image_ = 0;
  int64_t newest_ = -1, first_next_ = 0;
  size_t next_ = 0;
  bool write_cmd_ = false, fetching_done_ = false, writing_done_ = false;
};

/// finn-rtllib/mvu: replay buffer, core, two output registers.
class TickedMvu : public TickedPart {
 public:
  TickedMvu(const RtlMvuShape& shape, int images)
      : shape_(shape),
        core_(static_cast<size_t>(shape.core_stages)),
        left_(images * shape.words_written_per_image()),
        to_read_(images * shape.words_read_per_image()) {
    while (places_ < shape.synapse_fold || places_ < 2) places_ *= 2;
  }

  bool done() const override { return left_ == 0; }
  Moves moves(bool in_valid, bool out_ready) const override {
    const bool enabled = !second_;
    Moves m;
    m.writes = first_ && out_ready;
    if (shape_.neuron_fold == 1) {
      m.reads = m.starts = enabled && in_valid && to_read_ > 0;
    } else {
      m.reads = in_valid && to_read_ > 0 && stored_ - freed_ < places_;
      m.starts = enabled && replay_;
    }
    return m;
  }
  void apply(const Moves& m, bool out_ready) override {
    const bool enabled = !second_;
    const bool leaves = core_.back();
    bool last = false;
    if (shape_.neuron_fold == 1) {
      last = m.starts && position_ == shape_.synapse_fold - 1;
      if (m.starts) position_ = (position_ + 1) % shape_.synapse_fold;
    } else {
      last = m.starts && replay_last_;
    }
    // The buffer, as it is at the beginning of the cycle.
    const bool there = read_ != stored_;
    if (shape_.neuron_fold > 1 && (!replay_ || enabled)) {
      replay_ = there;
      replay_last_ = position_ == shape_.synapse_fold - 1;
      if (there) {
        const bool last_fold = fold_ == shape_.neuron_fold - 1;
        if (last_fold) ++freed_;
        ++read_;
        if (replay_last_) {
          if (!last_fold) read_ -= shape_.synapse_fold;
          fold_ = last_fold ? 0 : fold_ + 1;
        }
        position_ = replay_last_ ? 0 : position_ + 1;
      }
    }
    if (m.reads) {
      ++stored_;
      --to_read_;
    }
    // Output registers.
    const bool load = !first_ || out_ready;
    const bool was_second = second_;
    second_ = !((enabled && !leaves) || load);
    if (load) first_ = leaves || was_second;
    if (m.writes) --left_;
    if (enabled) {
      std::rotate(core_.begin(), core_.end() - 1, core_.end());
      core_.front() = last;
    }
  }

 private:
  RtlMvuShape shape_;
  std::vector<bool> core_;  // [stage] the last step of a fold
  int64_t left_, to_read_;
  int64_t places_ = 1;
  int64_t stored_ = 0, read_ = 0, freed_ = 0;  // pointers of the buffer
  bool replay_ = false, replay_last_ = false;  // its output register
  int64_t position_ = 0, fold_ = 0;
  bool first_ = false, second_ = false;  // output registers
};

/// finn-rtllib/thresholding: `bits` stages, a queue, and no more words under way than fit.
class TickedThresholding : public TickedPart {
 public:
  TickedThresholding(int bits, int64_t words)
      : stages_(static_cast<size_t>(bits)), to_read_(words), left_(words) {}

  bool done() const override { return left_ == 0; }
  Moves moves(bool in_valid, bool out_ready) const override {
    Moves m;
    m.writes = out_ && out_ready;
    m.reads = m.starts = in_valid && to_read_ > 0 && under_way_ < most();
    return m;
  }
  void apply(const Moves& m, bool out_ready) override {
    const bool load = !out_ || out_ready;
    const bool queued = queue_ > 0;
    queue_ += (stages_.back() ? 1 : 0) - (queued && load ? 1 : 0);
    if (load) out_ = queued;
    std::rotate(stages_.begin(), stages_.end() - 1, stages_.end());
    stages_.front() = m.starts;
    under_way_ += (m.starts ? 1 : 0) - (m.writes ? 1 : 0);
    to_read_ -= m.starts ? 1 : 0;
    left_ -= m.writes ? 1 : 0;
  }

 private:
  int64_t most() const { return static_cast<int64_t>(stages_.size()) + 3; }

  std::vector<bool> stages_;
  int64_t to_read_, left_;
  int64_t queue_ = 0, under_way_ = 0;
  bool out_ = false;
};

/// finn-rtllib/dwc, to wider words: a shift register, and a register beside its input.
class TickedWidening : public TickedPart {
 public:
  TickedWidening(int ratio, int64_t narrow_words)
      : ratio_(ratio), to_read_(narrow_words), left_(narrow_words / ratio) {}

  bool done() const override { return left_ == 0; }
  Moves moves(bool in_valid, bool out_ready) const override {
    Moves m;
    const bool full = count_ == ratio_;
    m.writes = full && out_ready;
    m.reads = !beside_ && in_valid && to_read_ > 0;
    m.starts = (m.reads || beside_) && (!full || out_ready);
    return m;
  }
  void apply(const Moves& m, bool /*out_ready*/) override {
    if (m.writes) {
      count_ = 0;
      --left_;
    }
    if (m.starts) ++count_;
    beside_ = (beside_ || m.reads) && !m.starts;
    if (m.reads) --to_read_;
  }

 private:
  int ratio_;
  int64_t to_read_, left_;
  int count_ = 0;
  bool beside_ = false;
};

/// finn-rtllib/dwc, to narrower words: a shift register, and two registers after it.
class TickedNarrowing : public TickedPart {
 public:
  TickedNarrowing(const RtlNarrowingShape& shape, int images)
      : ratio_(shape.ratio),
        to_read_(images * shape.wide_words),
        left_(images * shape.words_written_per_image()) {}

  bool done() const override { return left_ == 0; }
  Moves moves(bool in_valid, bool out_ready) const override {
    Moves m;
    m.writes = out_ && out_ready;
    m.reads = !beside_ && pieces_ <= 1 && in_valid && to_read_ > 0;
    m.starts = !beside_ && pieces_ > 0;
    return m;
  }
  void apply(const Moves& m, bool out_ready) override {
    const bool empty = pieces_ == 0, shifts = !beside_;
    if (m.starts) --pieces_;
    if (m.reads) {
      pieces_ = ratio_;
      --to_read_;
    }
    beside_ = !(!out_ || out_ready || (shifts && empty));
    out_ = (out_ && !out_ready) || !shifts || !empty;
    if (m.writes) --left_;
  }

 private:
  int64_t ratio_, to_read_, left_;
  int64_t pieces_ = 0;
  bool beside_ = false, out_ = false;
};

/// finn-rtllib/fmpadding: a register beside its input, and one at its output.
class TickedPadding : public TickedPart {
 public:
  /// inside: [word of an image] it is one of the input.
  TickedPadding(const std::vector<bool>& inside, int images) : inside_(inside) {
    left_ = images * static_cast<int64_t>(inside.size());
    words_ = left_;
    for (const bool word : inside) to_read_ += word ? images : 0;
  }

  bool done() const override { return left_ == 0; }
  Moves moves(bool in_valid, bool out_ready) const override {
    Moves m;
    m.writes = out_ && out_ready;
    m.reads = !beside_ && in_valid && to_read_ > 0;
    m.starts = words_ > 0 && (!out_ || out_ready) && (m.reads || beside_ || !forwards());
    return m;
  }
  void apply(const Moves& m, bool out_ready) override {
    const bool forward = forwards();
    beside_ = (beside_ || m.reads) && !(m.starts && forward);
    if (!out_ || out_ready) out_ = m.starts;
    if (m.reads) --to_read_;
    if (m.writes) --left_;
    if (!m.starts) return;
    --words_;
    if (++next_ == inside_.size()) next_ = 0;
  }

 private:
  bool forwards() const { return inside_[next_]; }

  std::vector<bool> inside_;
  int64_t left_ = 0, words_ = 0, to_read_ = 0;
  size_t next_ = 0;
  bool beside_ = false, out_ = false;
};

/// The twin of a stage, whichever way it is built.
inline std::unique_ptr<TickedPart> ticked_part(const Chain& chain, size_t index,
                                               const DataflowAccelerator& accelerator,
                                               const Network& network, int images) {
  const StageSpec& stage = chain.stages[index];
  const auto loop = [&] { return ticked_loop(chain, index, accelerator, network, images); };
  if (stage.layer < 0) return loop();
  const auto at = static_cast<size_t>(stage.layer);
  const LayerParams& p = accelerator.layers[at];
  const Layer& layer = network.layers[at];
  const StreamSpec &in = chain.streams[index - 1], &out = chain.streams[index];
  switch (stage.kind) {
    case StageKind::width_converter:
      if (p.parts.width_converter == Backend::hls) return loop();
      if (out.word_bits() > in.word_bits()) {
        return std::make_unique<TickedWidening>(out.word_bits() / in.word_bits(),
                                                images * in.words_per_image);
      }
      return std::make_unique<TickedNarrowing>(
          RtlNarrowingShape{in.word_bits() / out.word_bits(), in.words_per_image}, images);
    case StageKind::padding: {
      if (p.parts.padding == Backend::hls) return loop();
      std::vector<bool> inside;
      for (const TickedStep& step : ticked_steps(chain, index, accelerator, network)) {
        inside.push_back(step.reads);
      }
      return std::make_unique<TickedPadding>(inside, images);
    }
    case StageKind::sliding_window:
      if (p.parts.sliding_window != WindowVersion::rtl || layer.kernel == 1) return loop();
      return std::make_unique<TickedWindow>(window_shape(layer, in.lanes, WindowVersion::rtl),
                                            images);
    case StageKind::mvtu: {
      if (p.parts.mvtu == Backend::hls) return loop();
      const int columns = padded_columns(accelerator, network, stage.layer);
      const int rows = padded_rows(accelerator, network, stage.layer);
      return std::make_unique<TickedMvu>(
          RtlMvuShape{columns / p.simd, rows / p.pe, layer.output.pixels(), core_stages(p)},
          images);
    }
    case StageKind::thresholding:
      return std::make_unique<TickedThresholding>(layer.output_format.bits,
                                                  images * in.words_per_image);
    default:
      return loop();
  }
}

}  // namespace stuckat::test
