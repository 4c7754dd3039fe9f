// Where the break-evens of sim/fast/break_even.cc lie on this machine: for every layer of a network
// and more and more changed planes of its input, microseconds of scatter, gather and dense, and
// which of them cheapest_way() chooses.
//
// bench_break_even [--network cnv-w1a1] [--repeats 9]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <random>
#include <string>

#include "sim/fast/break_even.h"
#include "sim/fast/faulty_pass.h"
#include "tests/perf/campaign_setup.h"

namespace {

using namespace stuckat;
using fast::Way;

using Clock = std::chrono::steady_clock;

/// Inputs that are measured in turn, so that the processor learns none of them by heart.
constexpr int patterns = 24;

/// Elements of a tensor at other levels, until at least `changes` planes differ.
int64_t change(const fast::PackedNetwork& network, const fast::Executor& golden, int tensor,
               int64_t changes, std::mt19937_64& random, fast::AlignedVector<uint64_t>& diff,
               fast::PixelSet& changed) {
  const fast::TensorLayout& layout = network.layout(tensor);
  const int lowest = network.always_set_planes(tensor);
  const uint64_t* planes = golden.state().planes[static_cast<size_t>(tensor)].data();
  int64_t done = 0;
  while (done < changes) {
    const int pixel = static_cast<int>(random() % static_cast<uint64_t>(layout.shape.pixels()));
    const int channel = static_cast<int>(random() % static_cast<uint64_t>(layout.shape.channels));
    const int level =
        lowest + static_cast<int>(random() % static_cast<uint64_t>(layout.planes - lowest + 1));
    const uint64_t bit = uint64_t{1} << (channel % fast::rows_per_word);
    for (int k = 0; k < layout.planes; ++k) {
      const size_t word = static_cast<size_t>(pixel * layout.pixel_words() + k * layout.words +
                                              channel / fast::rows_per_word);
      const bool is_set = ((planes[word] ^ diff[word]) & bit) != 0;
      if (is_set == (k < level)) continue;
      done += (diff[word] & bit) == 0 ? 1 : -1;
      diff[word] ^= bit;
      changed.insert(pixel);
    }
  }
  return done;
}

void measure(const fast::PackedNetwork& network, const fast::Executor& golden,
             fast::FaultyPass& pass, int index, int repeats) {
  const fast::PackedLayer& layer = network.layer(index);
  const fast::TensorLayout& layout = network.layout(index);
  const int64_t planes = int64_t{layout.shape.size()} * layout.planes;
  std::mt19937_64 random(1);
  std::cout << network.network().layers[static_cast<size_t>(index)].name
            << ": changes, microseconds of scatter, gather, dense\n";
  for (int64_t changes = 1; changes <= planes / 8; changes = changes * 3 / 2 + 1) {
    std::vector<fast::AlignedVector<uint64_t>> diffs;
    std::vector<fast::PixelSet> changed;
    bool can_scatter = true;
    for (int i = 0; i < patterns; ++i) {
      diffs.emplace_back(layout.total_words(), 0);
      changed.emplace_back(layout.shape.pixels());
      change(network, golden, index, changes, random, diffs.back(), changed.back());
      pass.swap_differences(index, diffs.back(), changed.back());
      can_scatter = pass.can_scatter(index) && can_scatter;
      pass.swap_differences(index, diffs.back(), changed.back());
    }
    const Way choice = fast::cheapest_way(layer, layout, changes, can_scatter);
    double chosen = 0;
    double best = 1e9;
    std::cout << std::setw(8) << changes;
    for (const Way way : {Way::scatter, Way::gather, Way::dense}) {
      if (way == Way::scatter && !can_scatter) {
        std::cout << std::setw(10) << "-";
        continue;
      }
      std::vector<double> least(patterns, 1e9);  // other work on the machine only ever adds
      for (int repeat = 0; repeat < repeats; ++repeat) {
        for (size_t i = 0; i < diffs.size(); ++i) {
          pass.swap_differences(index, diffs[i], changed[i]);
          const auto begin = Clock::now();
          pass.propagate(index, way);
          const std::chrono::duration<double, std::micro> time = Clock::now() - begin;
          least[i] = std::min(least[i], time.count());
          pass.clear(index + 1);
          pass.swap_differences(index, diffs[i], changed[i]);
        }
      }
      const double time = std::accumulate(least.begin(), least.end(), 0.0) / patterns;
      std::cout << std::setw(10) << time << (way == choice ? "*" : " ");
      best = std::min(best, time);
      if (way == choice) chosen = time;
    }
    std::cout << "  * costs " << 100 * (chosen / best - 1) << " % more than the best\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string name = "cnv-w1a1";
  int repeats = 9;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--network") == 0) name = argv[i + 1];
    if (std::strcmp(argv[i], "--repeats") == 0) repeats = std::atoi(argv[i + 1]);
  }
  std::cout << std::setprecision(3);
  const bench::Setup setup = bench::make_setup(name);
  const fast::PackedNetwork network(setup.network);
  fast::Executor golden(network);
  golden.run(bench::image_of(setup, 0));
  fast::FaultyPass pass(golden);
  for (int i = 0; i < network.last_tensor(); ++i) {
    const fast::PackedLayer& layer = network.layer(i);
    if (layer.path == fast::LayerPath::matrix && !layer.accumulator_output) {
      measure(network, golden, pass, i, repeats);
    }
  }
  return 0;
}
