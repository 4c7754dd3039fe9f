#include "sim/protect/measures.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <set>

#include "faultmaps/array_map.h"
#include "faultmaps/lower.h"
#include "faultmaps/mitigation/protection.h"
#include "faultmaps/site_index.h"
#include "sim/protect/detectors.h"
#include "sim/protect/replication.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"

namespace stuckat::protect {
namespace {

double percent_wrong(int64_t right, int64_t images) {
  return 100.0 * static_cast<double>(images - right) / static_cast<double>(images);
}

std::string count_of(int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// The faults of the evidence, as they are and as they are left.
struct Evidence {
  explicit Evidence(const MeasureInput& input) : result(input.evidence) {
    const SiteIndex sites(input.placement, input.network);
    for (const auto& info : result.faults) {
      try {
        faults.push_back(sites.parse(info.id, "evidence"));
      } catch (const InputError&) {
        faults.clear();  // chips, or channels: no single sites
        return;
      }
    }
  }
  const campaign::Result& result;
  std::vector<Fault> faults;  // [result.faults], or none
};

/// Worst and mean, with those faults that `hidden` names as good as none.
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
  for (const auto& [array, pes] : candidate.copies) triplicate(placement, array, pes);
  for (const auto& [memory, code] : candidate.codes) {
    const size_t slash = memory.rfind('/');
    encode(placement, memory.substr(0, slash),
           memory.substr(slash) == "/weights" ? CodedMemory::weights : CodedMemory::thresholds,
           parse_memory_code(code, "measure"));
  }
  const ProtectionCost cost = protection_cost(placement, input.network);
  candidate.pes = cost.pes;
  candidate.multipliers = cost.multipliers;
  candidate.memory_bits = cost.memory_bits;
}

void add_none(const MeasureInput& input, std::vector<Candidate>& candidates) {
  Candidate none;
  none.measure = "none";
  judge(input.evidence, std::vector<bool>(static_cast<size_t>(input.evidence.size())), none);
  candidates.push_back(std::move(none));
}

// Channels.

/// The array that computes a layer, and its PE count; 0 where PEs share channels or none does.
struct ArrayOfLayer {
  const PeArray* array = nullptr;
  const ArrayUse* use = nullptr;
};
ArrayOfLayer array_of_layer(const Placement& placement, int layer) {
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (use.layer == layer) return {&array, &use};
    }
  }
  return {};
}

/// PEs for each array, as channels of its layers come to stand on the first ones.
class FirstPes {
 public:
  explicit FirstPes(const MeasureInput& input) : input_(input) {}

  void add(int layer) {
    const auto [array, use] = array_of_layer(input_.placement, layer);
    if (array == nullptr) return;
    const int64_t channels = ++channels_[layer];
    int& pes = pes_[array->name];
    const ArrayMap map(*array, *use, input_.network.layer(layer));
    if (array->schedule == Schedule::pixel_parallel) {
      pes = array->pe;  // every PE computes every channel
      return;
    }
    int64_t room = 0;
    for (int pe = 0; pe < array->pe; ++pe) {
      if (room >= channels) break;
      room += static_cast<int64_t>(map.rows(pe).size());
      pes = std::max(pes, pe + 1);
    }
  }
  std::map<std::string, std::vector<int>> copies() const {
    std::map<std::string, std::vector<int>> result;
    for (const auto& [array, count] : pes_) {
      for (int pe = 0; pe < count; ++pe) result[array].push_back(pe);
    }
    return result;
  }
  const std::map<std::string, int>& pes() const { return pes_; }

 private:
  const MeasureInput& input_;
  std::map<int, int64_t> channels_;  // by layer
  std::map<std::string, int> pes_;
};

void add_channels(const MeasureInput& input, std::vector<Candidate>& candidates) {
  if (input.evidence.identity.faults != "channel") return;
  const Replication found = replication(input.evidence, input.network, "evidence");
  FirstPes first(input);
  std::map<std::string, int> counted;
  Candidate next;
  next.measure = "channels";
  for (const ReplicationPoint& point : found.curve) {
    if (point.channels > 0) {
      first.add(found.order[static_cast<size_t>(point.channels) - 1].layer);
      if (first.pes() != counted) {  // costs rise with PEs, not with channels
        counted = first.pes();
        next.copies = first.copies();
        add_cost(input, next);
      }
    }
    next.count = point.channels;
    next.macs = point.cost;
    next.worst_error = point.worst_error;
    next.mean_error = point.mean_error;
    next.worst_fault = point.worst_fault < 0
                           ? ""
                           : input.evidence.faults[static_cast<size_t>(point.worst_fault)].id;
    next.detail = count_of(point.channels, "channel");
    candidates.push_back(next);
    candidates.back().copies.clear();  // with the orders that they need: realized_channels()
  }
}

