// The exhaustive single-site campaign over every bit of every weight memory, stuck at 0 and at 1:
// CNV-W1A1 at a quarter of the width, on the published dataflow folding, with all that a campaign
// does (lowering, golden pass, counting). Goal: 1,000,000 fault-images per CPU-second, so that
// 1,000 images take minutes.
//
// bench_weight_bits [MODEL.h5] [--images N] [--threads N]
//
// Without a model: random parameters, whose changes spread further than those of trained ones. The
// images are Fashion-MNIST's.
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <random>
#include <systemc>

#include "models/dataflow/placement.h"
#include "sim/campaign/fault_set.h"
#include "sim/campaign/run.h"
#include "tests/support/random_network.h"
#include "workloads/dataset.h"
#include "workloads/model_file.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Network random_cnv() {
  Network network = zoo_network("cnv-w1a1", {0.25, 1, 10});
  std::mt19937_64 random(1);
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  return network;
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  std::string model;
  campaign::RunOptions options;
  options.images = 1000;
  for (int i = 1; i < argc; ++i) {
    const auto value = [&] { return i + 1 < argc ? std::atoi(argv[++i]) : 0; };
    if (std::strcmp(argv[i], "--images") == 0) {
      options.images = value();
    } else if (std::strcmp(argv[i], "--threads") == 0) {
      options.threads = value();
    } else if (argv[i][0] != '-') {
      model = argv[i];
    } else {
      std::cerr << "unknown option " << argv[i] << "\n";
      return 2;
    }
  }
  const Network network = model.empty() ? random_cnv() : read_model(model);
  const DataSet data = read_dataset("fashion-mnist", {});
  const Placement placement =
      dataflow::place(dataflow::built_in_dataflow("bnn-pynq-cnv-w1a1", network), network);
  const double begin = cpu_seconds();
  const auto faults = campaign::site_faults(network, placement, SiteKind::pe_weight);
  const auto outcome = campaign::run(network, data, faults, options);
  const double seconds = cpu_seconds() - begin;
  const campaign::Result& result = outcome.result;
  int64_t masked = 0;
  for (int64_t f = 0; f < result.size(); ++f) masked += result.masked(f) == result.images ? 1 : 0;
  const double pairs = static_cast<double>(result.size()) * static_cast<double>(result.images);
  std::cout << std::setprecision(4) << (model.empty() ? "random parameters" : model) << ": "
            << result.size() << " faults x " << result.images << " images, " << seconds
            << " CPU-seconds, " << pairs / seconds << " fault-images per CPU-second, goal 1000000; "
            << 100.0 * static_cast<double>(masked) / static_cast<double>(result.size())
            << " % of the faults change no score\n1,000 images: "
            << 1000.0 * static_cast<double>(result.size()) * seconds / pairs << " CPU-seconds\n";
  return 0;
}
