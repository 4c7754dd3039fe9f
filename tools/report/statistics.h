// Figures of a campaign that the report shows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/report/report.h"

namespace stuckat::report {

/// Per cent of the campaign's images.
double golden_accuracy(const Campaign& campaign);
double accuracy(const Campaign& campaign, const FaultOutcome& fault);
/// Percentage points by which a fault lowers the accuracy; negative if it raises it.
double points_lost(const Campaign& campaign, const FaultOutcome& fault);

/// Over the faults of one group and one level; -1 takes all of them.
struct Extremes {
  const FaultOutcome* worst = nullptr;  ///< the first with the fewest right; null without faults
  const FaultOutcome* best = nullptr;
};
Extremes extremes(const Campaign& campaign, int group = -1, int level = -1);

/// Mean and population variance of the accuracies of all faults, in % and %^2 (FAT, Table II); of a
/// sample, estimated for the population (FaultOutcome::weight).
struct Spread {
  double mean = 0;
  double variance = 0;
};
Spread spread(const Campaign& campaign);

/// Points lost by every fault, greatest first.
std::vector<double> sorted_losses(const Campaign& campaign);

/// A fault is masked if no logit differs in any image, tolerated if no prediction changes in any,
/// critical otherwise.
struct StatusCounts {
  int64_t masked = 0;
  int64_t tolerated = 0;
  int64_t critical_below_1 = 0;   ///< costs less than 1 point
  int64_t critical_below_10 = 0;  ///< 1 point and more
  int64_t critical_rest = 0;      ///< 10 points and more
  int64_t image_masked = 0;       ///< pairs of a fault and an image
  int64_t image_tolerated = 0;
  int64_t image_critical = 0;
};
StatusCounts statuses(const Campaign& campaign);

/// Classes of damage for colouring: the greatest i with points >= damage_edges[i], at least 0.
inline constexpr std::array<double, 8> damage_edges = {0, 0.5, 1, 2, 5, 10, 20, 40};
int damage_class(double points);
/// "below 0.5", "0.5 to 1", ..., "40 and more".
std::string damage_class_name(int index);

using Campaigns = std::vector<const Campaign*>;

inline Campaigns all_of(const std::vector<Campaign>& campaigns) {
  Campaigns all;
  for (const Campaign& campaign : campaigns) all.push_back(&campaign);
  return all;
}

inline Campaigns with_faults(Campaigns campaigns) {
  std::erase_if(campaigns, [](const Campaign* campaign) { return campaign->faults.empty(); });
  return campaigns;
}

/// Of one kind of fault on one accelerator.
inline bool same_place(const Campaign& a, const Campaign& b) {
  return a.kind == b.kind && a.accelerator == b.accelerator;
}

/// Campaigns that are alike by alike(a, b), together; in the order in which each group begins.
template <class Alike>
std::vector<Campaigns> grouped_by(const Campaigns& campaigns, const Alike& alike) {
  std::vector<Campaigns> groups;
  for (const Campaign* campaign : campaigns) {
    const auto place = std::find_if(groups.begin(), groups.end(), [&](const Campaigns& group) {
      return alike(*group.front(), *campaign);
    });
    if (place == groups.end()) {
      groups.push_back({campaign});
    } else {
      place->push_back(campaign);
    }
  }
  return groups;
}

/// What breaks in a campaign of this kind: "broken channel", "dead PE".
std::string fault_noun(const std::string& kind);

/// Index in input.networks. Throws InputError("report", ...).
int network_index(const ReportInput& input, const std::string& label);

/// Throws InputError as html() says.
void check(const ReportInput& input);

}  // namespace stuckat::report
