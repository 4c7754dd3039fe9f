// A loopback accelerator, one cycle at a time: what models/loopback/FORMAT.md says happens, as a
// machine that is ticked. Slow and obvious, no values, no closed form: the oracle of the cycles.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "models/loopback/placement.h"
#include "models/loopback/timing.h"
#include "tests/support/ticked_memory.h"

namespace stuckat::test {

/// What the array and the memory work off, found by packing and walking instead of by division.
struct TickedTile {
  int64_t bytes = 0;
  int folds = 0;
};
struct TickedLayer {
  int words_per_fold = 0;  ///< words of SIMD columns: steps of a fold in one pass
  int passes = 0;
  std::vector<TickedTile> tiles;
};
struct TickedProgram {
  int64_t image_bytes = 0, result_bytes = 0;
  std::vector<TickedLayer> layers;
  std::vector<std::vector<int>> moves;  ///< [layers + 1]: words that each one before a layer reads
};

/// What each layer without weights reads on its own, from `first` on up to `end`: 0 of one that
/// takes what it reads as it is made.
inline std::vector<int> words_to_read(const Network& network, int first, int end, int simd) {
  std::vector<int> words(static_cast<size_t>(end));
  for (int l = first; l < end; ++l) {
    const Layer& layer = network.layer(l);
    if (layer.has_weights()) continue;
    std::vector<int> reads;
    bool just_made = false;
    for (const int t : layer.inputs) {
      if (std::find(reads.begin(), reads.end(), t) == reads.end()) reads.push_back(t);
      just_made = just_made || t == l;
    }
    int others_that_read_it = -1;
    for (const Layer& other : network.layers) {
      others_that_read_it +=
          std::find(other.inputs.begin(), other.inputs.end(), l) != other.inputs.end() ? 1 : 0;
    }
    const bool after_maxima = l > first && network.layer(l - 1).kind == LayerKind::max_pool &&
                              words[static_cast<size_t>(l) - 1] == 0;
    const bool takes = just_made && others_that_read_it == 0 && reads.size() <= 2 &&
                       layer.kind != LayerKind::concat &&
                       (!after_maxima || layer.kind == LayerKind::max_pool);
    if (takes) continue;
    for (const int t : reads) {
      const Shape shape = network.shape(t);
      for (int pixel = 0; pixel < shape.height * shape.width; ++pixel) {
        for (int c = 0; c < shape.channels; c += simd) ++words[static_cast<size_t>(l)];
      }
    }
  }
  return words;
}

inline TickedProgram ticked_program(const loopback::LoopbackAccelerator& a,
                                    const Network& network) {
  const auto to_bytes = [](int64_t bits) {
    int64_t bytes = 0;
    while (bytes * 8 < bits) ++bytes;
    return bytes;
  };
  // Of what a tensor leaves in a buffer, and so in memory.
  const auto stored_bytes = [&](int tensor) {
    const Shape shape = network.shape(tensor);
    const bool sums = tensor > 0 && network.layer(tensor - 1).accumulator_output;
    const int64_t pixel = to_bytes(shape.channels * (sums ? 32 : network.format(tensor).bits));
    int64_t bytes = 0;
    for (int y = 0; y < shape.height; ++y) {
      for (int x = 0; x < shape.width; ++x) bytes += pixel;
    }
    return bytes;
  };
  TickedProgram program;
  const auto uses = loopback::place(a, network).arrays.front().uses;
  const int image = a.host_first_last ? uses.front().layer : 0;
  program.image_bytes = stored_bytes(image);
  int result = uses.back().layer + 1;
  while (result + 1 < network.tensors() &&
         !network.layers[static_cast<size_t>(result)].has_weights()) {
    ++result;
  }
  program.result_bytes = stored_bytes(result);
  const auto words = words_to_read(network, image, result, static_cast<int>(a.simd));
  program.moves.emplace_back();
  for (int l = image; l < result; ++l) {
    if (network.layers[static_cast<size_t>(l)].has_weights()) program.moves.emplace_back();
    if (words[static_cast<size_t>(l)] > 0) {
      program.moves.back().push_back(words[static_cast<size_t>(l)]);
    }
  }
  for (const ArrayUse& use : uses) {
    const Layer& layer = network.layers[static_cast<size_t>(use.layer)];
    const bool by_channel = a.schedule == Schedule::channel_parallel;
    TickedLayer ticked;
    for (int column = 0; column < layer.columns(); column += static_cast<int>(a.simd)) {
      ++ticked.words_per_fold;
    }
    for (int pixel = 0; pixel < layer.output.height * layer.output.width;
         pixel += by_channel ? 1 : static_cast<int>(a.pe)) {
      ++ticked.passes;
    }
    const int64_t rows = by_channel ? a.pe : 1;
    const int64_t word = to_bytes(rows * a.simd * layer.weight_format.bits);
    const int64_t thresholds = to_bytes(rows * layer.thresholds_per_row() * use.threshold_bits);
    int64_t room = 0;        // in the bank of the last tile
    std::vector<int> folds;  // their first rows: of one group each
    for (int group = 0; group < layer.groups; ++group) {
      for (int row = 0; row < layer.rows() / layer.groups; row += static_cast<int>(rows)) {
        folds.push_back(row);
      }
    }
    for (size_t fold = 0; fold < folds.size(); ++fold) {
      if (room < ticked.words_per_fold * word) {
        ticked.tiles.push_back({});
        room = a.double_buffering ? a.weight_buffer_bytes / 2 : a.weight_buffer_bytes;
      }
      room -= ticked.words_per_fold * word;
      ++ticked.tiles.back().folds;
      ticked.tiles.back().bytes += ticked.words_per_fold * word + thresholds;
    }
    program.layers.push_back(ticked);
  }
  return program;
}

class TickedLoopback {
 public:
  TickedLoopback(const loopback::LoopbackAccelerator& a, const Network& network, int images)
      : a_(a), program_(ticked_program(a, network)), memory_(a.memory) {
    // Everything that memory will be asked for, in order. The program is one tile ahead.
    const auto tiles_of = [&](size_t skip) {
      for (const TickedLayer& layer : program_.layers) {
        for (const TickedTile& tile : layer.tiles) {
          if (skip > 0)
            --skip;
          else
            transfers_.push_back({Kind::tile, tile.bytes});
        }
      }
    };
    for (int i = 0; i < images; ++i) {
      transfers_.push_back({Kind::image, program_.image_bytes});
      tiles_of(i == 0 ? 0 : 1);
      if (i + 1 < images) {
        transfers_.push_back({Kind::tile, program_.layers.front().tiles.front().bytes});
      }
      transfers_.push_back({Kind::result, program_.result_bytes});
    }
    free_banks_ = a.double_buffering ? 2 : 1;
  }

