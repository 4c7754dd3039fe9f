// Planning a fleet: agglomeration of many chips by reward. Goals: 10,000 chips of 256x256 PEs at
// 1 % within 60 s and 4 GiB; 100,000 chips of 32x32 within 60 s.
//
// bench_grouping [--chips N] [--side N] [--rate F] [--curve offset|linear|steps]
//
// Without --chips: both goals. The curve: an amount that the least broken chip needs and a part
// that grows with the rate (offset), the latter alone (linear), or jumps (steps); f_max 20 %.
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "faultmaps/draws.h"
#include "faultmaps/grouping/agglomeration.h"

using namespace stuckat;
using namespace stuckat::grouping;

namespace {

ResilienceCurve curve_of(const std::string& name) {
  if (name == "linear") return ResilienceCurve({{0.0001, 6}, {0.2, 12000}});
  if (name == "steps") {
    return ResilienceCurve(
        {{0.02, 1000}, {0.0201, 2000}, {0.08, 2000}, {0.0801, 4000}, {0.2, 4000}});
  }
  if (name == "offset") return ResilienceCurve({{0.001, 1000}, {0.05, 2500}, {0.2, 9000}});
  std::cerr << "unknown curve " << name << "\n";
  std::exit(2);
}

void plan(int chips, int64_t side, double rate, const std::string& curve_name) {
  const int64_t sites = side * side;
  std::vector<SiteSet> lot;
  for (int chip = 0; chip < chips; ++chip) {
    Draws draws(chip_seed(1, chip));
    SiteSet set(sites);
    for (double at = draws.gap(rate); at < static_cast<double>(sites); at += 1 + draws.gap(rate)) {
      set.insert(static_cast<int64_t>(at));
    }
    lot.push_back(std::move(set));
  }
  const ResilienceCurve curve = curve_of(curve_name);
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  const Agglomeration found = agglomerate(lot, Measure::of_sites(sites), curve);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  int64_t before = 0, after = 0;
  const Measure measure = Measure::of_sites(sites);
  for (const auto& chip : lot) before += curve.images(measure.rate(chip));
  for (const auto& group : found.groups) after += curve.images(measure.rate(fused(lot, group)));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << chips << " chips of " << side << "x" << side << " at " << 100 * rate << " %, "
            << curve_name << ": " << found.groups.size() << " groups, " << found.merges.size()
            << " merges, images " << before << " -> " << after << "\n  " << wall.count() << " s ("
            << static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC << " CPU-seconds), peak "
            << usage.ru_maxrss / 1024 << " MiB; goal 60 s, 4096 MiB\n";
}

}  // namespace

int main(int argc, char** argv) {
  int chips = 0;
  int64_t side = 32;
  double rate = 0.01;
  std::string curve = "offset";
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--chips") {
      chips = std::atoi(argv[i + 1]);
    } else if (option == "--side") {
      side = std::atoll(argv[i + 1]);
    } else if (option == "--rate") {
      rate = std::atof(argv[i + 1]);
    } else if (option == "--curve") {
      curve = argv[i + 1];
    } else {
      std::cerr << "unknown option " << option << "\n";
      return 2;
    }
  }
  if (chips > 0) {
    plan(chips, side, rate, curve);
    return 0;
  }
  for (const char* name : {"offset", "steps", "linear"}) {
    plan(100'000, 32, rate, name);
    plan(10'000, 256, rate, name);
  }
  return 0;
}
