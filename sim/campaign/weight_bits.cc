#include "sim/campaign/weight_bits.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "faultmaps/normal_form.h"
#include "sim/campaign/fault_source.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

/// Layer by layer, row by row, column by column, bit by bit, at 0 and at 1.
class WeightSource : public FaultSet::Source {
 public:
  explicit WeightSource(const Network& network) : network_(network) {
    for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
      const Layer& layer = network.layer(i);
      if (!layer.has_weights()) continue;
      const int64_t count =
          static_cast<int64_t>(layer.weights.size()) * layer.weight_format.bits * 2;
      strata_.push_back({layer.name, i, size_, count, count});
      size_ += count;
    }
  }

  int64_t size() const override { return size_; }

  FaultInfo info(int64_t index) const override {
    const WeightBit bit = at(index);
    FaultInfo info;
    info.id = name(bit, network_);
    info.layer = bit.layer;
    info.channel = bit.row;
    info.level = bit.one ? 1 : 0;
    return info;
  }

  Effects effects(int64_t index) const override {
    Effects effects;
    add_weight_bits(network_, {at(index)}, "weight bits", effects);
    return effects;
  }

 private:
  WeightBit at(int64_t index) const {
    const Stratum& stratum = strata_[stratum_of(index)];
    const Layer& layer = network_.layer(stratum.layer);
    const int64_t within = index - stratum.first;
    const int bits = layer.weight_format.bits;
    const int64_t weight = within / (2 * bits);
    return {stratum.layer, static_cast<int>(weight / layer.columns()),
            static_cast<int>(weight % layer.columns()), static_cast<int>(within / 2 % bits),
            within % 2 == 1};
  }

  Network network_;
  int64_t size_ = 0;
};

}  // namespace

std::string name(const WeightBit& bit, const Network& network) {
  return network.layer(bit.layer).name + "/weight[" + std::to_string(bit.row) + "," +
         std::to_string(bit.column) + "]/bit[" + std::to_string(bit.bit) +
         "]=" + (bit.one ? "1" : "0");
}

std::optional<std::vector<int>> parse_numbers(std::string_view text, size_t count) {
  std::vector<int> result;
  while (true) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return {};
    result.push_back(number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != ',') return {};
    text.remove_prefix(1);
  }
  if (result.size() != count) return {};
  return result;
}

std::optional<WeightBit> parse_weight_bit(const std::string& name, const Network& network,
                                          const std::string& where) {
  const size_t weight = name.rfind("/weight[");
  const size_t bit = name.rfind("]/bit[");
  const size_t value = name.rfind("]=");
  if (weight == std::string::npos || bit == std::string::npos || value == std::string::npos ||
      bit < weight || value <= bit) {
    return {};
  }
  WeightBit result;
  result.layer = network.find_layer(name.substr(0, weight));
  // A part of an accelerator may be called otherwise and have such sites.
  if (result.layer < 0 || !network.layer(result.layer).has_weights()) return {};
  const auto between = [&](size_t begin, size_t end) {
    return std::string_view(name).substr(begin, end - begin);
  };
  const auto place = parse_numbers(between(weight + 8, bit), 2);
  const auto number = parse_numbers(between(bit + 6, value), 1);
  const std::string_view stuck = between(value + 2, name.size());
  const Layer& layer = network.layer(result.layer);
  const auto check = [&](bool ok, const std::string& expected) {
    if (!ok) throw InputError(where, "'" + name + "'", expected);
  };
  check(place && number && (stuck == "0" || stuck == "1"),
        "LAYER/weight[ROW,COLUMN]/bit[BIT]=0 or 1");
  result.row = (*place)[0];
  result.column = (*place)[1];
  result.bit = number->front();
  result.one = stuck == "1";
  check(result.row >= 0 && result.row < layer.rows() && result.column >= 0 &&
            result.column < layer.columns() && result.bit >= 0 &&
            result.bit < layer.weight_format.bits,
        "rows, columns and bits of " + std::to_string(layer.rows()) + " x " +
            std::to_string(layer.columns()) + " weights of " + layer.weight_format.name());
  return result;
}

void add_weight_bits(const Network& network, const std::vector<WeightBit>& bits,
                     const std::string& where, Effects& effects) {
  std::map<std::tuple<int, int, int>, CodeMask> masks;  // by layer, row, column
  for (const WeightBit& b : bits) {
    CodeMask& mask = masks[{b.layer, b.row, b.column}];
    const uint32_t bit = 1u << b.bit;
    if ((mask.keep & bit) == 0 && ((mask.set & bit) != 0) != b.one) {
      throw InputError(where, "'" + name(b, network) + "', and the same bit at the other value",
                       "a bit that is stuck one way");
    }
    mask = mask.then(CodeMask::stuck_bit(b.bit, b.one));
  }
  for (const auto& [place, mask] : masks) {
    const auto [index, row, column] = place;
    const Layer& layer = network.layer(index);
    const NumberFormat format = layer.weight_format;
    const auto apply = [&, bits_of = mask](int32_t value) {
      return format.value(bits_of.apply(format.code(value)));
    };
    bool found = false;
    for (ParameterPatch& p : effects.patches) {
      if (p.layer != index || p.row != row || p.is_threshold || p.index != column) continue;
      p.value = apply(p.value);
      found = true;
    }
    if (!found) {
      effects.patches.push_back({index, row, false, column, apply(layer.weight_row(row)[column])});
    }
  }
  normalize(effects);
}

FaultSet weight_faults(const Network& network) {
  return {"weight", std::make_shared<const WeightSource>(network)};
}

}  // namespace stuckat::campaign
