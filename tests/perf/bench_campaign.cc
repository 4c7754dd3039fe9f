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
#include <random>
#include <string>

#include "sim/fast/verdict_counts.h"
#include "tests/perf/campaign_faults.h"
#include "tests/support/bnn_pynq_folder.h"
#include "tests/support/random_network.h"
#include "tests/support/shared_data.h"
#include "workloads/bnn_pynq.h"
#include "workloads/dataset.h"
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
  DataSet data;  // empty: random images
};

Setup make_setup(const std::string& name) {
  Setup setup;
  const std::string published = name == "cnv-w1a1"   ? "cnvW1A1"
                                : name == "cnv-w1a2" ? "cnvW1A2"
                                                     : "";
  if (!published.empty()) {
    const std::string archive = test::shared_data("bnn-pynq/cifar10-" + published + ".tar.xz");
    const std::string images = test::shared_data("cifar10/test_exact_first1017.bin.xz");
    if (!archive.empty() && !images.empty()) {
      const test::TemporaryFolder folder;
      setup.network =
          import_bnn_pynq(test::unpacked(folder, archive, "cifar10/" + published), name);
      setup.data = read_dataset("cifar10:" + images, {});
      return setup;
    }
  }
  std::cout << "random parameters and images\n";
  std::mt19937_64 random(1);
  setup.network = zoo_network(name);
  for (Layer& layer : setup.network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  return setup;
}

Tensor image_of(const Setup& setup, int64_t index) {
  if (setup.data.size() > 0) {
    return input_tensor(setup.network, setup.data, static_cast<int>(index % setup.data.size()));
  }
  std::mt19937_64 random(static_cast<uint64_t>(index));
  return test::random_image(random, setup.network);
}

int label_of(const Setup& setup, int64_t index) {
  return setup.data.size() > 0 ? setup.data.labels[static_cast<size_t>(index % setup.data.size())]
                               : 0;
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
