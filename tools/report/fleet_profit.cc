#include "tools/report/fleet_profit.h"

#include <charconv>
#include <limits>

#include "workloads/errors.h"

namespace stuckat::report {
namespace {

double number_of(std::string_view text, const std::string& all, const std::string& where) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr double most = 1e12;
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= most)) {
    throw InputError(where, "'" + std::string(text) + "' in '" + all + "'",
                     "ACCURACY:PRICE,..., such as 92:10,85:4");
  }
  return value;
}

}  // namespace

std::vector<PriceBin> parse_prices(const std::string& text, const std::string& where) {
  std::vector<PriceBin> bins;
  std::string_view rest = text;
  while (true) {
    const size_t comma = rest.find(',');
    const std::string_view bin = rest.substr(0, comma);
    const size_t colon = bin.find(':');
    const std::string_view price = colon == bin.npos ? "" : bin.substr(colon + 1);
    bins.push_back({number_of(bin.substr(0, colon), text, where), number_of(price, text, where)});
    const size_t n = bins.size();
    if (bins.back().accuracy > 100 || (n > 1 && bins[n - 2].accuracy <= bins[n - 1].accuracy)) {
      throw InputError(where, "accuracies of '" + text + "' do not fall, or are above 100",
                       "ACCURACY:PRICE,..., such as 92:10,85:4");
    }
    if (comma == rest.npos) return bins;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<Profit> profits(const Fleet& fleet) {
  std::vector<Profit> all;
  for (const Fleet::Policy& policy : fleet.policies) {
    Profit& profit = all.emplace_back();
    profit.chips.resize(fleet.prices.size() + 1);
    for (const double accuracy : policy.accuracy) {
      size_t bin = 0;
      while (bin < fleet.prices.size() && accuracy < fleet.prices[bin].accuracy) ++bin;
      ++profit.chips[bin];
      if (bin < fleet.prices.size()) profit.revenue += fleet.prices[bin].price;
    }
    profit.networks = fleet.network_price * static_cast<double>(policy.networks);
    profit.images = policy.images + policy.images_of_map;
  }
  return all;
}

std::vector<std::pair<double, size_t>> best_policies(const std::vector<Profit>& profits) {
  std::vector<std::pair<double, size_t>> best;
  if (profits.empty()) return best;
  size_t now = 0;
  for (size_t i = 1; i < profits.size(); ++i) {
    const double more = profits[i].at(0) - profits[now].at(0);
    if (more > 0 || (more == 0 && profits[i].images < profits[now].images)) now = i;
  }
  best.emplace_back(0, now);
  while (true) {  // the next line that is less steep and is met first
    double price = std::numeric_limits<double>::infinity();
    size_t next = now;
    for (size_t i = 0; i < profits.size(); ++i) {
      const int64_t fewer = profits[now].images - profits[i].images;
      if (fewer <= 0) continue;
      const double meets = (profits[now].at(0) - profits[i].at(0)) / static_cast<double>(fewer);
      const bool flatter = meets == price && profits[i].images < profits[next].images;
      if (meets < price || flatter) {
        price = meets;
        next = i;
      }
    }
    if (next == now) return best;
    now = next;
    best.emplace_back(price, now);
  }
}

}  // namespace stuckat::report
