// Random accelerators for a network: foldings, FIFO depths, widths, schedules.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/mitigation/memory_code.h"
#include "faultmaps/systolic_sites.h"
#include "faultmaps/weight_memory.h"
#include "models/dataflow/family.h"
#include "models/loopback/family.h"
#include "models/protected/accelerator.h"
#include "tests/support/random_network.h"
#include "tests/support/random_systolic.h"

namespace stuckat::test {

inline int random_divisor(Random& random, int of) {
  std::vector<int> divisors;
  for (int d = 1; d <= of; ++d) {
    if (of % d == 0) divisors.push_back(d);
  }
  return divisors[static_cast<size_t>(uniform(random, 0, static_cast<int>(divisors.size()) - 1))];
}

inline dataflow::DataflowAccelerator random_dataflow(Random& random, const Network& network) {
  dataflow::DataflowAccelerator a = dataflow::auto_dataflow(network, 1000);
  a.name = "random";
  a.discipline =
      uniform(random, 0, 1) == 0 ? dataflow::Discipline::stalling : dataflow::Discipline::flushing;
  a.input_depth = uniform(random, 1, 9);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    dataflow::LayerParams& p = a.layers[i];
    p.out_depth = uniform(random, 1, 9);
    p.inner_depth = uniform(random, 1, 4);
    if (layer.kind != LayerKind::dense && uniform(random, 0, 1) == 0) {
      p.window_simd = random_divisor(random, layer.input.channels);
    }
    if (!layer.has_weights()) continue;
    p.pe = layer.accumulator_output ? uniform(random, 1, layer.rows())
                                    : random_divisor(random, layer.rows());
    p.simd = random_divisor(random, layer.columns());
    p.padded_rows = 0;
    p.word_bits = 0;
    if (uniform(random, 0, 2) == 0) {
      p.accumulator_bits = layer.accumulator_bits() + uniform(random, 0, 3);
      p.threshold_bits = layer.threshold_bits() + uniform(random, 0, 3);
    }
  }
  dataflow::validate(a, network);
  return a;
}

/// Activation buffers are no larger than the network needs, so that faults in them are not in vain.
inline loopback::LoopbackAccelerator random_loopback(Random& random, const Network& network) {
  loopback::LoopbackAccelerator a;
  a.pe = uniform(random, 1, 9);
  a.simd = uniform(random, 1, 12);
  a.name = "random";
  a.schedule = uniform(random, 0, 1) == 0 ? Schedule::channel_parallel : Schedule::pixel_parallel;
  a.double_buffering = uniform(random, 0, 1) == 0;
  a.activation_buffer_bytes = 1;
  for (int t = 0; t < network.tensors(); ++t) {
    const Shape shape = network.shape(t);
    const int bits = t + 1 < network.tensors() ? network.format(t).bits : 32;
    const int64_t bytes = int64_t{shape.pixels()} * ((shape.channels * bits + 7) / 8);
    a.activation_buffer_bytes = std::max(a.activation_buffer_bytes, bytes);
  }
  return a;
}

/// One of the others with redundant PEs and codes on some of its parts: voters and codes at least.
inline AcceleratorPtr random_protected(Random& random, const Network& network) {
  AcceleratorPtr inside;
  if (uniform(random, 0, 1) == 0) {
    inside = std::make_shared<dataflow::Dataflow>(random_dataflow(random, network));
  } else {
    inside = std::make_shared<loopback::Loopback>(random_loopback(random, network));
  }
  Protection protection;
  const auto& codes = memory_codes();
  const auto code = [&] {
    return codes[static_cast<size_t>(uniform(random, 0, static_cast<int>(codes.size()) - 1))].name;
  };
  const Placement placement = inside->place(network);
  for (const Stream& stream : placement.streams) {
    if (uniform(random, 0, 3) == 0) protection.codes[stream.name + "/slots"] = code();
  }
  for (const ActivationMemory& memory : placement.memories) {
    if (uniform(random, 0, 1) == 0) protection.codes[memory.name + "/bytes"] = code();
  }
  for (const PeArray& array : placement.arrays) {
    const bool first = protection.pes.empty();
    const int start = uniform(random, 0, array.pe - 1);
    for (const Redundancy redundancy :
         {Redundancy::copies, Redundancy::duplicates, Redundancy::spares}) {
      const int nth = static_cast<int>(redundancy);
      if (nth >= array.pe || (!first && uniform(random, 0, 1) == 0)) continue;
      protection.pes[redundancy][array.name] = {(start + nth) % array.pe};
    }
    for (const char* memory : {"/weights", "/thresholds"}) {
      if (!first && uniform(random, 0, 1) == 0) continue;
      protection.codes[array.name + memory] = code();
    }
  }
  return std::make_shared<ProtectedAccelerator>("random", inside, protection);
}

/// One row for each built-in family; their kinds of sites are registered.
struct RandomFamily {
  const char* prefix;
  AcceleratorPtr (*draw)(Random&, const Network&);
};
inline const std::vector<RandomFamily>& random_families() {
  systolic_kinds();
  weight_memory_kinds();
  static const std::vector<RandomFamily> rows = {
      {"dataflow",
       [](Random& random, const Network& network) -> AcceleratorPtr {
         return std::make_shared<dataflow::Dataflow>(random_dataflow(random, network));
       }},
      {"loopback",
       [](Random& random, const Network& network) -> AcceleratorPtr {
         return std::make_shared<loopback::Loopback>(random_loopback(random, network));
       }},
      {"systolic",  // others refuse some faults, and with memory: tests/agree/test_systolic.cc
       [](Random& random, const Network&) -> AcceleratorPtr {
         auto array = random_systolic(random, "ws-double-buffered");
         array.memory.reset();
         return std::make_shared<systolic::Systolic>(array);
       }},
      {"protected", random_protected},
  };
  return rows;
}

}  // namespace stuckat::test
