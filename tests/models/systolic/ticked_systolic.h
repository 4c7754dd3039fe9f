// A systolic accelerator with off-chip memory, one cycle at a time: what models/systolic/FORMAT.md
// says happens, as a machine that is ticked. Slow and obvious, no values, no closed form: the
// oracle of the cycles.
#pragma once

#include <cstdint>
#include <deque>
#include <stdexcept>
#include <vector>

#include "models/systolic/accelerator.h"
#include "tests/support/ticked_memory.h"
#include "workloads/network.h"

namespace stuckat::systolic::test {

/// What the array does for one group of a layer, found by walking instead of by division.
struct TickedProduct {
  std::vector<int64_t> weights;  ///< bytes of each tile of weights, in the order of their use
  std::vector<int> tiles;        ///< [tile of the array]: its tile of weights in `weights`
  int64_t m = 0, k = 0, n = 0;
};
struct TickedLayer {
  std::vector<TickedProduct> products;
  int64_t reads = 0;  ///< of a layer without weights: cycles in which the array waits
};

inline int64_t whole_bytes(int64_t bits) {
  int64_t bytes = 0;
  while (bytes * 8 < bits) ++bytes;
  return bytes;
}

/// The columns of the layer that fill the rows of the array, tile by tile.
inline std::vector<int> fillings(const SystolicAccelerator& a, const Layer& layer) {
  const bool taps = a.mapping == SystolicMapping::channel && !layer.is_flat();
  const int channels = layer.group_channels();
  const int together = !taps           ? layer.columns()
                       : channels <= 8 ? channels * layer.kernel.width
                                       : channels;
  std::vector<int> result;
  for (int first = 0; first < layer.columns(); first += together) {
    for (int at = 0; at < together; at += static_cast<int>(a.rows)) {
      result.push_back(std::min(static_cast<int>(a.rows), together - at));
    }
  }
  return result;
}

inline TickedLayer ticked_layer(const SystolicAccelerator& a, const Network& network, int index) {
  const Layer& layer = network.layer(index);
  TickedLayer result;
  if (!layer.has_weights()) {
    std::vector<int> seen = {index};  // made by the layer before
    for (const int tensor : layer.inputs) {
      if (std::find(seen.begin(), seen.end(), tensor) != seen.end()) continue;
      seen.push_back(tensor);
      const Shape shape = network.shape(tensor);
      for (int pixel = 0; pixel < shape.pixels(); ++pixel) {
        for (int c = 0; c < shape.channels; c += static_cast<int>(a.columns)) ++result.reads;
      }
    }
    return result;
  }
  const bool weights_stay = a.schedule.starts_with("ws"), outputs_stay = a.schedule[0] == 'o';
  const int rows = layer.rows() / layer.groups;
  const auto bytes = [&](int columns, int channels, bool first) {
    int64_t sum =
        first ? whole_bytes(int64_t{channels} * layer.thresholds_per_row() * layer.threshold_bits())
              : 0;
    for (int i = 0; i < columns; ++i) sum += whole_bytes(channels * layer.weight_format.bits);
    return sum;
  };
  const auto filled = fillings(a, layer);
  for (int group = 0; group < layer.groups; ++group) {
    int64_t left = layer.output.pixels();
    while (left > 0) {
      TickedProduct product;
      product.m = weights_stay ? std::min(left, a.accumulator_depth) : left;
      left -= product.m;
      product.k = layer.columns();
      product.n = rows;
      const auto add = [&](int64_t size) {
        product.weights.push_back(size);
        product.tiles.push_back(static_cast<int>(product.weights.size()) - 1);
      };
      const int step = static_cast<int>(a.columns);
      if (a.schedule[0] == 'i') {
        for (int64_t pixel = 0; pixel < product.m; pixel += step) {
          for (size_t t = 0; t < filled.size(); ++t) add(bytes(filled[t], rows, t == 0));
        }
      }
      for (int channel = 0; channel < rows && a.schedule[0] != 'i'; channel += step) {
        const int channels = std::min(step, rows - channel);
        if (outputs_stay) {
          add(bytes(layer.columns(), channels, true));
          for (int64_t pixel = a.rows; pixel < product.m; pixel += a.rows) {
            product.tiles.push_back(product.tiles.back());
          }
        }
        for (size_t t = 0; t < filled.size() && weights_stay; ++t) {
          add(bytes(filled[t], channels, t == 0));
        }
      }
      result.products.push_back(product);
    }
  }
  return result;
}

class TickedSystolic {
 public:
  TickedSystolic(const SystolicAccelerator& a, const Network& network, int64_t image_bytes,
                 int64_t result_bytes)
      : a_(a), memory_(*a.memory), result_bytes_(result_bytes) {
    for (int l = 0; l < static_cast<int>(network.layers.size()); ++l) {
      layers_.push_back(ticked_layer(a, network, l));
    }
    transfers_.push_back({false, image_bytes});
    for (const TickedLayer& layer : layers_) {
      for (const TickedProduct& product : layer.products) {
        for (const int64_t bytes : product.weights) transfers_.push_back({true, bytes});
      }
    }
    free_ = a.weight_tiles;
  }

