// How pessimistic is "a broken PE is its channels stuck at a level" (FAT, Zahid et al. 2020)? For
// every kind of site: what faults do exactly, against that abstraction at its worst level.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "sim/campaign/sampling.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::studies {

/// What a fault does, exactly.
enum class Outcome : uint8_t {
  masked,  ///< no element of any tensor differs in any image
  stuck,   ///< every channel that differs is one value in all pixels of all images, or every pixel
           ///< that differs is one value in all its channels: in each layer that the fault breaks
  partial  ///< anything else
};

/// The worst-case abstraction of a fault, one entry for each level that it could be stuck at (of a
/// format with many levels: the lowest, the middle one and the greatest):
///   a site of a PE: the PE dead, that is its channels (or, pixel-parallel, its pixels) stuck;
///   a slot of a FIFO: its word stuck in every lane (same-pixel stuck@);
///   any other site: the elements that the fault touches stuck as a whole.
std::vector<Effects> abstractions(const Fault& fault, const Placement& placement,
                                  const Network& network);

struct PessimismOptions {
  int64_t exhaustive = 50'000;  ///< kinds with more faults are sampled
  campaign::Sampling sampling{0.05, 0.95, 1};
  int examined = 50;  ///< first images, on which stuck is told from partial
  int threads = 1;
  std::function<void(const std::string& kind, double share)> progress = [](auto&, double) {};
};

/// A mean over all faults of a kind, in percent or percentage points.
using campaign::Estimate;

struct PessimismRow {
  std::string site;                 ///< "pe/weight"
  int64_t faults = 0;               ///< sites times values
  int64_t examined = 0;             ///< of them; fewer if they are a sample
  Estimate masked, stuck, partial;  ///< shares of the faults, percent
  Estimate exact;                   ///< points lost, mean
  Estimate abstraction;             ///< points lost by the abstraction at its worst level, mean
  Estimate gap;  ///< abstraction minus exact, mean: what the abstraction exaggerates
  double worst_exact = 0;
  double worst_abstraction = 0;
  Estimate optimistic;  ///< share of faults that cost more than their abstraction, percent
};

struct Pessimism {
  int64_t images = 0;
  int64_t right = 0;  ///< without faults
  std::vector<PessimismRow> rows;
};

/// One row for each kind that the placement has sites of, in table order.
Pessimism study(const Network& network, const Placement& placement, const DataSet& data,
                const PessimismOptions& options);

}  // namespace stuckat::studies
