#include "sim/fast/levels/level_network.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "sim/fast/rounding.h"
#include "workloads/errors.h"
#include "workloads/sum_width.h"

namespace stuckat::fast {
namespace {

constexpr size_t bytes_read_behind = 64;  // bytes that kernels may read and do not use

LevelTensor level_tensor(const Network& network, int index) {
  LevelTensor tensor;
  tensor.shape = network.shape(index);
  tensor.sums = network.holds_accumulators(index);
  if (tensor.sums) return tensor;
  tensor.format = network.format(index);
  const bool binary = tensor.format.kind == FormatKind::binary;
  tensor.lowest = tensor.format.min_value();
  tensor.scale = binary ? 2 : 1;
  tensor.levels = (tensor.format.max_level() - tensor.lowest) / tensor.scale + 1;
  tensor.padding_level = static_cast<uint8_t>(tensor.level(tensor.format.padding_value()));
  for (const int consumer : network.consumers(index)) {
    const Layer& layer = network.layer(consumer);
    if (!layer.has_weights()) continue;
    Padding& border = tensor.border;
    border.top = std::max(border.top, layer.padding.top);
    border.left = std::max(border.left, layer.padding.left);
    border.bottom = std::max(border.bottom, layer.padding.bottom);
    border.right = std::max(border.right, layer.padding.right);
  }
  const int64_t size = int64_t{tensor.width()} * tensor.height() * tensor.shape.channels;
  constexpr int64_t most = int64_t{1} << 30;
  if (size > most) {
    throw InputError(network.name,
                     "tensor '" + network.tensor_name(index) + "' of " + std::to_string(size) +
                         " elements with its padding",
                     "at most 2^30, for the fast engine");
  }
  for (int y = 0; y < tensor.shape.height; ++y) {
    for (int x = 0; x < tensor.shape.width; ++x) {
      const int pixel = (y + tensor.border.top) * tensor.width() + x + tensor.border.left;
      tensor.at.push_back(static_cast<uint32_t>(pixel) *
                          static_cast<uint32_t>(tensor.shape.channels));
    }
  }
  return tensor;
}

LevelWork work_of(const Layer& layer) {
  if (layer.kind == LayerKind::average_pool) return LevelWork::average;
  if (layer.kind == LayerKind::max_pool) return LevelWork::maximum;
  if (layer.kind == LayerKind::add) return LevelWork::add;
  if (layer.kind == LayerKind::concat) return LevelWork::concat;
  assert(layer.has_weights());
  const bool depthwise =
      layer.groups > 1 && layer.groups == layer.input.channels && layer.rows() == layer.groups;
  return depthwise ? LevelWork::depthwise : LevelWork::matrix;
}

/// Groups of rows that share their input, except that depthwise rows lie together.
void make_blocks(LevelLayer& packed) {
  const int groups = packed.work == LevelWork::matrix ? packed.groups : 1;
  const int rows = packed.rows / groups;
  packed.slot_of.resize(static_cast<size_t>(packed.rows));
  for (int group = 0; group < groups; ++group) {
    for (int row = 0; row < rows; row += block_rows) {
      const int channel = group * rows + row;
      const int count = std::min(block_rows, rows - row);
      for (int i = 0; i < count; ++i) {
        packed.slot_of[static_cast<size_t>(channel + i)] = packed.slots + i;
      }
      packed.blocks.push_back({group, channel, count});
      packed.slots += block_rows;
    }
  }
}

void make_windows(const Layer& layer, const LevelTensor& input, LevelLayer& packed) {
  const int width = input.width();
  for (int y = 0; y < packed.output.height; ++y) {
    for (int x = 0; x < packed.output.width; ++x) {
      const int top = y * packed.stride.height - packed.padding.top + input.border.top;
      const int left = x * packed.stride.width - packed.padding.left + input.border.left;
      packed.corners.push_back(static_cast<uint32_t>(top * width + left));
    }
  }
  const int channels = layer.group_channels();
  const bool row_by_row = layer.groups == 1;
  const bool at_once = row_by_row && packed.kernel.width == width;
  packed.run_bytes = channels * (at_once      ? packed.kernel.height * packed.kernel.width
                                 : row_by_row ? packed.kernel.width
                                              : 1);
  packed.run_words = round_up(packed.run_bytes, 4) / 4;
  for (int ky = 0; ky < packed.kernel.height; ++ky) {
    for (int kx = 0; kx < packed.kernel.width; ++kx) {
      if (at_once ? ky + kx > 0 : row_by_row && kx > 0) continue;
      packed.runs.push_back(ky * width + kx);
    }
  }
}

void pack_weights(const Layer& layer, LevelLayer& packed) {
  packed.weights.assign(packed.blocks.size() * packed.block_bytes(), 0);
  const size_t slots = static_cast<size_t>(packed.slots);
  const bool keeps_columns = packed.work == LevelWork::matrix && packed.groups == 1;
  if (keeps_columns) packed.columns.assign(static_cast<size_t>(layer.columns()) * slots, 0);
  for (int row = 0; row < layer.rows(); ++row) {
    const int slot = packed.slot_of[static_cast<size_t>(row)];
    const int8_t* weights = layer.weight_row(row);
    for (int column = 0; column < layer.columns(); ++column) {
      packed.weights[packed.weight_at(slot, column)] = weights[column];
      if (keeps_columns) {
        packed.columns[static_cast<size_t>(column) * slots + static_cast<size_t>(slot)] =
            weights[column];
      }
    }
  }
}

/// base and unit of a layer with weights, and the sums that its levels can give in a row.
void scale_sums(const Layer& layer, const LevelTensor& input, LevelLayer& packed,
                std::vector<RowThresholds>& rows) {
  packed.base.assign(static_cast<size_t>(packed.slots), 0);
  packed.unit = layer.is_xnor() ? 1 : input.scale;
  for (int row = 0; row < layer.rows(); ++row) {
    int64_t sum = 0;
    int64_t positive = 0;
    for (int column = 0; column < layer.columns(); ++column) {
      const int weight = layer.weight_row(row)[column];
      sum += weight;
      positive += std::max(0, weight);
    }
    const auto slot = static_cast<size_t>(packed.slot_of[static_cast<size_t>(row)]);
    // A match more for each weight of +1 whose bit is set, one less for each of -1.
    packed.base[slot] =
        static_cast<int32_t>(layer.is_xnor() ? (layer.columns() - sum) / 2 : sum * input.lowest);
    rows[slot].least = (sum - positive) * (input.levels - 1);
    rows[slot].greatest = positive * (input.levels - 1);
    const std::string wide = too_wide(rows[slot].least, rows[slot].greatest + 1);
    if (wide.empty()) continue;
    throw InputError(layer.name, wide + " where inputs count from their lowest value",
                     std::string(narrow_sums) + ", for the fast engine");
  }
}

void pack_thresholds(const Layer& layer, int first_level, LevelLayer& packed,
                     std::vector<RowThresholds>& rows) {
  const auto n = static_cast<size_t>(layer.thresholds_per_row());
  for (RowThresholds& row : rows) row.ascending.assign(n, INT32_MAX);
  for (int r = 0; r < layer.rows(); ++r) {
    const auto slot = static_cast<size_t>(packed.slot_of[static_cast<size_t>(r)]);
    const int32_t* thresholds = layer.threshold_row(r);
    for (size_t t = 0; t < n; ++t) {
      const int64_t distance =
          int64_t{thresholds[t]} - (packed.base.empty() ? 0 : packed.base[slot]);
      rows[slot].ascending[t] = static_cast<int32_t>(
          std::clamp<int64_t>(floor_divide<int64_t>(distance, packed.unit), INT32_MIN, INT32_MAX));
    }
    std::sort(rows[slot].ascending.begin(), rows[slot].ascending.end());
  }
  packed.activation = Activation(rows, first_level);
}

/// Tables by level, and of both at once where all channels agree.
void pack_tables(const Layer& layer, const LevelNetwork& network, LevelLayer& packed) {
  for (size_t k = 0; k < layer.tables.size(); ++k) {
    const LevelTensor& input = network.tensor(layer.inputs[k]);
    std::vector<int32_t>& table = packed.tables.emplace_back();
    for (int level = 0; level < input.levels; ++level) {
      table.push_back(layer.tables[k].values[input.format.code(input.value(level))]);
    }
  }
  if (layer.accumulator_output || packed.tables.size() != 2) return;
  const int n = layer.thresholds_per_row();
  for (int row = 1; row < layer.rows(); ++row) {
    if (!std::is_permutation(layer.threshold_row(row), layer.threshold_row(row) + n,
                             layer.threshold_row(0))) {
      return;
    }
  }
  for (const int32_t first : packed.tables[0]) {
    for (const int32_t second : packed.tables[1]) {
      packed.pairs.push_back(static_cast<uint8_t>(packed.activation.level(0, first + second)));
    }
  }
}

LevelLayer pack_layer(const Network& network, const LevelNetwork& packed_network, int index) {
  const Layer& layer = network.layer(index);
  const LevelTensor& input = packed_network.tensor(layer.inputs.front());
  const LevelTensor& output = packed_network.tensor(Network::output_tensor(index));
  LevelLayer packed;
  packed.work = work_of(layer);
  packed.inputs = layer.inputs;
  packed.input = layer.input;
  packed.output = layer.output;
  packed.kernel = layer.is_flat() ? Extent(layer.input.height, layer.input.width) : layer.kernel;
  packed.stride = layer.stride;
  packed.padding = layer.padding;
  packed.groups = layer.groups;
  packed.rows = layer.rows();
  packed.accumulator_output = layer.accumulator_output;
  make_blocks(packed);
  std::vector<RowThresholds> rows(static_cast<size_t>(packed.slots));
  if (layer.has_weights()) {
    make_windows(layer, input, packed);
    pack_weights(layer, packed);
    scale_sums(layer, input, packed, rows);
  } else if (layer.kind->sums) {
    const auto [least, greatest] = layer.kind->sums_between(layer);
    for (RowThresholds& row : rows) {
      row.least = least;
      row.greatest = greatest;
    }
  }
  if (layer.kind->sums && !layer.accumulator_output) {
    pack_thresholds(layer, output.level(output.format.min_level()), packed, rows);
  }
  if (packed.work == LevelWork::add) pack_tables(layer, packed_network, packed);
  return packed;
}

/// Windows of one axis that cover some of begin .. end-1.
std::pair<int, int> windows(int begin, int end, int kernel, int stride, int padding, int outputs) {
  const int first = begin + padding - kernel + 1;
  return {first <= 0 ? 0 : (first + stride - 1) / stride,
          std::min(outputs, (end - 1 + padding) / stride + 1)};
}

}  // namespace

void Area::include(int y, int x) { include(Area{y, x, y + 1, x + 1}); }

void Area::include(const Area& other) {
  if (other.empty()) return;
  if (empty()) {
    *this = other;
    return;
  }
  top = std::min(top, other.top);
  left = std::min(left, other.left);
  bottom = std::max(bottom, other.bottom);
  right = std::max(right, other.right);
}

Area differing(const Area& area, std::span<const uint8_t> flags) {
  Area result;
  const auto width = static_cast<size_t>(std::max(0, area.right - area.left));
  for (int y = area.top; y < area.bottom && width > 0; ++y) {
    const auto row = flags.subspan(static_cast<size_t>(y - area.top) * width, width);
    const auto set = [](uint8_t flag) { return flag != 0; };
    const auto first = std::find_if(row.begin(), row.end(), set);
    if (first == row.end()) continue;
    const auto last = std::find_if(row.rbegin(), row.rend(), set);
    result.include(Area{y, area.left + static_cast<int>(first - row.begin()), y + 1,
                        area.right - static_cast<int>(last - row.rbegin())});
  }
  return result;
}

size_t LevelTensor::size() const {
  return static_cast<size_t>(width()) * static_cast<size_t>(height()) *
             static_cast<size_t>(shape.channels) +
         bytes_read_behind;
}

size_t LevelLayer::weight_at(int slot, int column) const {
  const int run = column / run_bytes;
  const int byte = column % run_bytes;
  const int lane = slot % block_rows;
  const int at = work == LevelWork::depthwise
                     ? column * block_rows + lane
                     : ((run * run_words + byte / 4) * block_rows + lane) * 4 + byte % 4;
  return static_cast<size_t>(slot / block_rows) * block_bytes() + static_cast<size_t>(at);
}

Area LevelLayer::reached(const Area& changed) const {
  if (changed.empty()) return {};
  const auto [top, bottom] = windows(changed.top, changed.bottom, kernel.height, stride.height,
                                     padding.top, output.height);
  const auto [left, right] =
      windows(changed.left, changed.right, kernel.width, stride.width, padding.left, output.width);
  return {top, left, bottom, right};
}

LevelNetwork::LevelNetwork(Network network) : network_(std::move(network)) {
  for (int t = 0; t < network_.tensors(); ++t) {
    tensors_.push_back(level_tensor(network_, t));
    consumers_.push_back(network_.consumers(t));
  }
  size_t most = 0;
  for (int i = 0; i < last_tensor(); ++i) {
    layers_.push_back(pack_layer(network_, *this, i));
    most = std::max(
        {most, layers_.back().blocks.size(), static_cast<size_t>(layers_.back().output.pixels())});
  }
  numbers_.resize(most);
  std::iota(numbers_.begin(), numbers_.end(), 0);
}

void store_values(const LevelTensor& layout, const Tensor& values, uint8_t* bytes) {
  const int channels = layout.shape.channels;
  const int32_t* value = values.values.data();
  for (const uint32_t at : layout.at) {
    for (int c = 0; c < channels; ++c, ++value) {
      bytes[at + static_cast<uint32_t>(c)] = static_cast<uint8_t>(layout.level(*value));
    }
  }
}

Tensor load_values(const LevelTensor& layout, const uint8_t* bytes) {
  Tensor result{layout.shape, {}};
  result.values.reserve(static_cast<size_t>(layout.shape.size()));
  for (const uint32_t at : layout.at) {
    for (int c = 0; c < layout.shape.channels; ++c) {
      result.values.push_back(layout.value(bytes[at + static_cast<uint32_t>(c)]));
    }
  }
  return result;
}

}  // namespace stuckat::fast
