#include "faultmaps/wafer.h"

#include <cmath>
#include <string>

#include "faultmaps/generators.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

void want(bool ok, const char* what, double value, const char* expected) {
  if (!ok) throw InputError(what, std::to_string(value), expected);
}

}  // namespace

std::vector<Die> wafer_dies(int across) {
  want(across >= 3 && across <= 1000, "dies across a wafer", across, "3 to 1000");
  // In half dies from the centre, so that all is whole: corners at even distances for even
  // `across`, else at odd ones.
  std::vector<Die> dies;
  for (int row = 0; row < across; ++row) {
    for (int column = 0; column < across; ++column) {
      const int x = 2 * column + 1 - across;
      const int y = 2 * row + 1 - across;
      const int far_x = std::abs(x) + 1;
      const int far_y = std::abs(y) + 1;
      if (far_x * far_x + far_y * far_y > across * across) continue;
      dies.push_back({column, row, std::sqrt(static_cast<double>(x * x + y * y)) / across});
    }
  }
  return dies;
}

std::vector<double> wafer_means(const WaferModel& model) {
  want(model.faults >= 0 && model.faults <= 1e8, "mean number of faults", model.faults,
       "0 to 100000000");
  want(model.edge >= 0 && model.edge <= 1e6, "density at the edge of a wafer", model.edge,
       "0 to 1000000, against that in the centre");
  want(model.power > 0 && model.power <= 100, "power of the radius", model.power,
       "above 0, at most 100");
  std::vector<double> means;
  double sum = 0;
  for (const Die& die : wafer_dies(model.across)) {
    means.push_back(1 + (model.edge - 1) * std::pow(die.radius, model.power));
    sum += means.back();
  }
  for (double& mean : means) mean *= model.faults * static_cast<double>(means.size()) / sum;
  return means;
}

FaultMap wafer_map(const std::vector<SiteKind>& kinds, const WaferModel& model, int64_t chip,
                   uint64_t seed, const SiteIndex& sites) {
  const std::vector<double> means = wafer_means(model);
  const double mean = means[static_cast<size_t>(chip) % means.size()];
  return poisson_map(kinds, {mean, model.alpha}, seed, sites);
}

}  // namespace stuckat
