// Networks of 8 bits and graphs (sim/fast/levels): fault-free images, and exhaustive campaigns of
// channels at three levels. Goals for ResNet-8: 6,000 images and 40,000 fault-images per
// CPU-second, never fewer than 15,000.
//
// bench_levels [--network resnet-8-w8a8|...] [--images N] [--by-layer]
//
// Random weights and images, thresholds that round a scaled sum, so that about half of the levels
// occur: changes spread further than in a trained network. CPU time, golden pass and conversion of
// images included.
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "sim/fast/verdict_counts.h"
#include "tests/support/rounded_sums.h"
#include "workloads/zoo.h"

namespace {

using namespace stuckat;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Setup {
  Network network;
  std::vector<Tensor> images;
};

Setup make_setup(const std::string& name) {
  test::Random random(1);
  Setup setup{zoo_network(name), {}};
  test::fill_rounding(setup.network, random);
  for (int i = 0; i < 20; ++i) setup.images.push_back(test::random_image(random, setup.network));
  return setup;
}

/// Every channel of a layer at its lowest level, at 0 and at the highest.
void add_channels(const Network& network, int layer, std::vector<Effects>& faults) {
  const NumberFormat format = network.layer(layer).output_format;
  std::vector<int> levels = {format.min_level(), format.max_level()};
  if (format.min_level() < 0 && format.bits > 1) levels.push_back(0);
  for (int c = 0; c < network.layer(layer).rows(); ++c) {
    for (const int level : levels) faults.push_back(stuck_channel(network, layer, c, level));
  }
}

void measure(const Setup& setup, const fast::PackedNetwork& packed,
             const std::vector<Effects>& effects, int64_t images, const std::string& what) {
  const fast::FaultList faults(packed, effects);
  const auto image = [&](int64_t i) {
    return setup.images[static_cast<size_t>(i) % setup.images.size()];
  };
  const double begin = cpu_seconds();
  const fast::VerdictCounts counts = fast::count_verdicts(
      faults, image, [](int64_t) { return 0; }, 0, images, 1);
  const double seconds = cpu_seconds() - begin;
  int64_t masked = 0;
  for (int f = 0; f < faults.size(); ++f) masked += counts.masked(f);
  const double pairs = static_cast<double>(faults.size()) * static_cast<double>(images);
  std::cout << setup.network.name << " " << what << ": " << faults.size() << " faults x " << images
            << " images, " << seconds << " CPU-seconds, " << pairs / seconds
            << " fault-images per CPU-second, masked " << 100 * static_cast<double>(masked) / pairs
            << " %\n";
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> networks;
  int64_t images = 20;
  bool by_layer = false;
  for (int i = 1; i < argc; ++i) {
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (std::strcmp(argv[i], "--network") == 0) {
      networks.emplace_back(value());
    } else if (std::strcmp(argv[i], "--images") == 0) {
      images = std::atoll(value());
    } else if (std::strcmp(argv[i], "--by-layer") == 0) {
      by_layer = true;
    } else {
      std::cerr << "unknown option " << argv[i] << "\n";
      return 2;
    }
  }
  if (networks.empty()) networks = {"resnet-8-w8a8", "resnet-8-w4a4", "ds-cnn-w8a8"};
  for (const std::string& name : networks) {
    const Setup setup = make_setup(name);
    const fast::PackedNetwork packed(setup.network);
    const double begin = cpu_seconds();
    const int64_t golden = 50 * images;
    fast::evaluate(
        packed,
        [&](int64_t i) { return setup.images[static_cast<size_t>(i) % setup.images.size()]; }, 0,
        golden, 1);
    std::cout << name << " fault-free: " << static_cast<double>(golden) / (cpu_seconds() - begin)
              << " images per CPU-second\n";
    std::vector<Effects> all;
    for (const int layer : setup.network.injectable_layers()) {
      std::vector<Effects> of_layer;
      add_channels(setup.network, layer, of_layer);
      if (by_layer) measure(setup, packed, of_layer, images, setup.network.layer(layer).name);
      all.insert(all.end(), of_layer.begin(), of_layer.end());
    }
    measure(setup, packed, all, images, "channels");
  }
  return 0;
}
