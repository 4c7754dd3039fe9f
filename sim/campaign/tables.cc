#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "sim/campaign/summary.h"

namespace stuckat::campaign {
namespace {

std::string decimal(double value, int places = 2) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

std::string level_text(int level) {
  if (level == FaultInfo::no_level) return "-";
  return (level > 0 ? "+" : "") + std::to_string(level);
}

/// Columns as wide as their widest entry; the first to the left, the others to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      line += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string interval(const Estimate& estimate) {
  return decimal(100 * estimate.value) + " [" + decimal(100 * estimate.low) + ", " +
         decimal(100 * estimate.high) + "]";
}

}  // namespace

int decimals(int64_t images) { return images > 1000 ? 2 : images > 100 ? 1 : 0; }

std::string layer_table(const Result& result) {
  const auto summaries = by_layer_and_level(result);
  std::set<int> levels;
  std::set<int> layers;
  for (const LayerSummary& s : summaries) {
    levels.insert(s.level);
    layers.insert(s.layer);
  }
  const int places = decimals(result.images);
  std::vector<std::vector<std::string>> rows(2);
  rows[0] = {"stuck at"};
  rows[1] = {"layer"};
  for (const int level : levels) {
    rows[0].insert(rows[0].end(), {level_text(level), ""});
    rows[1].insert(rows[1].end(), {"min", "max"});
  }
  for (const int layer : layers) {
    rows.push_back({layer < 0 ? "-" : result.layer_names[static_cast<size_t>(layer)]});
    for (const int level : levels) {
      const auto row = std::find_if(summaries.begin(), summaries.end(), [&](const auto& s) {
        return s.layer == layer && s.level == level;
      });
      const bool found = row != summaries.end();
      rows.back().push_back(found ? decimal(row->accuracy.min, places) : "-");
      rows.back().push_back(found ? decimal(row->accuracy.max, places) : "-");
    }
  }
  const Overall all = overall(result);
  const Estimate golden = golden_limits(result);
  const Estimate loss = loss_limits(result, all.accuracy.worst);
  const std::string of = result.identity.sampling ? " of the sample" : "";
  const auto percent = [&](double share) { return decimal(100 * share, places); };
  return aligned(rows) + "error-free " + decimal(result.golden_accuracy(), places) + " %, min" +
         of + " " + decimal(all.accuracy.min, places) + " %, variance " + decimal(all.variance, 3) +
         " %^2 (" + std::to_string(result.size()) + " faults, " + std::to_string(result.images) +
         " images)\nwhat " + std::to_string(result.images) + " images leave open, at " +
         decimal(100 * confidence(result), 0) + " %: error-free " + percent(golden.low) + " to " +
         percent(golden.high) + " %; the worst fault" + of + " costs " + percent(loss.low) +
         " to " + percent(loss.high) + " points\n";
}

std::string fate_table(const Result& result) {
  const int tensors = result.tensors();
  const auto entries = static_cast<size_t>(tensors) + 1;
  struct Fates {
    int64_t fault_images = 0;
    int64_t critical = 0;
    std::vector<int64_t> last;  // [entries]
  };
  std::map<int, Fates> layers;
  std::vector<bool> used(entries);
  for (int64_t f = 0; f < result.size(); ++f) {
    Fates& fates = layers[result.faults[static_cast<size_t>(f)].layer];
    fates.last.resize(entries);
    fates.fault_images += result.images;
    fates.critical += result.critical[static_cast<size_t>(f)];
    for (size_t e = 0; e < entries; ++e) {
      const int32_t count = result.last_difference[static_cast<size_t>(f) * entries + e];
      fates.last[e] += count;
      if (count > 0) used[e] = true;
    }
  }
  std::vector<std::vector<std::string>> rows = {{"faults in", "critical %", "tolerated %"}};
  for (size_t e = 0; e + 1 < entries; ++e) {
    if (!used[e]) continue;
    rows[0].push_back(e == 0 ? "no difference" : e == 1 ? "input" : result.layer_names[e - 2]);
  }
  for (const auto& [layer, fates] : layers) {
    const auto share = [&fates = fates](int64_t count) {
      return decimal(100.0 * static_cast<double>(count) / static_cast<double>(fates.fault_images));
    };
    rows.push_back({layer < 0 ? "-" : result.layer_names[static_cast<size_t>(layer)],
                    share(fates.critical), share(fates.last.back() - fates.critical)});
    for (size_t e = 0; e + 1 < entries; ++e) {
      if (used[e]) rows.back().push_back(share(fates.last[e]));
    }
  }
  return "what became of the fault-images; masked ones by the last tensor that differed:\n" +
         aligned(rows);
}

std::string pe_table(const Result& result, int64_t count) {
  auto summaries = by_pe(result);
  std::stable_sort(summaries.begin(), summaries.end(),
                   [](const auto& a, const auto& b) { return a.accuracy.min < b.accuracy.min; });
  const int places = decimals(result.images);
  std::vector<std::vector<std::string>> rows = {{"PE", "faults", "min", "mean", "max"}};
  for (const PeSummary& s : summaries) {
    if (static_cast<int64_t>(rows.size()) > count) break;
    rows.push_back({s.part + "/pe[" + std::to_string(s.pe) + "]", std::to_string(s.accuracy.faults),
                    decimal(s.accuracy.min, places), decimal(s.accuracy.mean, places),
                    decimal(s.accuracy.max, places)});
  }
  return aligned(rows);
}

std::string worst_table(const Result& result, int64_t count) {
  const int places = decimals(result.images);
  std::vector<std::vector<std::string>> rows = {
      {result.identity.sampling ? "worst of the sample" : "fault", "accuracy", "costs (points)",
       "critical", "tolerated", "masked", "worst class"}};
  for (const int64_t f : worst_faults(result, count)) {
    const auto worst = result.worst_class(f);
    std::string name = "-";
    if (worst.index >= 0) {
      name = result.class_names.empty() ? std::to_string(worst.index)
                                        : result.class_names[static_cast<size_t>(worst.index)];
      name +=
          " " + decimal(worst.accuracy, decimals(result.labels[static_cast<size_t>(worst.index)]));
    }
    const Estimate loss = loss_limits(result, f);
    rows.push_back({result.faults[static_cast<size_t>(f)].id, decimal(result.accuracy(f), places),
                    decimal(100 * loss.low, places) + " to " + decimal(100 * loss.high, places),
                    std::to_string(result.critical[static_cast<size_t>(f)]),
                    std::to_string(result.tolerated(f)), std::to_string(result.masked(f)), name});
  }
  return aligned(rows);
}

std::string estimates_table(const Result& result) {
  std::vector<std::vector<std::string>> rows = {
      {"stratum", "faults", "of", "accuracy %", "critical %", "critical faults %"}};
  for (const Estimates& e : estimates(result)) {
    rows.push_back({e.stratum, std::to_string(e.sampled), std::to_string(e.population),
                    interval(e.accuracy), interval(e.critical), interval(e.critical_faults)});
  }
  std::string text = aligned(rows);
  if (const auto& sampling = result.identity.sampling) {
    text += "intervals over faults, on these images, at " + decimal(100 * sampling->confidence, 1) +
            " % (docs/campaigns.md), seed " + std::to_string(sampling->seed) + "\n";
  }
  return text;
}

}  // namespace stuckat::campaign
