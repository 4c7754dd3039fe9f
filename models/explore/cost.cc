#include "models/explore/cost.h"

#include "models/dataflow/chain.h"

namespace stuckat::explore {

Cost cost(const dataflow::DataflowAccelerator& accelerator, const Network& network) {
  Cost sum;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if ((layer.part() == HardwarePart::pe_array && !layer.is_flat()) ||
        pools_windows(accelerator, network, static_cast<int>(i))) {
      sum.memory_bits += int64_t{layer.kernel + layer.stride} *
                         (layer.input.width + 2 * layer.padding) * layer.input.channels *
                         layer.input_format.bits;
    }
    if (layer.part() != HardwarePart::pe_array) continue;
    const auto index = static_cast<int>(i);
    const dataflow::LayerParams& p = accelerator.layers[i];
    sum.pes += p.pe;
    sum.multipliers += int64_t{p.pe} * p.simd;
    const int64_t rows = padded_rows(accelerator, network, index);
    const int64_t columns = padded_columns(accelerator, network, index);
    sum.memory_bits += rows * columns * layer.weight_format.bits;
    sum.memory_bits += rows * layer.thresholds_per_row() *
                       (layer.accumulator_output ? 0 : threshold_bits(accelerator, network, index));
  }
  for (const auto& stream : build_chain(accelerator, network).streams) {
    sum.memory_bits += int64_t{stream.depth} * stream.word_bits();
  }
  return sum;
}

Cost cost(const loopback::LoopbackAccelerator& a) {
  return {a.pe, a.pe * a.simd, 8 * (a.weight_buffer_bytes + 2 * a.activation_buffer_bytes)};
}

}  // namespace stuckat::explore
