// Made-up results of a plausible size and shape. No network gave these numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tools/report/report.h"

namespace stuckat::report::test {

/// Faults of which a few are harmful: `harm` scales the points that the worst costs.
inline Campaign demo_campaign(const std::string& network, const std::string& kind,
                              const std::string& accelerator,
                              const std::vector<Campaign::Group>& groups, int64_t golden,
                              double harm, unsigned seed) {
  std::mt19937 random(seed);
  const auto uniform = [&] { return static_cast<double>(random() >> 8) / 16777216.0; };
  Campaign campaign;
  campaign.network = network;
  campaign.kind = kind;
  campaign.accelerator = accelerator;
  campaign.images = 1000;
  campaign.golden_correct = golden;
  campaign.groups = groups;
  campaign.levels = {"-1", "+1"};
  for (int g = 0; g < static_cast<int>(groups.size()); ++g) {
    for (int level = 0; level < 2; ++level) {
      for (int unit = 0; unit < groups[static_cast<size_t>(g)].units; ++unit) {
        const double lost = harm * std::exp(-0.8 * g) * std::pow(uniform(), 9 + 3 * g) +
                            4 * (uniform() - 0.4) * std::exp(-0.4 * g);
        FaultOutcome fault;
        fault.name = groups[static_cast<size_t>(g)].name + "/" + kind + "[" + std::to_string(unit) +
                     "]=" + campaign.levels[static_cast<size_t>(level)];
        fault.group = g;
        fault.unit = unit;
        fault.level = level;
        fault.correct = std::clamp<int64_t>(golden - std::lround(10 * lost), 0, 1000);
        fault.critical = std::min<int64_t>(1000, std::lround(14 * std::abs(lost)));
        if (g > 5 && uniform() < 0.3) fault.critical = 0;
        fault.masked = uniform() < 0.05 * g ? 1000 - fault.critical : (1000 - fault.critical) / 3;
        campaign.faults.push_back(fault);
      }
    }
  }
  return campaign;
}

inline ModuleStatistics demo_module(const std::string& name, int64_t busy, int64_t starved,
                                    int64_t blocked, int64_t idle, int64_t memory = 0,
                                    int64_t control = 0, int64_t draining = 0) {
  ModuleStatistics module;
  module.name = name;
  module.busy_cycles = busy;
  module.starved_cycles = starved;
  module.blocked_cycles = blocked;
  module.idle_cycles = idle;
  module.memory_cycles = memory;
  module.control_cycles = control;
  module.draining_cycles = draining;
  return module;
}

inline Simulation demo_dataflow(bool with_faults) {
  Simulation run;
  run.network = with_faults ? "fault-aware" : "standard";
  run.accelerator = "dataflow:bnn-pynq-cnv-w1a1";
  run.images = 8;
  run.total_cycles = 356120;
  run.first_image_cycles = 126744;
  run.interval_cycles = 32768;
  run.bottleneck = "layer0/mvtu";
  run.clock_mhz = 300;
  const std::vector<int64_t> work = {262144, 258048, 184320, 147456, 112896, 65536, 32768, 8192};
  for (size_t i = 0; i < work.size(); ++i) {
    const int64_t idle = static_cast<int64_t>(i) * 9000 + 4000;
    const int64_t rest = 356120 - work[i] - idle;
    const auto name = "layer" + std::to_string(i);
    run.modules.push_back(demo_module(name + "/window", work[i] * 3 / 4, rest / 2,
                                      rest - rest / 2 + work[i] - work[i] * 3 / 4, idle));
    run.modules.push_back(demo_module(name + "/mvtu", work[i], rest - rest / 5, rest / 5, idle));
    const int depth = i < 3 ? 128 : 8;
    run.streams.push_back({name + "/in", depth, 8 * (1000 - 100 * static_cast<int64_t>(i)),
                           i % 3 == 0 ? depth : depth / 2 - static_cast<int>(i) / 3});
    run.streams.push_back(
        {name + "/out", 2, 8 * (900 - 100 * static_cast<int64_t>(i)), i % 2 == 0 ? 2 : 1});
  }
  run.agrees_with_reference = true;
  if (with_faults) {
    run.faults = {"layer1/mvtu/pe[5]/dead=-1", "layer2/out/slot[1]/bit[7]=1",
                  "layer4/mvtu/pe[2]/accumulator[3]=1"};
    run.effects = {"channels 5, 37 of layer1 stuck at -1",
                   "channel 7 of layer2 stuck at 1 in the words of slot 1 of 2",
                   "channels 2, 6, 10, 14 of layer4 computed with accumulator bit 3 stuck at 1"};
    const std::vector<std::string> classes = {"T-shirt/top", "Trouser", "Pullover", "Dress",
                                              "Coat",        "Sandal",  "Shirt",    "Sneaker"};
    for (size_t i = 0; i < classes.size(); ++i) {
      run.predictions.push_back({static_cast<int64_t>(i), classes[i], classes[i],
                                 i == 6 || i == 2 ? classes[(i + 4) % 8] : classes[i]});
    }
  }
  return run;
}

inline Simulation demo_loopback() {
  Simulation run;
  run.network = "fault-aware";
  run.accelerator = "loopback:32x64";
  run.images = 2;
  run.total_cycles = 410220;
  run.first_image_cycles = 205310;
  run.interval_cycles = 204910;
  run.bottleneck = "array";
  run.clock_mhz = 200;
  run.modules = {demo_module("array", 301220, 0, 0, 21000, 84000, 3000, 1000),
                 demo_module("weight_fetch", 96000, 0, 210000, 104220),
                 demo_module("memory", 98000, 0, 0, 312220)};
  const std::vector<std::pair<int64_t, double>> layers = {
      {48000, 0.42}, {61000, 0.9}, {33000, 0.88}, {24000, 0.81},
      {21000, 0.7},  {15000, 0.3}, {2000, 0.2},   {900, 0.1}};
  for (size_t i = 0; i < layers.size(); ++i) {
    run.layers.push_back({"layer" + std::to_string(i), layers[i].first, layers[i].second});
  }
  run.faults = {"array/pe[5]/dead=-1"};
  run.effects = {"channels 5, 37 of layer0 stuck at -1", "channels 5, 37 of layer1 stuck at -1"};
  run.predictions = {{0, "Ankle boot", "Ankle boot", "Bag"},
                     {1, "Pullover", "Pullover", "Pullover"}};
  run.agrees_with_reference = true;
  return run;
}

inline ReportInput demo_input() {
  ReportInput input;
  input.title = "What broken hardware does to CNV on Fashion-MNIST";
  input.tool_version = "0.1.0";
  input.data = "Demonstration with made-up numbers: fashion-mnist, test images 0 .. 999";
  input.facts = {{"Data hash", "made-up-0c3f"}};
  input.networks = {{"standard", "cnv-w1a1, width 0.5", "12 epochs without faults", "made-up-1a2b"},
                    {"fault-aware", "cnv-w1a1, width 0.5",
                     "12 epochs, FAT method 2, channels stuck with p = 7.5 %", "made-up-3c4d"}};
  const std::vector<int> widths = {32, 32, 64, 64, 128, 128, 256, 256};
  const std::vector<int> pes = {16, 32, 16, 16, 4, 1, 1, 1, 4};
  std::vector<Campaign::Group> layers, arrays;
  for (size_t i = 0; i < widths.size(); ++i) {
    layers.push_back({"layer" + std::to_string(i), widths[i]});
  }
  for (size_t i = 0; i < pes.size(); ++i) {
    arrays.push_back({"layer" + std::to_string(i) + "/mvtu", pes[i]});
  }
  const std::vector<Campaign::Group> array = {{"array", 32}};
  const std::string dataflow = "dataflow:bnn-pynq-cnv-w1a1", loopback = "loopback:32x64";
  input.campaigns = {demo_campaign("standard", "channel", "", layers, 846, 75, 1),
                     demo_campaign("fault-aware", "channel", "", layers, 851, 5, 2)};
  input.pe_campaigns = {demo_campaign("standard", "PE dead", dataflow, arrays, 846, 80, 3),
                        demo_campaign("fault-aware", "PE dead", dataflow, arrays, 851, 14, 4),
                        demo_campaign("standard", "PE dead", loopback, array, 846, 75, 5),
                        demo_campaign("fault-aware", "PE dead", loopback, array, 851, 30, 6)};
  input.simulations = {demo_dataflow(false), demo_dataflow(true), demo_loopback()};
  input.recipes = {{"Campaign, standard",
                    "stuckat campaign standard.h5 --data fashion-mnist --faults channel --images "
                    "1000 -o standard-channel.h5"},
                   {"Configuration", "{\n  \"threads\": 2,\n  \"seed\": 1\n}"}};
  return input;
}

}  // namespace stuckat::report::test
