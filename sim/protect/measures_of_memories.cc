#include <algorithm>
#include <set>

#include "faultmaps/mitigation/protection.h"
#include "sim/protect/measure_rows.h"

namespace stuckat::protect {

void add_code(const MeasureInput& input, const char* code, std::vector<Candidate>& candidates) {
  const std::vector<Fault> faults = single_faults(input);
  if (faults.empty()) return;
  Candidate candidate;
  candidate.measure = code;
  std::set<std::string> memories;
  for (const Fault& fault : faults) {
    const bool weight = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::array_weight;
    const bool threshold =
        fault.kind == SiteKind::pe_threshold || fault.kind == SiteKind::array_threshold;
    if (weight || threshold) memories.insert(fault.part + (weight ? "/weights" : "/thresholds"));
  }
  if (memories.empty()) return;
  Placement coded = input.placement;
  for (const std::string& memory : memories) {
    candidate.codes[memory] = code;
    const size_t slash = memory.rfind('/');
    encode(coded, memory.substr(0, slash),
           memory.substr(slash) == "/weights" ? CodedMemory::weights : CodedMemory::thresholds,
           parse_memory_code(code, "measure"));
  }
  std::vector<bool> hidden;
  int64_t reported = 0;
  for (const Fault& fault : faults) {
    const Residual residual = behind_protection({coded.accelerator, {fault}}, coded, input.network);
    hidden.push_back(residual.left.faults.empty());
    reported += residual.detected.empty() ? 0 : 1;
  }
  judge(input.evidence, hidden, candidate);
  candidate.silent -= std::min(candidate.silent, reported);
  candidate.count = static_cast<int64_t>(memories.size());
  candidate.detail = std::to_string(candidate.count) +
                     (candidate.count == 1 ? " memory" : " memories") + ", " +
                     std::to_string(reported) + " faults reported";
  add_cost(input, candidate);
  candidates.push_back(std::move(candidate));
}

}  // namespace stuckat::protect
