// What the rows of measures() share, and the rows themselves.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "sim/protect/measures.h"

namespace stuckat::protect {

inline double percent_wrong(int64_t right, int64_t images) {
  return 100.0 * static_cast<double>(images - right) / static_cast<double>(images);
}
/// "3 PEs", "1 PE".
std::string count_of(int64_t count, const std::string& noun);
/// The faults of the evidence, [faults of the result]; none where they are no single sites: chips,
/// or channels.
std::vector<Fault> single_faults(const MeasureInput& input);
/// Worst and mean, with those faults that `hidden` names as good as none.
void judge(const campaign::Result& result, const std::vector<bool>& hidden, Candidate& candidate);
/// What the candidate's copies and codes take.
void add_cost(const MeasureInput& input, Candidate& candidate);

void add_channels(const MeasureInput& input, std::vector<Candidate>& candidates);
void add_copies(const MeasureInput& input, std::vector<Candidate>& candidates);
void add_duplicates(const MeasureInput& input, std::vector<Candidate>& candidates);
void add_spares(const MeasureInput& input, std::vector<Candidate>& candidates);
void add_clustered_copies(const MeasureInput& input, std::vector<Candidate>& candidates);
void add_reschedule(const MeasureInput& input, std::vector<Candidate>& candidates);
/// `code`: the name of a row of memory_codes().
void add_code(const MeasureInput& input, const char* code, std::vector<Candidate>& candidates);
void add_range(const MeasureInput& input, std::vector<Candidate>& candidates);
void add_checksum(const MeasureInput& input, std::vector<Candidate>& candidates);

}  // namespace stuckat::protect