  /// Ticks until the last result is stored.
  void run(int images) {
    result.emplace_back();
    for (; static_cast<int>(result.size()) <= images; ++cycle) tick(images);
    result.pop_back();
  }

  std::vector<loopback::ImageCycles> result;
  loopback::TileStarts starts;
  int64_t cycle = 0;

 private:
  enum class Kind : uint8_t { image, tile, result };
  enum class State : uint8_t { load, move, control, tile, pipeline, store };
  struct Transfer {
    Kind kind;
    int64_t bytes;
  };

  /// What is possible at the beginning of a cycle happens; then every part does one cycle's work.
  void tick(int images) {
    bool moved = true;
    while (moved) moved = memory_proceeds() || controller_proceeds(images);
    if (static_cast<int>(result.size()) > images) {  // nothing was left for this cycle
      --cycle;
      return;
    }
    if (!memory_.done()) memory_.tick();
    work();
  }

  bool memory_proceeds() {
    if (!memory_.done()) return false;
    if (under_way_) {
      under_way_ = false;
      (transfers_.front().kind == Kind::tile ? full_banks_ : moved_) += 1;
      transfers_.pop_front();
      return true;
    }
    if (transfers_.empty()) return false;
    const Transfer& next = transfers_.front();
    const bool may_begin = next.kind == Kind::tile    ? free_banks_ > 0
                           : next.kind == Kind::image ? state_ == State::load
                                                      : state_ == State::store;
    if (!may_begin) return false;
    if (next.kind == Kind::tile) --free_banks_;
    memory_.begin(next.bytes);
    under_way_ = true;
    return true;
  }

