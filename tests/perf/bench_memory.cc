// Chips of memory faults, and steps that look for flat minima, on CNV-W2A2 at a quarter width.
// Goals: 10,000 chips at 0.1 % of the weight bits on 1,000 images within 300 s on two cores, that
// is 16,667 chip-images per CPU-second; a SAQ step costs at most 2.3 standard steps.
//
// bench_memory [chips|steps] [--chips N] [--images N] [--threads N] [--steps N] [--width X]
//              [--network NAME]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include "faultmaps/draws.h"
#include "faultmaps/memory_faults.h"
#include "sim/campaign/run.h"
#include "tests/perf/campaign_setup.h"
#include "tests/support/random_placement.h"
#include "trainer/optimizer.h"
#include "trainer/random.h"
#include "trainer/sharpness_aware.h"

using namespace stuckat;

namespace {

struct Options {
  std::string what;
  int64_t chips = 10'000;
  int64_t images = 1000;
  int threads = 2;
  int steps = 5;
  double width = 0.25;
  std::string network = "cnv-w2a2";
};

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void chips(const Options& options) {
  const Network network = bench::random_setup(options.network, options.width).network;
  Placement placement;
  placement.accelerator = "dataflow:plain";
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (!network.layers[i].has_weights()) continue;
    placement.arrays.push_back({network.layers[i].name + "/mvtu",
                                1,
                                1,
                                Schedule::channel_parallel,
                                {test::use_of(network, static_cast<int>(i), 1, 1, 0)}});
  }
  const SiteIndex sites(placement, network);
  const MemoryChips lot({{SiteKind::pe_weight}, CellFault::flip, "cell", 0.001}, sites, placement,
                        network);
  DataSet data;
  std::mt19937_64 random(2);
  data.name = "random";
  data.shape = network.input();
  data.classes = network.classes();
  for (int64_t i = 0; i < options.images; ++i) {
    for (int k = 0; k < data.shape.size(); ++k) data.pixels.push_back(random() & 255);
    data.labels.push_back(static_cast<uint16_t>(i % data.classes));
  }
  const Stopwatch all;
  const auto cpu = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };
  const double started = cpu();
  std::vector<FaultMap> maps;
  size_t broken = 0;
  for (int64_t chip = 0; chip < options.chips; ++chip) {
    maps.push_back(lot.chip(chip_seed(1, chip)));
    broken += maps.back().faults.size();
  }
  const double drawn = all.seconds();
  const auto set = campaign::chip_faults(network, placement, std::move(maps));
  campaign::RunOptions run;
  run.threads = options.threads;
  const auto outcome = campaign::run(network, data, set, run);
  const double seconds = all.seconds();
  const double cpu_seconds = cpu() - started;
  const double pairs = static_cast<double>(options.chips * options.images);
  std::cout << network.name << " width " << options.width << ": " << options.chips << " chips x "
            << options.images << " images, "
            << static_cast<double>(broken) / static_cast<double>(options.chips)
            << " flipped bits a chip, " << options.threads << " threads: " << seconds << " s ("
            << drawn << " s to draw), " << pairs / seconds << " chip-images/s; "
            << pairs / cpu_seconds
            << " per CPU-second, all of the campaign included, goal 16667; 10,000 x 1,000 take "
            << 1e7 / pairs * cpu_seconds / 2 << " s on two cores at this rate, goal 300 s\n";
}

void steps(const Options& options) {
  using namespace trainer;
  constexpr int batch = 100;
  const Network network = zoo_network(options.network, {.width = options.width});
  Workers workers(options.threads);
  Model model = initial_model(network, 1);
  TrainingStep step(network, {}, workers);
  Adam adam(model);
  std::vector<int8_t> input(block_count(batch) * block_elements(network.input()));
  const Sequence random(1, Purpose::order);
  for (size_t i = 0; i < input.size(); ++i) {
    const bool present = i / block_elements(network.input()) * lanes + i % lanes < batch;
    input[i] = static_cast<int8_t>(present ? random.below(i, 256) - 128 : 0);
  }
  std::vector<int> labels;
  for (int n = 0; n < batch; ++n) labels.push_back(n % network.classes());
  std::vector<std::vector<float>> no_offsets;
  for (const LayerParameters& p : model.layers) no_offsets.emplace_back(p.weights.size(), 0.0f);
  const auto first_pass = [&](bool real) {
    step.run(model, input.data(), labels, {}, 0, real ? Pass{&no_offsets} : Pass{});
    update_statistics(model, step.statistics());
  };
  const auto time = [&](const auto& work) {
    const Stopwatch watch;
    work();
    return watch.seconds();
  };
  std::vector<std::vector<double>> times(2 + ascent_rows().size());
  for (int i = -1; i < options.steps; ++i) {
    std::vector<double> now;
    for (const bool real : {false, true}) {
      now.push_back(time([&] {
        first_pass(real);
        adam.update(model, step.gradients(), 0.001, workers);
      }));
    }
    for (const AscentRow& row : ascent_rows()) {
      SharpnessAware second({&row, row.rho});
      now.push_back(time([&] {
        first_pass(false);
        second.run(step, model, input.data(), labels);
        adam.update(model, second.gradients(), 0.001, workers);
      }));
    }
    if (i < 0) continue;  // takes the memory
    for (size_t k = 0; k < now.size(); ++k) times[k].push_back(now[k]);
  }
  const double standard = median(times[0]);
  const double real = median(times[1]);
  std::cout << network.name << " width " << options.width << ", batch " << batch << ", "
            << options.threads << " threads, medians of " << options.steps << " steps: standard "
            << standard << " s; the same with real weights " << real << " s\n";
  for (size_t k = 0; k < ascent_rows().size(); ++k) {
    const double s = median(times[k + 2]);
    std::cout << "  " << ascent_rows()[k].name << " " << s << " s: " << s / standard
              << " standard steps, " << s / real
              << " of those with real weights; goal at most 2.3 of the same path\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : "0"); };
    if (option == "--chips") {
      options.chips = std::atoll(value().c_str());
    } else if (option == "--images") {
      options.images = std::atoll(value().c_str());
    } else if (option == "--threads") {
      options.threads = std::atoi(value().c_str());
    } else if (option == "--steps") {
      options.steps = std::atoi(value().c_str());
    } else if (option == "--width") {
      options.width = std::atof(value().c_str());
    } else if (option == "--network") {
      options.network = value();
    } else if (option == "chips" || option == "steps") {
      options.what = option;
    } else {
      std::cerr << "unknown option " << option << "\n";
      return 2;
    }
  }
  if (options.what != "steps") chips(options);
  if (options.what != "chips") steps(options);
  return 0;
}
