// Fault-images per CPU-second of exhaustive campaigns. Goals: the rows of campaign_faults.h.
//
// bench_campaign [--network cnv-w1a1|cnv-w1a2|...] [--campaign NAME] [--images N] [--threads N]
//                [--by-layer] [--scaling]
//
// --scaling: one and two threads, twice the images, half the faults, half the width, and the
// memory, instead of every campaign.
// The published trained networks and real CIFAR-10 images if STUCKAT_DATA has them, else random
// parameters and images, which propagate more changes than trained ones. CPU time, golden pass and
// conversion of images included.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <string>

#include "sim/fast/verdict_counts.h"
#include "tests/perf/campaign_faults.h"
#include "tests/perf/campaign_setup.h"
#include "tests/perf/machine_peak.h"

namespace {

using namespace stuckat;
using bench::image_of;
using bench::label_of;
using bench::make_setup;
using bench::Setup;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void print_masked(const fast::VerdictCounts& counts, const Network& network) {
  const size_t columns = static_cast<size_t>(counts.tensors) + 1;
  const double all = static_cast<double>(counts.faults) * static_cast<double>(counts.images);
  std::cout << "  last difference in: ";
  for (size_t t = 0; t < columns; ++t) {
    int64_t sum = 0;
    for (size_t f = 0; f < static_cast<size_t>(counts.faults); ++f) {
      sum += counts.last_difference[f * columns + t];
    }
    if (sum == 0) continue;
    const std::string name = t == 0             ? "nothing"
                             : t == 1           ? "input"
                             : t + 1 == columns ? "logits"
                                                : network.layers[t - 2].name;
    std::cout << name << " " << 100.0 * static_cast<double>(sum) / all << " %, ";
  }
  int64_t critical = 0;
  for (const int64_t c : counts.critical) critical += c;
  std::cout << "critical " << 100.0 * static_cast<double>(critical) / all << " %\n";
}

/// How long the counted operations would take at the machine's best rates, against the time taken.
void print_limit(const fast::WorkCount& work, double pairs, double seconds) {
  static const bench::MachinePeak peak = bench::measure_peak();
  const double additions = static_cast<double>(work.additions);
  const double products = static_cast<double>(work.bit_products);
  const double limit = additions / peak.additions + products / peak.bit_products;
  const double bytes = additions + products / 8;  // of weights, from whichever cache
  std::cout << "  per fault-image: " << additions / pairs << " additions of 8 bits, "
            << products / pairs << " bit products, " << bytes / pairs << " bytes of weights; at "
            << peak.additions * 1e-9 << " G additions/s and " << peak.bit_products * 1e-12
            << " T bit products/s they take " << 100 * limit / seconds << " % of the time\n";
}

void measure(const Setup& setup, const fast::PackedNetwork& packed, const bench::CampaignRow& row,
             const std::vector<Effects>& effects, int64_t images, int threads) {
  const fast::FaultList faults(packed, effects);
  const auto image = [&](int64_t i) { return image_of(setup, i); };
  const auto label = [&](int64_t i) { return label_of(setup, i); };
  fast::WorkCount work;
  const double begin = cpu_seconds();
  const fast::VerdictCounts counts =
      fast::count_verdicts(faults, image, label, 0, images, threads, {}, &work);
  const double seconds = cpu_seconds() - begin;
  const double pairs = static_cast<double>(faults.size()) * static_cast<double>(images);
  const bool binary = setup.network.format(1).kind == FormatKind::binary;
  std::cout << setup.network.name << " " << row.name << ": " << faults.size() << " faults x "
            << images << " images, " << seconds << " CPU-seconds, " << pairs / seconds
            << " fault-images per CPU-second, goal " << (binary ? row.binary_goal : row.goal)
            << "\n  " << static_cast<double>(work.changed_elements) / pairs
            << " changed planes per fault-image; right without faults "
            << counts.total_golden_correct() << " of " << images << "\n";
  print_limit(work, pairs, seconds);
  print_masked(counts, setup.network);
}

struct Timing {
  double wall = 0;
  double processor = 0;
};

/// Median of three.
Timing time_channels(const fast::FaultList& faults, const Setup& setup, int64_t images,
                     int threads) {
  std::vector<Timing> timings;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    const double processor = cpu_seconds();
    fast::count_verdicts(
        faults, [&](int64_t i) { return image_of(setup, i); },
        [&](int64_t i) { return label_of(setup, i); }, 0, images, threads);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    timings.push_back({wall.count(), cpu_seconds() - processor});
  }
  std::sort(timings.begin(), timings.end(),
            [](const Timing& a, const Timing& b) { return a.processor < b.processor; });
  return timings[1];
}

