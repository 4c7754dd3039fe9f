// Fleets: many chips with many faults each, from their file to the first image; long lists of
// names; drawn weight faults in training. CNV-W1A1 in full, on the published dataflow folding.
// Goals: 1,000 chips x 10,000 weight faults: the first image is done within 5 s, below 4 GiB;
// 10,000 chips x 100 faults: within 5 s; a list of 100,000 names is read within 2 s; drawing weight
// faults at 10 % costs at most 20 % of a training step.
//
// bench_chips [fleet|lot|list|training] [--chips N] [--faults N] [--threads N] [--steps N]
//
// Without a word: all four, on all threads of the machine. Seconds by the wall and of the processors: the latter say more on a
// machine that is shared.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <systemc>
#include <thread>

#include "faultmaps/generators.h"
#include "models/dataflow/placement.h"
#include "sim/campaign/fault_set.h"
#include "sim/campaign/run.h"
#include "tests/perf/campaign_setup.h"
#include "tests/support/temporary_folder.h"
#include "trainer/fixed_faults.h"
#include "trainer/hardware_faults.h"
#include "trainer/optimizer.h"
#include "trainer/step.h"

using namespace stuckat;

namespace {

struct Options {
  std::string what;
  int64_t chips = 0;
  int64_t faults = 0;
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  int steps = 5;
};

class Stopwatch {
 public:
  double wall() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
  }
  double cpu() const { return static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC; }
  std::string text() const {
    return std::to_string(wall()) + " s (" + std::to_string(cpu()) + " CPU-seconds)";
  }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

int64_t peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

struct Hardware {
  Network network = bench::random_setup("cnv-w1a1", 1).network;
  Placement placement =
      dataflow::place(dataflow::built_in_dataflow("bnn-pynq-cnv-w1a1", network), network);
};

DataSet random_images(const Network& network, int images) {
  std::mt19937_64 random(2);
  DataSet data;
  data.name = "random";
  data.shape = network.input();
  data.classes = network.classes();
  for (int i = 0; i < images; ++i) {
    for (int k = 0; k < data.shape.size(); ++k) data.pixels.push_back(random() & 255);
    data.labels.push_back(static_cast<uint16_t>(i % data.classes));
  }
  return data;
}

void fleet(const Hardware& hardware, int64_t chips, int64_t faults, const Options& options,
           const std::string& goal) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "chips.h5";
  {
    const SiteIndex sites(hardware.placement, hardware.network);
    std::vector<FaultMap> lot;
    for (int64_t chip = 0; chip < chips; ++chip) {
      lot.push_back(exact_map({SiteKind::pe_weight}, faults, chip_seed(1, chip), sites));
    }
    write_fault_maps(path, lot);
  }
  const DataSet data = random_images(hardware.network, 1);
  const Stopwatch all;
  const auto set = campaign::map_faults(hardware.network, hardware.placement, {path});
  std::cout << chips << " chips x " << faults << " weight faults: read and checked " << all.text()
            << "\n";
  std::string first_image = "never";
  campaign::RunOptions run;
  run.threads = options.threads;
  const auto outcome = campaign::run(hardware.network, data, set, run, campaign::fast_engine(),
                                     [&](const campaign::Progress& progress) {
                                       if (progress.done == progress.total)
                                         first_image = all.text();
                                       return true;
                                     });
  int64_t critical = 0;
  for (const int32_t c : outcome.result.critical) critical += c;
  std::cout << "  first image done after " << first_image << "; goal " << goal
            << "\n  whole result after " << all.text() << "; " << critical
            << " chips predict another class\n  peak memory " << peak_mebibytes()
            << " MiB; goal below 4096\n";
}

void list(const Hardware& hardware, int64_t names) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "names.txt";
  {
    const SiteIndex sites(hardware.placement, hardware.network);
    std::ofstream file(path);
    for (const Fault& f : exact_map({SiteKind::pe_weight}, names, 1, sites).faults) {
      file << name(f) << "\n";
    }
  }
  const Stopwatch all;
  const auto set = campaign::read_fault_list(path, hardware.network, &hardware.placement);
  std::cout << "list of " << set.size() << " names: read in " << all.text() << "; goal 2 s\n";
}

void training(const Hardware& hardware, const Options& options) {
  using namespace trainer;
  constexpr int batch = 100;
  const Network network = zoo_network("cnv-w1a1");
  Workers workers(options.threads);
  trainer::Hardware drawn;
  drawn.placement = hardware.placement;
  drawn.sites = {SiteKind::pe_weight};
  drawn.draw = Draw::batch;
  HardwareFaults faults(drawn, true, 1, network);
  TrainingStep healthy_step(network, {}, workers);
  TrainingStep broken_step(network, {.faults = true}, workers);
  Model model = initial_model(network, 1);
  Adam adam(model);
  std::vector<int8_t> input(block_count(batch) * block_elements(network.input()));
  const Sequence random(1, Purpose::order);
  for (size_t i = 0; i < input.size(); ++i) {
    input[i] = static_cast<int8_t>(random.below(i, 256) - 128);
  }
  std::vector<int> labels;
  for (int n = 0; n < batch; ++n) labels.push_back(n % network.classes());
  double healthy = 0, broken = 0, drawing = 0;
  size_t patches = 0;
  for (int i = -1; i < options.steps; ++i) {  // the first takes the memory
    const Stopwatch without;
    healthy_step.run(model, input.data(), labels);
    adam.update(model, healthy_step.gradients(), 0.001, workers);
    const double seconds_without = without.cpu();
    const Stopwatch with;
    faults.draw(model, 10, static_cast<uint64_t>(i + 1), batch);
    const double seconds_drawing = with.cpu();
    FixedFaults overlay(network, faults.common(), faults.of_samples());
    FaultOverlay* const overlays[] = {&overlay};
    broken_step.run(model, input.data(), labels, overlays);
    adam.update(model, broken_step.gradients(), 0.001, workers);
    patches = faults.common().patches.size();
    if (i < 0) continue;
    healthy += seconds_without;
    broken += with.cpu();
    drawing += seconds_drawing;
  }
  const double n = options.steps;
  std::cout << "training step, batch " << batch << ": " << healthy / n
            << " CPU-seconds, with weight "
            << "faults at 10 % (" << patches << " weights read wrongly) " << broken / n << ", "
            << drawing / n << " of them for drawing\n  faults cost " << 100 * (broken / healthy - 1)
            << " %; goal at most 20 %\n";
}

}  // namespace

int sc_main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::atoll(argv[++i]) : 0; };
    if (option == "--chips") {
      options.chips = value();
    } else if (option == "--faults") {
      options.faults = value();
    } else if (option == "--threads") {
      options.threads = static_cast<int>(value());
    } else if (option == "--steps") {
      options.steps = static_cast<int>(value());
    } else if (option[0] != '-') {
      options.what = option;
    } else {
      std::cerr << "unknown option " << option << "\n";
      return 2;
    }
  }
  const Hardware hardware;
  const auto wanted = [&](const char* what) {
    return options.what.empty() || options.what == what;
  };
  const auto or_else = [](int64_t given, int64_t usual) { return given > 0 ? given : usual; };
  if (wanted("lot")) {
    fleet(hardware, or_else(options.chips, 10'000), or_else(options.faults, 100), options, "5 s");
  }
  if (wanted("list")) list(hardware, or_else(options.faults, 100'000));
  if (wanted("training")) training(hardware, options);
  if (wanted("fleet")) {
    fleet(hardware, or_else(options.chips, 1000), or_else(options.faults, 10'000), options, "5 s");
  }
  return 0;
}
