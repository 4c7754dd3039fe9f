// Engines against each other on one network, accelerator, fault map and set of images.
#pragma once

#include <concepts>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/accelerator.h"
#include "sim/fast/fault_simulator.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "trainer/predict.h"

namespace stuckat::test {

using Tensors = std::vector<std::vector<Tensor>>;  // [image][tensor]

inline std::string names(const FaultMap& map) {
  std::string text;
  for (const Fault& fault : map.faults) text += " " + name(fault);
  return text;
}

/// "" if equal, else where they first differ.
inline std::string difference(const Tensors& expected, const Tensors& actual,
                              const Network& network) {
  if (expected.size() != actual.size()) return "number of images";
  std::ostringstream text;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].size() != actual[i].size()) return "number of tensors";
    for (size_t t = 0; t < expected[i].size(); ++t) {
      if (expected[i][t] == actual[i][t]) continue;
      if (!(expected[i][t].shape == actual[i][t].shape)) return "shape of a tensor";
      const auto& e = expected[i][t].values;
      const auto& a = actual[i][t].values;
      size_t k = 0;
      while (e[k] == a[k]) ++k;
      text << "image " << i << " " << (t == 0 ? "input" : network.layers[t - 1].name) << " element "
           << k << " is " << a[k] << ", expected " << e[k];
      return text.str();
    }
  }
  return {};
}

/// Four in five of the faults that can be transient become one, mostly while the part works.
/// `placement`: with a run.
inline Fault often_flipped(Fault fault, const Placement& placement, Random& random) {
  if (!site_row(fault.kind).flips() || uniform(random, 0, 4) == 0) return fault;
  const auto cycle = std::uniform_int_distribution<int64_t>(0, placement.run->cycles() - 1)(random);
  const auto step = placement.run->next_step(fault.part, cycle);
  fault.value = 0;
  fault.flip_cycle = step ? step->cycle : cycle;
  return fault;
}

inline Tensors by_reference(const Network& network, const std::vector<Tensor>& images,
                            const Effects& effects) {
  Tensors result;
  for (size_t i = 0; i < images.size(); ++i) {
    result.push_back(reference::run(network, images[i], effects, static_cast<int64_t>(i)));
  }
  return result;
}

inline Tensors by_fast_engine(const Network& network, const std::vector<Tensor>& images,
                              const Effects& effects, fast::Path path) {
  const fast::PackedNetwork packed(network);
  Tensors result;
  for (size_t i = 0; i < images.size(); ++i) {
    result.push_back(fast::run(packed, effects, images[i], static_cast<int64_t>(i), path));
  }
  return result;
}

/// Logits of the trainer's evaluation mode, [image][class].
inline std::vector<std::vector<int32_t>> by_trainer(const Network& network,
                                                    const std::vector<Tensor>& images,
                                                    const Effects& effects) {
  constexpr size_t lanes = 16;  // of a block tensor: [pixel][channel][16 samples]
  REQUIRE(images.size() <= lanes);
  std::vector<int8_t> block(static_cast<size_t>(network.input().size()) * lanes);
  for (size_t i = 0; i < images.size(); ++i) {
    for (size_t e = 0; e < images[i].values.size(); ++e) {
      block[e * lanes + i] = static_cast<int8_t>(images[i].values[e]);
    }
  }
  trainer::Workers workers(1);
  trainer::Predictor predictor(network, effects, workers);
  const auto flat = predictor.logits(block.data(), static_cast<int>(images.size()));
  std::vector<std::vector<int32_t>> result;
  const auto classes = static_cast<size_t>(network.classes());
  for (size_t i = 0; i < images.size(); ++i) {
    const auto* row = flat.data() + i * classes;
    result.emplace_back(row, row + classes);
  }
  return result;
}

inline std::vector<Tensor> random_images(Random& random, const Network& network, int count = 3) {
  std::vector<Tensor> images;
  for (int i = 0; i < count; ++i) images.push_back(random_image(random, network));
  return images;
}

/// The engines beside simulator and reference. A network that is no chain of square windows is no
/// matter for the trainer under faults in arithmetic, one of 9 bits none for the fast engine.
enum class Engines : uint8_t { all, no_trainer, simulator_only };

/// True if the fault map has an exact effect; nothing else refuses it.
inline bool is_exact(const FaultMap& map, const Placement& placement, const Network& network) {
  const std::string told = refusal([&] { lower(map, placement, network); });
  if (told == "accepted") return true;
  CHECK_THAT(told, Catch::Contains("no exact effect"));
  return false;
}

/// simulated() -> Tensors runs in a child and is compared there; the others run here.
template <std::invocable Simulated>
void check_agreement(const Network& network, const Placement& placement, const FaultMap& map,
                     const std::vector<Tensor>& images, Simulated simulated,
                     Engines engines = Engines::all) {
  const Effects effects = lower(map, placement, network);
  std::string lines;
  for (const auto& line : describe(effects, network)) lines += "\n    " + line;
  INFO("faults" << names(map) << lines);
  const Tensors expected = by_reference(network, images, effects);
  CHECK(in_child([&] { return difference(expected, simulated(), network); }) == "");
  if (engines == Engines::simulator_only) return;
  for (const fast::Path path :
       {fast::Path::automatic, fast::Path::differential, fast::Path::dense}) {
    CHECK(difference(expected, by_fast_engine(network, images, effects, path), network).empty());
  }
  if (engines == Engines::no_trainer) return;
  const auto trained = by_trainer(network, images, effects);
  for (size_t i = 0; i < images.size(); ++i) CHECK(trained[i] == expected[i].back().values);
}

inline void check_agreement(const Network& network, const Placement& placement, const FaultMap& map,
                            const std::vector<Tensor>& images, const Accelerator& accelerator,
                            Engines engines = Engines::all) {
  check_agreement(
      network, placement, map, images,
      [&] { return accelerator.simulate(network, map, images, {.tensors = true}).tensors; },
      engines);
}

inline void check_agreement(const Network& network, const Accelerator& accelerator,
                            const FaultMap& map, const std::vector<Tensor>& images) {
  check_agreement(network, accelerator.place(network), map, images, accelerator);
}

/// Maps that are checked one after the other, and how many of them had what effect.
struct CheckedMaps {
  int64_t all = 0;
  int64_t refused = 0;  ///< no exact effect
  int64_t with_effects = 0;
  int64_t flips = 0;  ///< of those that are not refused
  int64_t hits = 0;   ///< flips that change something

  /// All engines agree under a map that has an exact effect; false of one that has none.
  bool check(const Network& network, const Placement& placement, const FaultMap& map,
             const std::vector<Tensor>& images, const Accelerator& accelerator,
             Engines engines = Engines::all) {
    ++all;
    if (!is_exact(map, placement, network)) {
      ++refused;
      return false;
    }
    with_effects += lower(map, placement, network).empty() ? 0 : 1;
    for (const Fault& fault : map.faults) {
      if (!fault.is_flip()) continue;
      ++flips;
      const FaultMap alone{placement.accelerator, {fault}};
      if (!is_exact(alone, placement, network)) continue;  // another fault kept it from acting
      hits += lower(alone, placement, network).empty() ? 0 : 1;
    }
    check_agreement(network, placement, map, images, accelerator, engines);
    return true;
  }
};

}  // namespace stuckat::test
