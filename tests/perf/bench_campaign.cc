// Fault-images per CPU-second of exhaustive campaigns. Goals: the rows of campaign_faults.h.
//
// bench_campaign [--network cnv-w1a1|cnv-w1a2|...] [--campaign NAME] [--images N] [--threads N]
//                [--by-layer]
//
// The published trained networks and real CIFAR-10 images if STUCKAT_DATA has them, else random
// parameters and images, which propagate more changes than trained ones. CPU time, golden pass and
// conversion of images included.
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <string>

#include "sim/fast/verdict_counts.h"
#include "tests/perf/campaign_faults.h"
#include "tests/perf/campaign_setup.h"

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
  const bool binary = setup.network.tensor_format(1).kind == FormatKind::binary;
  std::cout << setup.network.name << " " << row.name << ": " << faults.size() << " faults x "
            << images << " images, " << seconds << " CPU-seconds, " << pairs / seconds
            << " fault-images per CPU-second, goal " << (binary ? row.binary_goal : row.goal)
            << "\n  per fault-image: " << static_cast<double>(work.additions) / pairs
            << " additions of a weight, " << static_cast<double>(work.changed_elements) / pairs
            << " changed elements; right without faults " << counts.total_golden_correct() << " of "
            << images << "\n";
  print_masked(counts, setup.network);
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
    } else {
      std::cerr << "unknown option " << argv[i] << "\n";
      return 2;
    }
  }
  if (networks.empty()) networks = {"cnv-w1a1", "cnv-w1a2", "cnv-w2a2"};
  std::cout << std::setprecision(4);
  for (const std::string& name : networks) {
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
