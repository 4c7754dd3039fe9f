// When an accelerator does what in a run: what lowering needs to know about time, to say what a
// flip in a cycle hits. Accelerators fill it in (models/*/timeline).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stuckat {

/// One step of the loop of an array of PEs: a step of the synapse fold. In time order: tiles, each
/// of some folds; all passes for a tile; all its folds for a pass; all steps for a fold.
struct ArrayStep {
  int64_t image = 0;  ///< of the run
  int use = 0;        ///< index in PeArray::uses
  int pass = 0;       ///< output pixel; pixel-parallel: PE p has pixel pass * pe + p
  int fold = 0;       ///< neuron fold: rows fold * pe ..; pixel-parallel: the row
  int step = 0;       ///< of the synapse fold: columns step * simd ..
  int64_t cycle = 0;  ///< in which it starts
  /// Folds whose parameters lie in the memories that the array works with.
  int first_fold = 0;
  int folds = 0;
  /// Those parameters were there before the array began with them: from its first step in image 0
  /// on, and for good. Else each tile is filled anew, and counts from its own first step.
  bool resident = true;

  bool operator==(const ArrayStep&) const = default;
};

/// Windows that read a cell of a sliding-window buffer from a cycle on, until it is written again.
struct CellReads {
  struct Read {
    int pixel = 0;     ///< output pixel
    int position = 0;  ///< ky * kernel + kx
  };
  int64_t image = 0;
  std::vector<Read> reads;
  int word = 0;  ///< of the pixel
};

/// A word of a window in a replay buffer: folds from `first_fold` on have still to read it.
struct ReplayReads {
  int64_t image = 0;
  int pixel = 0;  ///< of the output
  int word = 0;   ///< of the window
  int first_fold = 0;
};

/// What an array gives for one fold: rows fold * pe .. at one output pixel.
struct FoldResult {
  int64_t image = 0;
  int pixel = 0;
  int fold = 0;
};

/// What a max-pool does with one output pixel: `taken` pixels of its window are merged.
struct PoolStep {
  int64_t image = 0;
  int pixel = 0;  ///< of the output
  int word = 0;   ///< of the pixel
  int taken = 0;
  bool takes = true;   ///< the step merges one more
  bool gives = false;  ///< the step gives the word
};

/// The image whose activations lie in the buffers of an array.
struct BufferedImage {
  int64_t image = 0;
  int write_cycles = 0;  ///< from the last step of a fold to its outputs in the buffer
};

/// A tile of a product on a systolic array, in cycles of the product.
struct SystolicTile {
  int64_t load = 0;   ///< its weights begin to enter (weight-stationary)
  int64_t start = 0;  ///< PE (0, 0) works on its first vector or product
};

/// A matrix product on a systolic array, which has the array to itself: no other overlaps it.
struct SystolicProduct {
  int64_t image = 0;    ///< of the run
  int layer = 0;        ///< index in Network::layers
  int first_pixel = 0;  ///< of the layer's output: vectors are pixels
  int pixels = 0;
  int64_t cycle = 0;                         ///< in which it begins
  int first_row = 0;                         ///< of the layer: the product has the rows of a group
  std::span<const SystolicTile> tiles = {};  ///< in order; live as long as the timeline
};

class Timeline {
 public:
  virtual ~Timeline() = default;

  virtual int64_t images() const = 0;  ///< of the run
  virtual int64_t cycles() const = 0;  ///< of the run
  /// The first step of an array that starts in `cycle` or later; nothing behind the last one.
  virtual std::optional<ArrayStep> next_step(const std::string& array, int64_t cycle) const = 0;
  /// The word of the run that lies in a slot of a stream at the beginning of `cycle`: it was
  /// written before, and is read in `cycle` or later.
  virtual std::optional<int64_t> word_in(const std::string& /*stream*/, int /*slot*/,
                                         int64_t /*cycle*/) const {
    return {};
  }
  /// The word of the run that is written into a stream in `cycle`.
  virtual std::optional<int64_t> word_written(const std::string& /*stream*/,
                                              int64_t /*cycle*/) const {
    return {};
  }
  /// Of the cell (window/cell) as it is at the beginning of `cycle`.
  virtual std::optional<CellReads> cell_reads(const std::string& /*window*/, int /*slot*/,
                                              int /*column*/, int /*word*/,
                                              int64_t /*cycle*/) const {
    return {};
  }
  /// The running maximum (pool/cell) as it is at the beginning of `cycle`; nothing if there is
  /// none.
  virtual std::optional<PoolStep> pool_cell(const std::string& /*pool*/, int /*column*/,
                                            int /*word*/, int64_t /*cycle*/) const {
    return {};
  }
  /// The step that a pool starts in `cycle`.
  virtual std::optional<PoolStep> pool_step(const std::string& /*pool*/, int64_t /*cycle*/) const {
    return {};
  }
  /// Of the slot (ring/cell) as it is at the beginning of `cycle`.
  virtual std::optional<CellReads> ring_reads(const std::string& /*ring*/, int /*slot*/,
                                              int64_t /*cycle*/) const {
    return {};
  }
  /// Of the slot (replay/cell) as it is at the beginning of `cycle`.
  virtual std::optional<ReplayReads> replay_reads(const std::string& /*buffer*/, int /*slot*/,
                                                  int64_t /*cycle*/) const {
    return {};
  }
  /// The result in one of an MVU's output registers at the beginning of `cycle`: 0 is the one in
  /// which a result waits for the one before, 1 the one that drives the stream.
  virtual std::optional<FoldResult> result_in(const std::string& /*registers*/, int /*which*/,
                                              int64_t /*cycle*/) const {
    return {};
  }
  /// All of the run that wait in register 0.
  virtual std::vector<FoldResult> results_that_wait(const std::string& /*registers*/) const {
    return {};
  }
  virtual std::optional<BufferedImage> buffered(int64_t /*cycle*/) const { return {}; }
  /// The product that a systolic array is busy with in `cycle`.
  virtual std::optional<SystolicProduct> systolic_product(const std::string& /*array*/,
                                                          int64_t /*cycle*/) const {
    return {};
  }
};

}  // namespace stuckat
