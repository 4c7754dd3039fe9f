// The kinds of layers: a row for each, which says all in which they differ. A place that needs to
// know what a kind is asks its row; an engine says which kinds it computes (capabilities.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace stuckat {

struct Layer;
struct Network;
struct Shape;
struct Tensor;

/// What an element of the output looks at: the window at its pixel, or the whole input.
enum class Reads : uint8_t { window, everything };

/// What computes a layer in an accelerator: an array of PEs (MVTU), a max-pool unit, or nothing
/// that any accelerator has.
enum class HardwarePart : uint8_t { pe_array, max_pool, none };

struct LayerKindRow {
  const char* name;   ///< in model files and messages: "max_pool"
  const char* label;  ///< in tables: "max-pool"
  uint8_t number;     ///< in content hashes; never given to another kind
  int inputs;         ///< tensors that it reads; some_inputs: two or more
  bool has_weights;   ///< a matrix [rows()][columns()]
  bool sums;          ///< gives levels of sums by thresholds, or the sums; else input values
  Reads reads;
  HardwarePart part;
  /// The output's shape by the layer's geometry and its output.channels. Throws InputError(where).
  Shape (*output)(const Layer& layer, const std::string& where);
  /// The least and greatest sum over all weights and all inputs that stored codes can mean; null
  /// unless it sums.
  std::pair<int64_t, int64_t> (*sums_between)(const Layer& layer);
  /// What more than shapes, formats and sizes must hold, or null; `layer` is layer `index` of the
  /// network, its inputs exist. Throws InputError(where).
  void (*check)(const Network& network, int index, const std::string& where);
  /// The definition (reference.h): one layer on tensors of its input shape, [inputs].
  Tensor (*run)(const Layer& layer, std::span<const Tensor* const> inputs);
};

inline constexpr int some_inputs = -1;

/// A row, as a value. Rows live as long as the program; a kind of one's own is a row of one's own.
class LayerKind {
 public:
  static const LayerKind convolution;
  static const LayerKind dense;
  static const LayerKind max_pool;
  static const LayerKind average_pool;
  static const LayerKind add;
  static const LayerKind concat;

  constexpr LayerKind(const LayerKindRow& row) : row_(&row) {}
  constexpr const LayerKindRow* operator->() const { return row_; }
  bool operator==(const LayerKind&) const = default;

 private:
  const LayerKindRow* row_;
};

extern const LayerKindRow convolution_row;
extern const LayerKindRow dense_row;
extern const LayerKindRow max_pool_row;
extern const LayerKindRow average_pool_row;
extern const LayerKindRow add_row;
extern const LayerKindRow concat_row;

inline constexpr LayerKind LayerKind::convolution{convolution_row};
inline constexpr LayerKind LayerKind::dense{dense_row};
inline constexpr LayerKind LayerKind::max_pool{max_pool_row};
inline constexpr LayerKind LayerKind::average_pool{average_pool_row};
inline constexpr LayerKind LayerKind::add{add_row};
inline constexpr LayerKind LayerKind::concat{concat_row};

/// Those that model files can hold.
const std::vector<LayerKind>& layer_kinds();

/// The one of layer_kinds() with this name. Throws InputError(where, ...).
LayerKind parse_layer_kind(const std::string& name, const std::string& where);

}  // namespace stuckat