// PEs.

using PeKey = std::pair<std::string, int>;

/// Share of all multiplications that a PE does.
double share_of(const MeasureInput& input, const PeKey& key) {
  int64_t all = 0;
  int64_t own = 0;
  for (const PeArray& array : input.placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      const Layer& layer = input.network.layer(use.layer);
      const int64_t row = int64_t{layer.columns()} * layer.output.pixels();
      all += row * layer.rows();
      if (array.name != key.first) continue;
      const ArrayMap map(array, use, layer);
      if (!map.computes(key.second)) continue;
      own +=
          array.schedule == Schedule::pixel_parallel
              ? static_cast<int64_t>(map.pixels(key.second).size()) * layer.columns() * layer.rows()
              : row * static_cast<int64_t>(map.rows(key.second).size());
    }
  }
  return static_cast<double>(own) / static_cast<double>(all);
}

/// Right predictions under the faults of each PE; least decides.
struct PeFaults {
  PeKey key;
  int64_t least = 0;
  std::vector<int64_t> faults;  // indices in the evidence
};

/// PEs get copies one after the other, that with the worst fault first.
void add_copies_of(const MeasureInput& input, const std::string& measure,
                   const campaign::Result& result, std::vector<PeFaults> pes,
                   const ChannelOrders& orders, std::vector<Candidate>& candidates) {
  std::stable_sort(pes.begin(), pes.end(),
                   [](const PeFaults& a, const PeFaults& b) { return a.least < b.least; });
  std::vector<bool> hidden(static_cast<size_t>(result.size()));
  Candidate next;
  next.measure = measure;
  next.orders = orders;
  for (size_t n = 0; n <= pes.size(); ++n) {
    Candidate candidate = next;
    candidate.count = static_cast<int64_t>(n);
    candidate.detail = count_of(candidate.count, "PE") + " of " +
                       count_of(static_cast<int64_t>(next.copies.size()), "array");
    judge(result, hidden, candidate);
    add_cost(input, candidate);
    candidates.push_back(std::move(candidate));
    if (n == pes.size()) return;
    std::vector<int>& copied = next.copies[pes[n].key.first];
    copied.insert(std::upper_bound(copied.begin(), copied.end(), pes[n].key.second),
                  pes[n].key.second);
    next.macs += 2 * share_of(input, pes[n].key);
    for (const int64_t f : pes[n].faults) hidden[static_cast<size_t>(f)] = true;
  }
}

/// Of the evidence's faults at sites that copies hide.
std::vector<PeFaults> pes_of(const MeasureInput& input, const Evidence& evidence) {
  Placement all = input.placement;
  for (const PeArray& array : input.placement.arrays) {
    std::vector<int> pes(static_cast<size_t>(array.pe));
    std::iota(pes.begin(), pes.end(), 0);
    triplicate(all, array.name, pes);
  }
  std::map<PeKey, PeFaults> found;
  for (size_t f = 0; f < evidence.faults.size(); ++f) {
    const Fault& fault = evidence.faults[f];
    const FaultMap map{all.accelerator, {fault}};
    if (!behind_protection(map, all, input.network).left.faults.empty()) continue;
    const auto index = static_cast<int64_t>(f);
    const int64_t right = input.evidence.total_correct(index);
    auto& pe = found[{fault.part, fault.coordinates[0]}];
    pe.key = {fault.part, fault.coordinates[0]};
    pe.least = pe.faults.empty() ? right : std::min(pe.least, right);
    pe.faults.push_back(index);
  }
  std::vector<PeFaults> pes;
  for (auto& [key, faults] : found) pes.push_back(std::move(faults));
  return pes;
}

void add_copies(const MeasureInput& input, std::vector<Candidate>& candidates) {
  const Evidence evidence(input);
  std::vector<PeFaults> pes = pes_of(input, evidence);
  if (pes.empty()) return;
  add_copies_of(input, "copies", input.evidence, std::move(pes), {}, candidates);
}

bool is_of_dead_pes(const Evidence& evidence) {
  return !evidence.faults.empty() &&
         std::all_of(evidence.faults.begin(), evidence.faults.end(),
                     [](const Fault& f) { return f.kind == SiteKind::pe_dead; });
}

