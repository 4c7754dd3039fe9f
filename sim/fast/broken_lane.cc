#include "sim/fast/broken_lane.h"

namespace stuckat::fast {

uint32_t BrokenLane::product_change(const Layer& layer, int32_t stored_weight,
                                    int32_t stored_input) const {
  const NumberFormat& of_weight = layer.weight_format;
  const NumberFormat& of_input = layer.input_format;
  const int32_t read = weight.is_identity()
                           ? stored_weight
                           : of_weight.value(weight.apply(of_weight.code(stored_weight)));
  const int32_t operand = of_input.value(input.apply(of_input.code(stored_input)));
  const uint32_t made = product.apply(static_cast<uint32_t>(read * operand));
  return static_cast<uint32_t>(read_register(made, layer.signed_product_bits(), false)) -
         static_cast<uint32_t>(stored_weight * stored_input);
}

std::optional<BrokenLane> broken_lane(const BrokenPe& pe) {
  const BrokenChain& chain = pe.chain;
  const bool wraps_alike = chain.rows > 0 && chain.sum_bits == 32 && pe.accumulator_bits == 32 &&
                           pe.accumulator.is_identity() && chain.result.is_identity();
  const bool is_all =
      chain.weights_at.empty() && chain.inputs_at.empty() && chain.sum_flips.empty() &&
      chain.lost_tiles.empty() && pe.comparators.empty() && pe.weight_flips.empty() &&
      pe.accumulator_flips.empty() && pe.input_flips.empty() && pe.product_flips.empty() &&
      pe.threshold_flips.empty() && pe.comparator_flips.empty();
  if (!wraps_alike || !is_all) return {};
  std::optional<BrokenLane> broken;
  const auto put = [&](const std::vector<LaneMask>& masks, CodeMask BrokenLane::*member) {
    for (const auto& [lane, mask] : masks) {
      if (lane >= chain.rows || mask.is_identity()) continue;
      if (!broken) broken = BrokenLane{lane};
      if (broken->lane != lane) return false;
      *broken.*member = mask;
    }
    return true;
  };
  const bool is_one = put(chain.sums, &BrokenLane::sum) &&
                      put(chain.weights, &BrokenLane::weight) &&
                      put(pe.inputs, &BrokenLane::input) && put(pe.products, &BrokenLane::product);
  return is_one ? broken : std::nullopt;
}

}  // namespace stuckat::fast