  bool controller_proceeds(int images) {
    if (static_cast<int>(result.size()) > images) return false;
    const TickedLayer& layer = program_.layers[std::min(layer_, program_.layers.size() - 1)];
    switch (state_) {
      case State::load:
        if (moved_ == 0) return false;
        --moved_;
        starts.emplace_back();
        return move_or_enter(0);
      case State::move:
        if (spent_ < a_.control_cycles + program_.moves[layer_][move_] + a_.pipeline_cycles) {
          return false;
        }
        ++move_;
        return next_move();
      case State::control:
        if (spent_ < a_.control_cycles) return false;
        return enter(State::tile);
      case State::tile:
        if (tile_ == layer.tiles.size()) return enter(State::pipeline);
        if (!computing_) {
          if (full_banks_ == 0) return false;
          --full_banks_;
          computing_ = true;
          pass_ = fold_ = word_ = 0;
          starts.back().back().push_back(cycle);
          return true;
        }
        if (pass_ < layer.passes) return false;
        ++free_banks_;
        ++tile_;
        computing_ = false;
        return true;
      case State::pipeline:
        if (spent_ < a_.pipeline_cycles) return false;
        return move_or_enter(layer_ + 1);
      case State::store:
        if (moved_ == 0) return false;
        --moved_;
        result.emplace_back();
        return enter(State::load);
    }
    return false;
  }

  bool enter(State state) {
    state_ = state;
    spent_ = 0;
    return true;
  }
  bool move_or_enter(size_t layer) {
    layer_ = layer;
    move_ = 0;
    return next_move();
  }
  bool next_move() {
    if (move_ < program_.moves[layer_].size()) {
      result.back().moves.emplace_back();
      return enter(State::move);
    }
    return layer_ < program_.layers.size() ? enter_layer() : enter(State::store);
  }
  bool enter_layer() {
    tile_ = 0;
    result.back().layers.emplace_back();
    starts.back().emplace_back();
    return enter(State::control);
  }

  void work() {
    loopback::ImageCycles& image = result.back();
    ++spent_;
    switch (state_) {
      case State::load:
        ++image.load;
        break;
      case State::move: {
        loopback::LayerCycles& move = image.moves.back();
        const int64_t words = program_.moves[layer_][move_];
        (spent_ <= a_.control_cycles           ? move.control
         : spent_ <= a_.control_cycles + words ? move.steps
                                               : move.pipeline) += 1;
        break;
      }
      case State::control:
        ++image.layers.back().control;
        break;
      case State::pipeline:
        ++image.layers.back().pipeline;
        break;
      case State::store:
        ++image.store;
        break;
      case State::tile:
        if (!computing_) {
          ++image.layers.back().waiting;
          break;
        }
        ++image.layers.back().steps;
        if (++word_ < program_.layers[layer_].words_per_fold) break;
        word_ = 0;
        if (++fold_ < program_.layers[layer_].tiles[tile_].folds) break;
        fold_ = 0;
        ++pass_;
        break;
    }
  }

  loopback::LoopbackAccelerator a_;
  TickedProgram program_;
  TickedMemory memory_;
  std::deque<Transfer> transfers_;
  bool under_way_ = false;  // the transfer in front
  int moved_ = 0;           // images or results that nobody took note of
  int free_banks_ = 0, full_banks_ = 0;

  State state_ = State::load;
  int64_t spent_ = 0;  // cycles in this state
  size_t layer_ = 0, move_ = 0, tile_ = 0;
  bool computing_ = false;
  int pass_ = 0, fold_ = 0, word_ = 0;
};

}  // namespace stuckat::test