/// The campaign of dead PEs of the rescheduled network, measured; its counts but those of the
/// logits are left as they are.
campaign::Result measured_under(const MeasureInput& input, const Evidence& evidence,
                                const ChannelOrders& orders) {
  campaign::Result result = input.evidence;
  std::map<PeKey, std::vector<std::pair<int, int64_t>>> right;  // level -> images right
  for (const PeArray& array : input.placement.arrays) {
    for (int pe = 0; pe < array.pe; ++pe) {
      const DeadPe dead(input.network, input.placement, array.name, pe);
      const auto correct = input.meter->correct(dead.effects(sets_under(dead, orders)));
      for (size_t l = 0; l < correct.size(); ++l) {
        right[{array.name, pe}].emplace_back(dead.levels()[l], correct[l]);
      }
    }
  }
  const auto classes = static_cast<size_t>(result.classes);
  result.images = input.meter->images();
  std::fill(result.golden_correct.begin(), result.golden_correct.end(), 0);
  result.golden_correct[0] = input.meter->error_free();
  std::fill(result.correct.begin(), result.correct.end(), 0);
  for (size_t f = 0; f < evidence.faults.size(); ++f) {
    const Fault& fault = evidence.faults[f];
    for (const auto& [level, count] : right.at({fault.part, fault.coordinates[0]})) {
      if (level == fault.value) result.correct[f * classes] = static_cast<int32_t>(count);
    }
  }
  return result;
}

void add_clustered_copies(const MeasureInput& input, std::vector<Candidate>& candidates) {
  const Evidence evidence(input);
  if (!is_of_dead_pes(evidence)) return;
  const ChannelOrders orders = clustered(input.network, input.placement, criticality(*input.meter));
  const campaign::Result result = measured_under(input, evidence, orders);
  std::vector<PeFaults> pes = pes_of(input, evidence);
  for (PeFaults& pe : pes) {
    pe.least = result.total_correct(pe.faults.front());
    for (const int64_t f : pe.faults) pe.least = std::min(pe.least, result.total_correct(f));
  }
  add_copies_of(input, "clustered-copies", result, std::move(pes), orders, candidates);
}

void add_reschedule(const MeasureInput& input, std::vector<Candidate>& candidates) {
  const Evidence evidence(input);
  if (!is_of_dead_pes(evidence)) return;
  const int64_t images = input.meter->images();
  Candidate candidate;
  candidate.measure = "reschedule";
  candidate.worst_error = percent_wrong(input.meter->error_free(), images);
  int64_t gained = 0;
  double sum = 0;
  auto pes = reschedule_all(input);
  for (const RescheduledPe& pe : pes) {
    gained += pe.error < pe.placed_error ? 1 : 0;
    sum += pe.mean_error;
    if (pe.error <= candidate.worst_error) continue;
    candidate.worst_error = pe.error;
    candidate.worst_fault = pe.pe;
  }
  candidate.count = gained;
  candidate.mean_error = sum / static_cast<double>(pes.size());
  candidate.silent = static_cast<int64_t>(pes.size());
  candidate.detail = count_of(gained, "PE") + " of " + std::to_string(pes.size()) + " gain";
  candidates.push_back(std::move(candidate));
  if (input.rescheduled != nullptr) *input.rescheduled = std::move(pes);
}

// Memories.