  /// Ticks through an image; layers get the cycles that they took, of those in the array.
  void run() {
    layer_cycles.assign(layers_.size(), 0);
    cycles = wait_for_activations();
    for (size_t l = 0; l < layers_.size(); ++l) {
      const int64_t begin = cycles;
      for (int64_t i = 0; i < layers_[l].reads; ++i) tick();
      for (const TickedProduct& product : layers_[l].products) run_product(product);
      layer_cycles[l] = cycles - begin;
    }
    transfers_.push_back({false, result_bytes_});
    wait_for_activations();
  }

  int64_t cycles = 0;
  std::vector<int64_t> layer_cycles;

 private:
  struct Transfer {
    bool weights;
    int64_t bytes;
  };
  struct Tile {
    int weights = 0;
    int64_t loaded = -1;    // cycles since its load began; -1: not yet
    int64_t streamed = -1;  // cycles since it began
    bool entered = false;   // all of its weights have
  };

  bool settle() {  // what memory may do at the beginning of a cycle
    bool any = false;
    while (memory_.done()) {
      if (under_way_) {
        under_way_ = false;
        (transfers_.front().weights ? full_ : moved_) += 1;
        transfers_.pop_front();
        any = true;
      }
      if (transfers_.empty() || (transfers_.front().weights && free_ == 0)) break;
      if (transfers_.front().weights) --free_;
      memory_.begin(transfers_.front().bytes);
      under_way_ = true;
      if (memory_.done()) continue;
      break;
    }
    return any;
  }
  void tick() {
    settle();
    if (!memory_.done()) memory_.tick();
    ++cycles;
    settle();
  }
  int64_t wait_for_activations() {
    const int before = moved_;
    settle();
    while (moved_ == before) tick();
    return cycles;
  }

  void run_product(const TickedProduct& p) {
    const bool outputs_stay = a_.schedule[0] == 'o', inputs_stay = a_.schedule[0] == 'i';
    const bool serial = inputs_stay || a_.schedule == "ws-serial";
    const bool doubled = a_.schedule == "ws-double-buffered";
    const int64_t vectors = inputs_stay ? p.n : p.m;
    const int64_t skew = a_.rows + a_.columns - 2;
    const int64_t period = p.k + skew + (a_.schedule == "os-drain" ? a_.rows : 0);
    std::vector<Tile> tiles;
    for (const int weights : p.tiles) tiles.push_back({weights});
    for (;;) {
      settle();
      bool proceeds = true;
      while (proceeds) {
        proceeds = false;
        for (size_t t = 0; t < tiles.size(); ++t) {
          Tile& tile = tiles[t];
          const Tile* before = t == 0 ? nullptr : &tiles[t - 1];
          const bool shares = before != nullptr && before->weights == tile.weights;
          if (tile.loaded < 0) {
            bool may = before == nullptr;
            if (before != nullptr && before->streamed >= 0) {
              may = outputs_stay ? before->streamed >= period
                    : serial     ? before->streamed >= vectors + skew
                    : doubled    ? true
                                 : before->streamed >= vectors;
            }
            if (!may || (!shares && full_ == 0)) break;
            if (!shares) --full_;
            tile.loaded = 0;
            proceeds = true;
          }
          const bool follows = before == nullptr || outputs_stay || before->streamed >= vectors;
          if (tile.streamed < 0 && follows && (outputs_stay || tile.loaded >= a_.rows)) {
            tile.streamed = 0;
            proceeds = true;
          }
          const bool last_use = t + 1 == tiles.size() || tiles[t + 1].weights != tile.weights;
          const bool in = outputs_stay  ? tile.streamed >= p.k + a_.columns - 1
                          : inputs_stay ? tile.streamed >= p.n + a_.rows - 1
                                        : tile.loaded >= a_.rows + a_.columns - 1;
          if (!tile.entered && last_use && in) {
            tile.entered = true;
            ++free_;
            settle();
            proceeds = true;
          }
        }
      }
      const Tile& last = tiles.back();
      const int64_t needed = outputs_stay ? period
                             : doubled    ? std::max(vectors, a_.rows) + skew
                                          : vectors + skew;
      // What has still to enter goes on in the next product's cycles: it is let go in time.
      if (last.streamed >= needed) break;
      tick();
      for (Tile& tile : tiles) {
        if (tile.loaded >= 0) ++tile.loaded;
        if (tile.streamed >= 0) ++tile.streamed;
      }
    }
    for (const Tile& tile : tiles) {
      const bool last_use = &tile == &tiles.back();
      if (last_use && !tile.entered) throw std::logic_error("weights enter after the product");
    }
  }

  SystolicAccelerator a_;
  stuckat::test::TickedMemory memory_;
  int64_t result_bytes_;
  std::vector<TickedLayer> layers_;
  std::deque<Transfer> transfers_;
  bool under_way_ = false;
  int moved_ = 0, full_ = 0;
  int64_t free_ = 0;
};

}  // namespace stuckat::systolic::test
