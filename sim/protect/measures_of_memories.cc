#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "faultmaps/mitigation/protection.h"
#include "sim/protect/measure_rows.h"

namespace stuckat::protect {

void add_code(const MeasureInput& input, const char* code, std::vector<Candidate>& candidates) {
  const std::vector<Fault> faults = single_faults(input);
  if (faults.empty()) return;
  Candidate candidate;
  candidate.measure = code;
  std::set<std::pair<std::string, CodedMemory>> memories;  // by owner
  for (const Fault& fault : faults) {
    const bool whole_word = fault.kind == SiteKind::stream_word;  // no code is made for that
    if (const auto memory = coded_memory_of(fault.kind); memory && !whole_word) {
      memories.emplace(fault.part, *memory);
    }
  }
  if (memories.empty()) return;
  Placement coded = input.placement;
  for (const auto& [owner, memory] : memories) {
    candidate.codes[coded_memory_part(owner, memory)] = code;
    encode(coded, owner, memory, parse_memory_code(code, "measure"));
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
