#include "sim/protect/measure_rows.h"

#include <algorithm>
#include <array>

#include "faultmaps/mitigation/protection.h"
#include "faultmaps/site_index.h"
#include "workloads/errors.h"

namespace stuckat::protect {

std::string count_of(int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::vector<Fault> single_faults(const MeasureInput& input) {
  const SiteIndex sites(input.placement, input.network);
  std::vector<Fault> faults;
  for (const auto& info : input.evidence.faults) {
    try {
      faults.push_back(sites.parse(info.id, "evidence"));
    } catch (const InputError&) {
      return {};
    }
  }
  return faults;
}

void judge(const campaign::Result& result, const std::vector<bool>& hidden, Candidate& candidate) {
  const int64_t golden = result.total_golden_correct();
  int64_t least = golden;
  int64_t sum = 0;
  for (int64_t f = 0; f < result.size(); ++f) {
    const int64_t right = hidden[static_cast<size_t>(f)] ? golden : result.total_correct(f);
    sum += right;
    candidate.silent += hidden[static_cast<size_t>(f)] || result.masked(f) == result.images ? 0 : 1;
    if (right >= least) continue;
    least = right;
    candidate.worst_fault = result.faults[static_cast<size_t>(f)].id;
  }
  candidate.worst_error = percent_wrong(least, result.images);
  candidate.mean_error = percent_wrong(sum, result.images * result.size());
}

void add_cost(const MeasureInput& input, Candidate& candidate) {
  Placement placement = input.placement;
  for (const auto& [redundancy, arrays] : candidate.redundant) {
    for (const auto& [array, pes] : arrays) add_redundancy(placement, redundancy, array, pes);
  }
  for (const auto& [memory, code] : candidate.codes) {
    const auto [owner, which] = parse_coded_memory(memory, "measure");
    encode(placement, owner, which, parse_memory_code(code, "measure"));
  }
  const ProtectionCost cost = protection_cost(placement, input.network);
  candidate.pes = cost.pes;
  candidate.multipliers = cost.multipliers;
  candidate.memory_bits = cost.memory_bits;
}

}  // namespace stuckat::protect
