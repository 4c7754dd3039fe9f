#include <algorithm>
#include <map>
#include <numeric>

#include "faultmaps/array_map.h"
#include "faultmaps/mitigation/protection.h"
#include "sim/protect/measure_rows.h"

namespace stuckat::protect {
namespace {

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

/// PEs are made redundant one after the other, that with the worst fault first.
void add_redundant(const MeasureInput& input, const std::string& measure, Redundancy redundancy,
                   const campaign::Result& result, std::vector<PeFaults> pes,
                   const ChannelOrders& orders, std::vector<Candidate>& candidates) {
  const bool detects = redundancy == Redundancy::duplicates;
  const int further = protection_kinds()[redundancy].further;
  std::stable_sort(pes.begin(), pes.end(),
                   [](const PeFaults& a, const PeFaults& b) { return a.least < b.least; });
  const std::vector<bool> none(static_cast<size_t>(result.size()));
  std::vector<bool> hidden = none;
  int64_t reported = 0;
  Candidate next;
  next.measure = measure;
  next.orders = orders;
  for (size_t n = 0; n <= pes.size(); ++n) {
    Candidate candidate = next;
    candidate.count = static_cast<int64_t>(n);
    candidate.detail = count_of(candidate.count, "PE") + " of " +
                       count_of(static_cast<int64_t>(next.redundant[redundancy].size()), "array");
    judge(result, detects ? none : hidden, candidate);
    candidate.silent -= reported;
    add_cost(input, candidate);
    candidates.push_back(std::move(candidate));
    if (n == pes.size()) return;
    std::vector<int>& copied = next.redundant[redundancy][pes[n].key.first];
    copied.insert(std::upper_bound(copied.begin(), copied.end(), pes[n].key.second),
                  pes[n].key.second);
    next.macs += further * share_of(input, pes[n].key);
    for (const int64_t f : pes[n].faults) {
      hidden[static_cast<size_t>(f)] = true;
      reported += detects && result.masked(f) != result.images ? 1 : 0;
    }
  }
}

/// Of the evidence's faults at sites that copies hide.
std::vector<PeFaults> pes_of(const MeasureInput& input, const std::vector<Fault>& faults) {
  Placement all = input.placement;
  for (const PeArray& array : input.placement.arrays) {
    std::vector<int> pes(static_cast<size_t>(array.pe));
    std::iota(pes.begin(), pes.end(), 0);
    add_redundancy(all, Redundancy::copies, array.name, pes);
  }
  std::map<PeKey, PeFaults> found;
  for (size_t f = 0; f < faults.size(); ++f) {
    const Fault& fault = faults[f];
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
  for (auto& entry : found) pes.push_back(std::move(entry.second));
  return pes;
}

}  // namespace

void add_copies(const MeasureInput& input, std::vector<Candidate>& candidates) {
  const std::vector<Fault> faults = single_faults(input);
  std::vector<PeFaults> pes = pes_of(input, faults);
  if (pes.empty()) return;
  add_redundant(input, "copies", Redundancy::copies, input.evidence, std::move(pes), {},
                candidates);
}

void add_duplicates(const MeasureInput& input, std::vector<Candidate>& candidates) {
  std::vector<PeFaults> pes = pes_of(input, single_faults(input));
  if (pes.empty()) return;
  add_redundant(input, "duplicates", Redundancy::duplicates, input.evidence, std::move(pes), {},
                candidates);
}

/// One spare PE in one array after the other, that with the worst fault first: it takes the place
/// of any one PE of the array, which is then known to be broken.
void add_spares(const MeasureInput& input, std::vector<Candidate>& candidates) {
  std::map<std::string, PeFaults> arrays;
  for (const PeFaults& pe : pes_of(input, single_faults(input))) {
    PeFaults& array = arrays[pe.key.first];
    array.least = array.faults.empty() ? pe.least : std::min(array.least, pe.least);
    array.key = pe.key;
    array.faults.insert(array.faults.end(), pe.faults.begin(), pe.faults.end());
  }
  if (arrays.empty()) return;
  std::vector<PeFaults> worst;
  for (auto& entry : arrays) worst.push_back(std::move(entry.second));
  add_redundant(input, "spares", Redundancy::spares, input.evidence, std::move(worst), {},
                candidates);
}

namespace {

bool is_of_dead_pes(const std::vector<Fault>& faults) {
  return !faults.empty() && std::all_of(faults.begin(), faults.end(),
                                        [](const Fault& f) { return f.kind == SiteKind::pe_dead; });
}

/// The campaign of dead PEs of the rescheduled network, measured; its counts but those of the
/// logits are left as they are.
campaign::Result measured_under(const MeasureInput& input, const std::vector<Fault>& faults,
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
  for (size_t f = 0; f < faults.size(); ++f) {
    const Fault& fault = faults[f];
    for (const auto& [level, count] : right.at({fault.part, fault.coordinates[0]})) {
      if (level == fault.value) result.correct[f * classes] = static_cast<int32_t>(count);
    }
  }
  return result;
}

}  // namespace

void add_clustered_copies(const MeasureInput& input, std::vector<Candidate>& candidates) {
  const std::vector<Fault> faults = single_faults(input);
  if (!is_of_dead_pes(faults)) return;
  const ChannelOrders orders = clustered(input.network, input.placement, criticality(*input.meter));
  const campaign::Result result = measured_under(input, faults, orders);
  std::vector<PeFaults> pes = pes_of(input, faults);
  for (PeFaults& pe : pes) {
    pe.least = result.total_correct(pe.faults.front());
    for (const int64_t f : pe.faults) pe.least = std::min(pe.least, result.total_correct(f));
  }
  add_redundant(input, "clustered-copies", Redundancy::copies, result, std::move(pes), orders,
                candidates);
}

void add_reschedule(const MeasureInput& input, std::vector<Candidate>& candidates) {
  const std::vector<Fault> faults = single_faults(input);
  if (!is_of_dead_pes(faults)) return;
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

}  // namespace stuckat::protect
