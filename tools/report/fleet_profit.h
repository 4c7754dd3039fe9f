// What a lot is worth: prices by accuracy, less what retraining and stored networks cost.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tools/report/report.h"

namespace stuckat::report {

/// "92:10,85:4": 10 for a chip of at least 92 %, 4 for one of at least 85 %; falling accuracies.
/// Throws InputError(where, ...).
std::vector<PriceBin> parse_prices(const std::string& text, const std::string& where);

/// Of one policy, in the order of Fleet::policies.
struct Profit {
  std::vector<int64_t> chips;  ///< [bins + 1], by bin; the last: worth nothing
  double revenue = 0;
  double networks = 0;  ///< what the stored networks cost
  int64_t images = 0;   ///< of retraining, the resilience map included

  double at(double image_price) const {
    return revenue - networks - image_price * static_cast<double>(images);
  }
};
std::vector<Profit> profits(const Fleet& fleet);

/// The policy with the greatest profit (the earlier one of equals), from each price of an image on:
/// {0, policy}, {price, policy}, ...
std::vector<std::pair<double, size_t>> best_policies(const std::vector<Profit>& profits);

}  // namespace stuckat::report
