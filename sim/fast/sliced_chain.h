// The layers of a network that are held with pixels as bits (sliced_layer.h), and their way through
// them for chips with many patched parameters: all elements afresh, layer after layer, and only
// what leaves the last of them as differences in the form of the other paths.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/fault_program.h"
#include "sim/fast/golden_state.h"
#include "sim/fast/packed_network.h"
#include "sim/fast/pixel_set.h"
#include "sim/fast/sliced_layer.h"

namespace stuckat::fast {

/// The first layers after that of 8-bit values, convolutions and pools, as far as this costs less
/// than the dense path. Immutable, shared by all threads.
class SlicedChain {
 public:
  explicit SlicedChain(const PackedNetwork& network);

  struct Stage {
    int layer = 0;
    int weights = -1;  ///< index in weights(), -1 for a pool
    SlicedTensor input;
    SlicedTensor output;
  };

  bool empty() const { return stages_.empty(); }
  /// The tensors where it begins and ends; for one that is not empty.
  int input() const;
  int output() const;
  const std::vector<Stage>& stages() const { return stages_; }
  const std::vector<SlicedLayer>& weights() const { return weights_; }
  const PackedNetwork& network() const { return network_; }

  /// Is this the way for the program? It patches parameters only, so many that the dense path would
  /// be taken.
  bool runs(const FaultProgram& program) const;

 private:
  const PackedNetwork& network_;
  std::vector<Stage> stages_;
  std::vector<SlicedLayer> weights_;
};

/// One image. One per thread.
class SlicedPass {
 public:
  explicit SlicedPass(const SlicedChain& chain);

  /// The fault-free pass has run another image.
  void begin_image() { loaded_ = false; }

  /// Differences of the chain's output from those of its input, and the steps of a program for
  /// which chain.runs(). Returns the last tensor after the input that differs, or -1.
  int run(const GoldenState& golden, const FaultProgram& program, const uint64_t* diff_in,
          const PixelSet& changed_in, uint64_t* diff_out, PixelSet& changed_out);

  /// Bits counted since the last call.
  int64_t take_counted_bits();

 private:
  /// A tensor of the chain.
  struct Values {
    SlicedTensor tensor;
    int number = 0;
    AlignedVector<uint64_t> pixels;
    AlignedVector<uint64_t> golden;  // with words beyond, which shifts read
    AlignedVector<uint64_t> faulty;  // where its channel differs; likewise
    std::vector<uint8_t> differs;    // [channels]
    bool any = false;
  };
  /// The input of a convolution under every position of its window.
  struct Shifted {
    AlignedVector<uint64_t> words;
    std::vector<uint8_t> is_golden;  // [channels]
  };

  void load(const GoldenState& golden);
  void load(const GoldenState& golden, Values& values) const;
  void enter(const uint64_t* diff, const PixelSet& changed);
  void leave(uint64_t* diff, PixelSet& changed) const;
  void convolve(const SlicedChain::Stage& stage, const LayerPatch* patch, const Values& in,
                Values& out);
  static void pool(const Values& in, Values& out);
  static void find_differences(Values& values);

  const SlicedChain& chain_;
  std::vector<Values> values_;        // [stages + 1]
  std::vector<SlicedLayer> weights_;  // the chain's, to be patched
  std::vector<Shifted> shifted_;      // likewise
  bool loaded_ = false;
  int64_t counted_bits_ = 0;
};

}  // namespace stuckat::fast