void add_code(const MeasureInput& input, const char* code, std::vector<Candidate>& candidates) {
  const Evidence evidence(input);
  if (evidence.faults.empty()) return;
  Candidate candidate;
  candidate.measure = code;
  std::set<std::string> memories;
  for (const Fault& fault : evidence.faults) {
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
  for (const Fault& fault : evidence.faults) {
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

// Detectors.

/// Both kinds see the same fault-images: of faults spread over those that change a prediction.
void add_detector(const MeasureInput& input, const char* measure, bool checksum,
                  std::vector<Candidate>& candidates) {
  constexpr size_t most_faults = 48;
  constexpr int most_images = 12;
  constexpr int calibration = 100;
  const Evidence evidence(input);
  std::vector<size_t> critical;
  for (size_t f = 0; f < evidence.faults.size(); ++f) {
    if (input.evidence.critical[f] > 0) critical.push_back(f);
  }
  if (critical.empty()) return;
  const Detectors detectors(input.network, input.meter->data(), calibration);
  Detection found;
  const size_t watched = std::min(most_faults, critical.size());
  for (size_t i = 0; i < watched; ++i) {
    const Fault& fault = evidence.faults[critical[i * critical.size() / watched]];
    const Effects effects =
        lower({input.placement.accelerator, {fault}}, input.placement, input.network);
    found.add(detectors.watch(effects, input.meter->data(), most_images));
  }
  Candidate candidate;
  candidate.measure = measure;
  judge(input.evidence, std::vector<bool>(evidence.faults.size()), candidate);
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

void add_range(const MeasureInput& input, std::vector<Candidate>& candidates) {
  add_detector(input, "range", false, candidates);
}
void add_checksum(const MeasureInput& input, std::vector<Candidate>& candidates) {
  add_detector(input, "checksum", true, candidates);
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

std::vector<RescheduledPe> reschedule_all(const MeasureInput& input) {
  std::map<std::map<int, size_t>, Rescheduling> chosen;  // by the channels of each movable layer
  std::vector<RescheduledPe> result;
  for (const DeadPe& pe : dead_pes(input.network, input.placement)) {
    std::map<int, size_t> key;
    for (const int layer : pe.movable()) key[layer] = pe.placed().at(layer).size();
    auto known = key.empty() ? chosen.end() : chosen.find(key);
    Rescheduling found;
    if (known == chosen.end()) {
      found = reschedule_around(*input.meter, pe, input.search);
      chosen[key] = found;
    } else {
      found = known->second;
      const auto scores = measure(*input.meter, pe, {{}, found.sets});
      found.measured = 0;
      found.placed = scores[0];
      found.chosen = std::max(scores[0], scores[1]);
      if (scores[1] < scores[0]) found.sets.clear();
    }
    const auto wrong = [&](int64_t right) { return percent_wrong(right, input.meter->images()); };
    RescheduledPe row;
    row.pe = pe.name();
    row.placed_error = row.checked_placed_error = wrong(found.placed.least);
    row.error = row.checked_error = wrong(found.chosen.least);
    row.mean_error = percent_wrong(
        found.chosen.sum, input.meter->images() * static_cast<int64_t>(pe.levels().size()));
    row.random_error = found.random.empty() ? row.placed_error : 0;
    for (const SetScore& score : found.random) {
      row.random_error += wrong(score.least) / static_cast<double>(found.random.size());
    }
    row.optimal = found.optimal;
    row.measured = found.measured;
    row.sets = found.sets;
    for (const auto& [layer, reason] : pe.why_fixed()) {
      row.why_fixed +=
          (row.why_fixed.empty() ? "" : "; ") + input.network.layer(layer).name + ": " + reason;
    }
    if (input.check != nullptr) {
      const auto scores = measure(*input.check, pe, {{}, found.sets});
      row.checked_placed_error = percent_wrong(scores[0].least, input.check->images());
      row.checked_error = percent_wrong(scores[1].least, input.check->images());
    }
    result.push_back(std::move(row));
  }
  return result;
}

Candidate realized_channels(const MeasureInput& input, int64_t n) {
  const Replication found = replication(input.evidence, input.network, "evidence");
  Candidate candidate;
  candidate.measure = "channels";
  candidate.count = n;
  FirstPes first(input);
  std::map<int, std::vector<double>> rank;  // the copied channels before the others
  for (const auto& [layer, channel] : found.order) {
    auto& of_layer = rank[layer];
    of_layer.resize(static_cast<size_t>(input.network.layer(layer).rows()));
  }
  for (int64_t i = 0; i < n; ++i) {
    const auto [layer, channel] = found.order[static_cast<size_t>(i)];
    rank[layer][static_cast<size_t>(channel)] = 1;
    first.add(layer);
  }
  candidate.orders = clustered(input.network, input.placement, rank);
  std::erase_if(candidate.orders, [&](const auto& order) {
    return order.second == identity_order(input.network.layer(order.first).rows());
  });
  candidate.copies = first.copies();
  const ReplicationPoint& point = found.curve[static_cast<size_t>(n)];
  candidate.macs = point.cost;
  candidate.worst_error = point.worst_error;
  candidate.mean_error = point.mean_error;
  add_cost(input, candidate);
  return candidate;
}

void mark_pareto(std::vector<Candidate>& all) {
  for (Candidate& candidate : all) {
    candidate.pareto = std::none_of(all.begin(), all.end(), [&](const Candidate& other) {
      return dominates(other, candidate);
    });
  }
}

}  // namespace stuckat::protect
