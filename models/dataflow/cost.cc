#include "models/dataflow/chain.h"
#include "models/dataflow/family.h"
#include "models/dataflow/finn_resources.h"

namespace stuckat::dataflow {

/// Memory: weights and thresholds of every MVTU with their padding, the rows of sliding windows
/// (kernel + stride of them), and every FIFO, depth times word.
Cost Dataflow::cost(const Network& network) const {
  Cost sum;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const auto index = static_cast<int>(i);
    if ((layer.part() == HardwarePart::pe_array && !layer.is_flat()) ||
        pools_windows(description_, network, index)) {
      sum.memory_bits += int64_t{layer.kernel.height + layer.stride.height} *
                         padded_shape(layer).width * layer.input.channels * layer.input_format.bits;
    }
    if (layer.part() != HardwarePart::pe_array) continue;
    const LayerParams& p = description_.layers[i];
    sum.pes += p.pe;
    sum.multipliers += int64_t{p.pe} * p.simd;
    const int64_t rows = padded_rows(description_, network, index);
    const int64_t columns = padded_columns(description_, network, index);
    const MvauShape mvau{rows,
                         columns,
                         p.pe,
                         p.simd,
                         layer.weight_format.bits,
                         layer.input_format.bits,
                         layer.accumulator_output ? 0 : layer.output_format.bits};
    sum.luts += finn_luts(mvau);
    sum.bram18 += finn_bram18(mvau);
    sum.dsps += finn_dsps(mvau);
    sum.memory_bits += rows * columns * layer.weight_format.bits;
    sum.memory_bits +=
        rows * layer.thresholds_per_row() *
        (layer.accumulator_output ? 0 : threshold_bits(description_, network, index));
  }
  for (const auto& stream : build_chain(description_, network).streams) {
    sum.memory_bits += int64_t{stream.depth} * stream.word_bits();
  }
  return sum;
}

}  // namespace stuckat::dataflow
