#include "models/cosim/parameter_memory.h"

namespace stuckat::cosim {
namespace {

constexpr uint64_t bits_per_byte = 8;

uint64_t weight_count(const Layer& layer) {
  return static_cast<uint64_t>(layer.rows()) * static_cast<uint64_t>(layer.columns());
}

uint64_t threshold_count(const Layer& layer) {
  return static_cast<uint64_t>(layer.rows()) * static_cast<uint64_t>(layer.thresholds_per_row());
}

/// Bytes of the weights of a layer: whole words of 4.
uint64_t weight_bytes(const Layer& layer) {
  return (weight_count(layer) * static_cast<uint64_t>(layer.weight_format.bits) + 31) / 32 * 4;
}

}  // namespace

ParameterMemory::ParameterMemory(const Network& network) : shape_(network) {
  uint64_t size = 0;
  for (const Layer& layer : network.layers) {
    blocks_.push_back({size, size});
    if (!layer.has_weights()) continue;
    blocks_.back().thresholds = size + weight_bytes(layer);
    size = blocks_.back().thresholds + 4 * threshold_count(layer);
  }
  raw_.resize(size);
  keep_.assign(size, 0xff);
  set_.resize(size);
  for (size_t l = 0; l < network.layers.size(); ++l) {
    const Layer& layer = network.layers[l];
    if (!layer.has_weights()) continue;
    const auto bits = static_cast<uint64_t>(layer.weight_format.bits);
    for (size_t i = 0; i < layer.weights.size(); ++i) {
      const uint32_t code = layer.weight_format.code(layer.weights[i]);
      for (uint64_t b = 0; b < bits; ++b) {
        const uint64_t at = blocks_[l].weights * bits_per_byte + i * bits + b;
        raw_[at / 8] = static_cast<uint8_t>(raw_[at / 8] | (code >> b & 1u) << at % 8);
      }
    }
    for (size_t i = 0; i < layer.thresholds.size(); ++i) {
      const auto value = static_cast<uint32_t>(layer.thresholds[i]);
      for (size_t byte = 0; byte < 4; ++byte) {
        raw_[blocks_[l].thresholds + 4 * i + byte] = static_cast<uint8_t>(value >> 8 * byte);
      }
    }
  }
}

void ParameterMemory::stick(uint64_t bit, bool one) {
  const auto mask = static_cast<uint8_t>(1u << bit % bits_per_byte);
  uint8_t& keep = keep_[bit / bits_per_byte];
  uint8_t& set = set_[bit / bits_per_byte];
  keep = static_cast<uint8_t>(keep & ~mask);
  set = static_cast<uint8_t>(one ? set | mask : set & ~mask);
}

void ParameterMemory::arm(const Fault& fault, const PeArray& array) {
  const bool weight = fault.kind == SiteKind::pe_weight;
  if ((!weight && fault.kind != SiteKind::pe_threshold) || fault.is_flip()) return;
  healthy_ = false;
  const auto& [pe, address, third, bit] = fault.coordinates;
  const bool one = fault.value != 0;
  for (const ArrayUse& use : array.uses) {
    const Layer& layer = shape_.layers[static_cast<size_t>(use.layer)];
    const Block& block = blocks_[static_cast<size_t>(use.layer)];
    if (weight) {
      // Address nf*SF + sf of PE pe, lane `third` (docs/hardware.md, MVTU).
      const int synapse_fold = use.columns / array.simd;
      const int row = address / synapse_fold * array.pe + pe;
      const int column = address % synapse_fold * array.simd + third;
      if (row >= layer.rows() || column >= layer.columns()) continue;
      const uint64_t index = static_cast<uint64_t>(row) * static_cast<uint64_t>(layer.columns()) +
                             static_cast<uint64_t>(column);
      if (bit >= layer.weight_format.bits) continue;
      stick(block.weights * bits_per_byte +
                index * static_cast<uint64_t>(layer.weight_format.bits) +
                static_cast<uint64_t>(bit),
            one);
    } else {
      const int row = address * array.pe + pe;
      if (row >= layer.rows() || third >= layer.thresholds_per_row()) continue;
      const auto index = static_cast<uint64_t>(row * layer.thresholds_per_row() + third);
      // The sign bit of the stored threshold is read back into all bits above it.
      const int last = bit == use.threshold_bits - 1 ? 31 : bit;
      for (int b = bit; b <= last; ++b) {
        stick((block.thresholds + 4 * index) * bits_per_byte + static_cast<uint64_t>(b), one);
      }
    }
  }
}

void ParameterMemory::unpack(Network& network) const {
  for (size_t l = 0; l < network.layers.size(); ++l) {
    Layer& layer = network.layers[l];
    if (!layer.has_weights()) continue;
    const auto bits = static_cast<uint64_t>(layer.weight_format.bits);
    layer.weights.resize(weight_count(layer));
    for (size_t i = 0; i < layer.weights.size(); ++i) {
      uint32_t code = 0;
      for (uint64_t b = 0; b < bits; ++b) {
        const uint64_t at = blocks_[l].weights * bits_per_byte + i * bits + b;
        code |= (uint32_t{raw_[at / 8]} >> at % 8 & 1u) << b;
      }
      layer.weights[i] = static_cast<int8_t>(layer.weight_format.value(code));
    }
    layer.thresholds.resize(threshold_count(layer));
    for (size_t i = 0; i < layer.thresholds.size(); ++i) {
      uint32_t value = 0;
      for (size_t byte = 0; byte < 4; ++byte) {
        value |= uint32_t{raw_[blocks_[l].thresholds + 4 * i + byte]} << 8 * byte;
      }
      layer.thresholds[i] = static_cast<int32_t>(value);
    }
  }
  validate(network, "parameters");
}

std::vector<uint8_t> parameter_bytes(const Network& network) {
  ParameterMemory memory(network);
  return {memory.data(), memory.data() + memory.bytes()};
}

}  // namespace stuckat::cosim
