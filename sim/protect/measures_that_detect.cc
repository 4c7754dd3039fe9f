#include <algorithm>
#include <bit>

#include "faultmaps/lower.h"
#include "sim/protect/detectors.h"
#include "sim/protect/measure_rows.h"

namespace stuckat::protect {
namespace {

/// Both kinds see the same fault-images: of faults spread over those that change a prediction.
void add_detector(const MeasureInput& input, const char* measure, bool checksum,
                  std::vector<Candidate>& candidates) {
  constexpr size_t most_faults = 48;
  constexpr int most_images = 12;
  constexpr int calibration = 100;
  const std::vector<Fault> faults = single_faults(input);
  std::vector<size_t> critical;
  for (size_t f = 0; f < faults.size(); ++f) {
    if (input.evidence.critical[f] > 0) critical.push_back(f);
  }
  if (critical.empty()) return;
  const Detectors detectors(input.network, input.meter->data(), calibration);
  Detection found;
  const size_t watched = std::min(most_faults, critical.size());
  for (size_t i = 0; i < watched; ++i) {
    const Fault& fault = faults[critical[i * critical.size() / watched]];
    const Effects effects =
        lower({input.placement.accelerator, {fault}}, input.placement, input.network);
    found.add(detectors.watch(effects, input.meter->data(), most_images));
  }
  Candidate candidate;
  candidate.measure = measure;
  judge(input.evidence, std::vector<bool>(faults.size()), candidate);
  const int64_t seen = checksum ? found.critical_by_checksum : found.critical_by_range;
  candidate.count = static_cast<int64_t>(watched);
  candidate.detail =
      "sees " + std::to_string(seen) + " of " + std::to_string(found.critical) + " wrong results";
  if (checksum) {  // one more row in each layer, of sums of weights
    int64_t all = 0;
    int64_t rows = 0;
    for (const PeArray& array : input.placement.arrays) {
      for (const ArrayUse& use : array.uses) {
        const Layer& layer = input.network.layer(use.layer);
        const int64_t row = int64_t{layer.columns()} * layer.output.pixels();
        rows += row;
        all += row * layer.rows();
        const int sum_bits =
            layer.weight_format.bits + std::bit_width(static_cast<unsigned>(layer.rows()));
        candidate.memory_bits += int64_t{layer.columns()} * sum_bits;
      }
    }
    candidate.macs += static_cast<double>(rows) / static_cast<double>(all);
  }
  candidates.push_back(std::move(candidate));
}

}  // namespace

void add_range(const MeasureInput& input, std::vector<Candidate>& candidates) {
  add_detector(input, "range", false, candidates);
}
void add_checksum(const MeasureInput& input, std::vector<Candidate>& candidates) {
  add_detector(input, "checksum", true, candidates);
}

}  // namespace stuckat::protect
