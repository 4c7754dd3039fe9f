#include "sim/protect/measures.h"

#include <algorithm>
#include <array>

#include "faultmaps/mitigation/memory_code.h"
#include "sim/protect/measure_rows.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"

namespace stuckat::protect {
namespace {

void add_none(const MeasureInput& input, std::vector<Candidate>& candidates) {
  Candidate none;
  none.measure = "none";
  judge(input.evidence, std::vector<bool>(static_cast<size_t>(input.evidence.size())), none);
  candidates.push_back(std::move(none));
}

template <int code>
void add_code_row(const MeasureInput& input, std::vector<Candidate>& candidates) {
  add_code(input, memory_codes()[code].name, candidates);
}

bool dominates(const Candidate& a, const Candidate& b) {
  const auto costs = [](const Candidate& c) {
    return std::array<double, 5>{c.macs, static_cast<double>(c.pes),
                                 static_cast<double>(c.memory_bits), c.worst_error, c.mean_error};
  };
  const auto x = costs(a);
  const auto y = costs(b);
  bool better = false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] > y[i]) return false;
    better = better || x[i] < y[i];
  }
  return better;
}

}  // namespace

const std::vector<MeasureRow>& measures() {
  static const std::vector<MeasureRow> rows = {
      {"none", "as it is", false, add_none},
      {"channels", "the most critical channels in three copies with voters (FAT, figure 9)", false,
       add_channels},
      {"copies", "the PEs with the worst faults in three copies with voters; all: full TMR", false,
       add_copies},
      {"clustered-copies", "critical channels on few PEs, and those in three copies", true,
       add_clustered_copies},
      {"duplicates", "the PEs with the worst faults twice, with comparators: detects", false,
       add_duplicates},
      {"spares", "after a fault: a spare PE in each array does the work of the broken one", false,
       add_spares},
      {"reschedule", "after a fault: the channels that cost least on the broken PE", true,
       add_reschedule},
      {"parity", "memories with a parity bit for each word: detects", false, add_code_row<0>},
      {"hamming", "memories with a Hamming code: corrects one bit of a word", false,
       add_code_row<1>},
      {"secded", "memories with SECDED: corrects one bit of a word, detects two", false,
       add_code_row<2>},
      {"range", "range checks on the sums of the broken layer: detects; coverage on some images",
       true, add_range},
      {"checksum", "a checksum row in each layer (ABFT): detects; coverage on some images", true,
       add_checksum},
  };
  return rows;
}

const MeasureRow& parse_measure(const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const MeasureRow& row : measures()) {
    if (row.name == name) return row;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "measure", name, known);
}

void check_evidence(const MeasureInput& input, const std::string& where) {
  const auto& identity = input.evidence.identity;
  if (identity.network_hash != content_hash(input.network)) {
    throw InputError(where, "is about another network", "a campaign of " + input.network.name);
  }
  if (!identity.accelerator_hash.empty() &&
      identity.accelerator_hash != content_hash(input.placement)) {
    throw InputError(where, "is about another accelerator",
                     "a campaign on " + input.placement.accelerator);
  }
  if (identity.sampling || input.evidence.shard.count > 1 || input.evidence.size() == 0) {
    throw InputError(where,
                     identity.sampling ? "is a sample, whose worst fault says nothing of the others"
                                       : "is a shard, or empty",
                     "a whole campaign of every fault");
  }
}

std::vector<Candidate> candidates(const MeasureInput& input,
                                  const std::vector<const MeasureRow*>& rows,
                                  const std::string& where) {
  check_evidence(input, where);
  std::vector<Candidate> all;
  for (const MeasureRow* row : rows) {
    if (!row->needs_images || input.meter != nullptr) row->add(input, all);
  }
  mark_pareto(all);
  return all;
}

void mark_pareto(std::vector<Candidate>& all) {
  for (Candidate& candidate : all) {
    candidate.pareto = std::none_of(all.begin(), all.end(), [&](const Candidate& other) {
      return dominates(other, candidate);
    });
  }
}

}  // namespace stuckat::protect