void print_scaling(const char* what, const fast::FaultList& faults, const Setup& setup,
                   int64_t images, int threads) {
  const Timing t = time_channels(faults, setup, images, threads);
  const double pairs = static_cast<double>(faults.size()) * static_cast<double>(images);
  std::cout << "  " << what << ": " << faults.size() << " faults x " << images << " images, "
            << threads << " threads: " << t.wall << " s wall, " << t.processor << " CPU-seconds, "
            << 1e6 * t.processor / pairs << " CPU-microseconds per fault-image\n";
}

void measure_scaling(const std::string& name, int64_t images) {
  const Setup setup = make_setup(name);
  const fast::PackedNetwork packed(setup.network);
  std::vector<Effects> effects = bench::channel_faults(setup.network);
  std::cout << setup.network.name << ", channel faults, medians of 3\n";
  const fast::FaultList faults(packed, effects);
  print_scaling("as it is", faults, setup, images, 1);
  print_scaling("threads", faults, setup, images, 2);
  print_scaling("images", faults, setup, 2 * images, 1);
  std::vector<Effects> half;
  for (size_t f = 0; f < effects.size(); f += 2) half.push_back(effects[f]);
  print_scaling("half the faults", fast::FaultList(packed, half), setup, images, 1);
  for (const double width : {0.5, 1.0, 2.0}) {
    const Setup random = bench::random_setup(name, width);
    const fast::PackedNetwork wide(random.network);
    const fast::FaultList list(wide, bench::channel_faults(random.network));
    const std::string what = "random parameters, width " + std::to_string(width).substr(0, 3);
    print_scaling(what.c_str(), list, random, images, 1);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << "  memory: " << usage.ru_maxrss / 1024 << " MiB at most\n";
}

void measure_golden(const Setup& setup, const fast::PackedNetwork& packed, int64_t images) {
  const double begin = cpu_seconds();
  fast::evaluate(
      packed, [&](int64_t i) { return image_of(setup, i); }, 0, images, 1);
  const double seconds = cpu_seconds() - begin;
  std::cout << setup.network.name << " fault-free: " << static_cast<double>(images) / seconds
            << " images per CPU-second\n";
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> networks;
  std::string campaign;
  int64_t images = 20;
  int threads = 1;
  bool by_layer = false;
  bool scaling = false;
  for (int i = 1; i < argc; ++i) {
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (std::strcmp(argv[i], "--network") == 0) {
      networks.emplace_back(value());
    } else if (std::strcmp(argv[i], "--campaign") == 0) {
      campaign = value();
    } else if (std::strcmp(argv[i], "--images") == 0) {
      images = std::atoll(value());
    } else if (std::strcmp(argv[i], "--threads") == 0) {
      threads = std::atoi(value());
    } else if (std::strcmp(argv[i], "--by-layer") == 0) {
      by_layer = true;
    } else if (std::strcmp(argv[i], "--scaling") == 0) {
      scaling = true;
    } else {
      std::cerr << "unknown option " << argv[i] << "\n";
      return 2;
    }
  }
  if (networks.empty()) networks = {"cnv-w1a1", "cnv-w1a2", "cnv-w2a2"};
  std::cout << std::setprecision(4);
  for (const std::string& name : networks) {
    if (scaling) {
      measure_scaling(name, images);
      continue;
    }
    const Setup setup = make_setup(name);
    const fast::PackedNetwork packed(setup.network);
    measure_golden(setup, packed, images);
    for (const bench::CampaignRow& row : bench::campaign_rows()) {
      if (!campaign.empty() && campaign != row.name) continue;
      const std::vector<Effects> effects = row.faults(setup.network);
      measure(setup, packed, row, effects, images, threads);
      if (!by_layer) continue;
      for (int t = 1; t < setup.network.tensors(); ++t) {
        std::vector<Effects> of_tensor;
        for (const Effects& e : effects) {
          if (e.elements.front().tensor == t) of_tensor.push_back(e);
        }
        if (of_tensor.empty()) continue;
        std::cout << "faults in " << setup.network.layers[static_cast<size_t>(t) - 1].name << "\n";
        measure(setup, packed, row, of_tensor, images, threads);
      }
    }
  }
  return 0;
}
