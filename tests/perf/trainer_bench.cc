// Full training steps (forward, loss, backward, ADAM; no augmentation) of CNV-W1A1, 32x32x3 input,
// batch 100: standard and FAT in turn, medians of both, and what FAT costs. Goals: 3 times the
// images per second of PyTorch (against_pytorch.py compares), FAT for at most 5 % more, below
// 1.5 GiB. Rates per CPU-second say more on a machine that is shared.
//
// bench_trainer [--threads N] [--network NAME] [--steps N] [--width X] [--avx2]
// bench_trainer --on-request ...  one standard step for each line of standard input, and for each
//                                 a line with its seconds by the wall and of the processors
// --avx2: without AVX-512.
#include <hwy/targets.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include "trainer/injection_overlay.h"
#include "trainer/optimizer.h"
#include "trainer/random.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

constexpr int batch = 100;

struct Times {
  std::vector<double> wall;
  std::vector<double> cpu;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// One network in training on random images.
class Bench {
 public:
  Bench(const Network& network, int threads)
      : workers_(threads),
        model_(initial_model(network, 1)),
        step_(network, {}, workers_),
        adam_(model_),
        input_(block_count(batch) * block_elements(network.input())) {
    const Sequence random(1, Purpose::order);
    const bool binary = network.layers.front().input_format.kind == FormatKind::binary;
    for (size_t i = 0; i < input_.size(); ++i) {
      const size_t block = i / block_elements(network.input());
      const bool present = block * lanes + i % lanes < batch;
      const int value = binary ? 2 * random.below(i, 2) - 1 : random.below(i, 256) - 128;
      input_[i] = static_cast<int8_t>(present ? value : 0);
    }
    for (int n = 0; n < batch; ++n) labels_.push_back(n % network.classes());
    for (const int layer : network.injectable_layers()) {
      injected_.push_back(network.after_pools(network.output_tensor(layer)));
    }
  }

  int threads() const { return workers_.threads(); }

  void step(bool fat, Times& times) {
    injection_.set({InjectionKind::channel, 5, false}, fat ? injected_ : std::vector<int>{}, 0);
    injection_.set_step(steps_++);
    const std::vector<FaultOverlay*> overlays{&injection_};
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    step_.run(model_, input_.data(), labels_, overlays);
    update_statistics(model_, step_.statistics());
    adam_.update(model_, step_.gradients(), 0.001, workers_);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    times.wall.push_back(seconds.count());
    times.cpu.push_back(static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }

 private:
  Workers workers_;
  Model model_;
  TrainingStep step_;
  InjectionOverlay injection_;
  Adam adam_;
  std::vector<int8_t> input_;
  std::vector<int> labels_;
  std::vector<int> injected_;
  uint64_t steps_ = 0;
};

void print_rates(const char* what, const Times& times) {
  std::cout << "  " << what << ": " << batch / median(times.wall) << " images/s (best "
            << batch / *std::min_element(times.wall.begin(), times.wall.end()) << "), "
            << batch / median(times.cpu) << " per CPU-second\n";
}

}  // namespace

int main(int argc, char** argv) {
  int threads = 0;
  int steps = 10;
  double width = 1;
  bool on_request = false;
  std::string name = "cnv-w1a1";
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--on-request") {
      on_request = true;
    } else if (option == "--avx2") {
      hwy::SetSupportedTargetsForTest(hwy::SupportedTargets() & ~int64_t{HWY_AVX3 | HWY_AVX3_DL});
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    } else if (i + 1 < argc && option == "--threads") {
      threads = std::atoi(argv[++i]);
    } else if (i + 1 < argc && option == "--steps") {
      steps = std::max(1, std::atoi(argv[++i]));
    } else if (i + 1 < argc && option == "--width") {
      width = std::atof(argv[++i]);
    } else if (i + 1 < argc && option == "--network") {
      name = argv[++i];
    } else {
      std::cerr << "bench_trainer [--on-request] [--threads N] [--network NAME] [--steps N] "
                   "[--width X] [--avx2]\n";
      return 2;
    }
  }
  const Network network = zoo_network(name, {.width = width});
  Bench bench(network, threads);
  Times first;
  bench.step(true, first);  // takes the memory
  if (on_request) {
    for (std::string line; std::getline(std::cin, line);) {
      Times times;
      bench.step(false, times);
      std::cout << times.wall.front() << " " << times.cpu.front() << std::endl;
    }
    return 0;
  }
  Times standard;
  Times fat;
  for (int i = 0; i < steps; ++i) {
    bench.step(false, standard);
    bench.step(true, fat);
  }
  std::cout << network.name << " width " << width << ", batch " << batch << ", " << bench.threads()
            << " threads, medians of " << steps << " steps:\n";
  print_rates("standard", standard);
  print_rates("FAT, 5 % of all channels", fat);
  std::cout << "  FAT costs " << 100 * (median(fat.cpu) / median(standard.cpu) - 1)
            << " % more processor time (goal: at most 5 %)\n";
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << "  peak memory " << usage.ru_maxrss / 1024 << " MiB (goal: below 1536 MiB)\n";
  return 0;
}
