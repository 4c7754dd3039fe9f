#include "faultmaps/normal_form.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "faultmaps/selection.h"

namespace stuckat {

namespace {

// What faults are sorted by. Those of one key() act as one.
auto key(const SlotPattern& s) {
  return std::tie(s.depth, s.slot, s.words_per_pixel, s.channels_per_word, s.packed, s.frame);
}
auto key(const ParameterPatch& p) { return std::tie(p.layer, p.row, p.is_threshold, p.index); }
auto key(const OperatorFault& f) {
  return std::tie(f.layer, f.images.first, f.images.last, f.rows, f.pixels);
}
auto key(const ElementFault& f) {
  return std::tuple_cat(
      std::tie(f.tensor, f.point, f.images.first, f.images.last, f.channels, f.pixels),
      key(f.slot));
}
auto key(const OperandFault& f) {
  return std::tuple_cat(
      std::tie(f.layer, f.input, f.point, f.images.first, f.images.last, f.channels, f.pixels),
      key(f.slot));
}
auto key(const WindowFault& f) {
  return std::tuple_cat(
      std::tie(f.layer, f.point, f.images.first, f.images.last, f.rows, f.columns, f.pixels),
      key(f.slot));
}
auto key(const PoolFault& f) {
  return std::tie(f.layer, f.images.first, f.images.last, f.channels, f.pixels);
}

// What comes first among faults of one key: the order in which they are written, but for elements,
// whose masks may contradict each other where they were named and not lowered.
template <class Fault>
auto order(const Fault& fault) {
  return key(fault);
}
auto order(const ElementFault& f) {
  return std::tuple_cat(key(f), std::tie(f.mask.keep, f.mask.set, f.mask.flip));
}

template <class Masked>
void absorb(Masked& into, const Masked& from) {
  into.mask = into.mask.then(from.mask);
}
void absorb(OperatorFault& into, const OperatorFault& from) { merge(into.pe, from.pe); }
void absorb(PoolFault& into, const PoolFault& from) { merge(into.pool, from.pool); }

template <class Fault>
void sort(std::vector<Fault>& faults) {
  const auto before = [](const auto& a, const auto& b) { return order(a) < order(b); };
  if (std::is_sorted(faults.begin(), faults.end(), before)) return;  // as most are
  std::stable_sort(faults.begin(), faults.end(), before);
}

template <class Fault>
void normalize(std::vector<Fault>& faults) {
  sort(faults);
  std::vector<Fault> merged;
  for (Fault& fault : faults) {
    if (!merged.empty() && key(merged.back()) == key(fault)) {
      absorb(merged.back(), fault);
    } else {
      merged.push_back(std::move(fault));
    }
  }
  faults = std::move(merged);
}
void normalize(std::vector<ParameterPatch>& patches) {
  sort(patches);
  patches.erase(std::unique(patches.begin(), patches.end()), patches.end());
}

/// The faults of `meeting` that select image interval [first, last] of one row, split by pixels.
void split_row(const std::vector<OperatorFault>& faults, const std::vector<size_t>& meeting,
               int row, RunImages images, int pixels, std::vector<OperatorFault>& result) {
  std::map<std::vector<size_t>, std::vector<int>> groups;  // pixels by the faults that meet there
  for (int pixel = 0; pixel < pixels; ++pixel) {
    std::vector<size_t> here;
    for (const size_t f : meeting) {
      if (contains(faults[f].pixels, pixel)) here.push_back(f);
    }
    if (!here.empty()) groups[here].push_back(pixel);
  }
  for (auto& [here, group] : groups) {
    OperatorFault fault{faults[here.front()].layer, {row}, {}, faults[here.front()].pe, images};
    for (size_t i = 1; i < here.size(); ++i) merge(fault.pe, faults[here[i]].pe);
    if (static_cast<int>(group.size()) < pixels) fault.pixels = std::move(group);
    result.push_back(std::move(fault));
  }
}

}  // namespace

std::vector<OperatorFault> disjoint(std::vector<OperatorFault> faults, const Network& network) {
  std::map<std::tuple<int, int>, std::vector<size_t>> by_row;  // layer, row
  for (size_t f = 0; f < faults.size(); ++f) {
    for (const int row : faults[f].rows) by_row[{faults[f].layer, row}].push_back(f);
  }
  std::vector<OperatorFault> result;
  for (const auto& [where, meeting] : by_row) {
    const auto [index, row] = where;
    if (meeting.size() < 2) continue;
    std::vector<int64_t> starts;  // of intervals of images in which the same faults are there
    for (const size_t f : meeting) {
      starts.push_back(faults[f].images.first);
      if (faults[f].images.last < INT64_MAX) starts.push_back(faults[f].images.last + 1);
    }
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    const int pixels = network.layers[static_cast<size_t>(index)].output.pixels();
    for (size_t s = 0; s < starts.size(); ++s) {
      const RunImages images{starts[s], s + 1 < starts.size() ? starts[s + 1] - 1 : INT64_MAX};
      std::vector<size_t> here;
      for (const size_t f : meeting) {
        if (faults[f].images.contains(images.first)) here.push_back(f);
      }
      split_row(faults, here, row, images, pixels, result);
    }
    for (const size_t f : meeting) std::erase(faults[f].rows, row);
  }
  std::erase_if(faults, [](const OperatorFault& f) { return f.rows.empty(); });
  result.insert(result.end(), faults.begin(), faults.end());
  return result;
}

void normalize(Effects& effects) {
  for_each_form(effects, [](auto& faults) { normalize(faults); });
}

}  // namespace stuckat
