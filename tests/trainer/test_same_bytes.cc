// Short trainings of every method are the bytes on file: on one thread and two, in one piece and
// resumed. A change of the trainer that is meant to change no result is held to this.
//
// STUCKAT_APPROVE=1 writes the file anew, for a change that is meant to change results.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "faultmaps/generators.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "trainer/random.h"
#include "trainer/train.h"
#include "workloads/hash.h"
#include "workloads/sanitized.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

const std::string hashes_file = STUCKAT_TEST_FOLDER "/training_hashes.txt";

struct BytesCase {
  std::string name;
  std::string network;
  std::function<void(TrainOptions&, const Network&)> change;
};

Network network_of(const std::string& name) {
  if (name.starts_with("dorefa")) {
    return zoo_network(name, {.width = 1.0 / 64, .input_channels = 1, .input_side = 64});
  }
  return zoo_network(name, {.width = 0.0625, .input_channels = 1});
}

/// Noise, brighter on the left in every second image.
DataSet images(Shape shape) {
  DataSet data;
  data.name = "noise";
  data.shape = shape;
  data.classes = 10;
  const Sequence random(5, Purpose::order);
  uint64_t drawn = 0;
  for (int n = 0; n < 50; ++n) {
    data.labels.push_back(static_cast<uint16_t>(n % 2));
    for (int i = 0; i < shape.size(); ++i) {
      const bool left = i / shape.channels % shape.width < shape.width / 2;
      const int base = left == (n % 2 == 0) ? 150 : 60;
      data.pixels.push_back(static_cast<uint8_t>(base + random.below(drawn++, 80)));
    }
  }
  return data;
}

/// An array for each layer, a stream after it, windows and pools.
Placement placement_of(const Network& network) {
  Placement placement;
  placement.accelerator = "dataflow:plain";
  for (int t = 0; t < network.tensors(); ++t) {
    const int channels = network.shape(t).channels;
    const std::string name =
        t == 0 ? "input" : network.layers[static_cast<size_t>(t) - 1].name + "/out";
    placement.streams.push_back({name, t, 5, channels, 1});
    if (t == 0) continue;
    const Layer& layer = network.layers[static_cast<size_t>(t) - 1];
    if (layer.kind == LayerKind::convolution) {
      placement.windows.push_back({layer.name + "/sliding_window", t - 1, layer.kernel + 1, 1});
    }
    if (layer.kind == LayerKind::max_pool) {
      if (layer.kernel != layer.stride) continue;
      placement.pools.push_back(
          {layer.name + "/pool", t - 1, 1, layer.output.width, layer.input.channels});
      continue;
    }
    placement.arrays.push_back({layer.name + "/mvtu",
                                3,
                                4,
                                stuckat::Schedule::channel_parallel,
                                {test::use_of(network, t - 1, 3, 4, 1)}});
  }
  return placement;
}

/// Some faults of every kind that the placement has.
FaultMap some_of_every_kind(const Placement& placement, const Network& network) {
  FaultMap map{placement.accelerator, {}};
  for (const SiteRow& row : site_table()) {
    const int64_t count = count_faults(row.kind, placement, network);
    for (int i = 0; i < 3 && count > 3; ++i) {
      const Fault fault = fault_at(row.kind, count * (2 * i + 1) / 7, placement, network);
      const bool taken = std::any_of(map.faults.begin(), map.faults.end(), [&](const Fault& f) {
        return f.kind == fault.kind && f.part == fault.part && f.coordinates == fault.coordinates;
      });
      if (!taken) map.faults.push_back(fault);
    }
  }
  validate(map, placement, network, "every kind");
  return map;
}

void inject(TrainOptions& o, Method method, InjectionKind kind) {
  o.method = method;
  o.injection = kind;
  o.percent = 10;
}

void on_hardware(TrainOptions& o, const Network& network, Draw draw, std::vector<SiteKind> sites,
                 double percent) {
  o.method = Method::fat_placement;
  o.hardware.placement = placement_of(network);
  o.hardware.draw = draw;
  o.hardware.sites = std::move(sites);
  o.percent = percent;
}

void on_chip(TrainOptions& o, const Network& network) {
  o.hardware.placement = placement_of(network);
  o.hardware.chip = some_of_every_kind(o.hardware.placement, network);
}

std::vector<BytesCase> cases() {
  std::vector<BytesCase> all;
  for (const char* network : {"cnv-w1a1", "cnv-w2a2", "cnv-w1a3", "tfc-w1a2", "dorefa-w1a2"}) {
    const std::string suffix = std::string("/") + network;
    const auto add = [&](const char* name, std::function<void(TrainOptions&, const Network&)> c) {
      all.push_back({name + suffix, network, std::move(c)});
    };
    add("standard", [](auto&, const auto&) {});
    add("fat1-channel",
        [](TrainOptions& o, const Network&) { inject(o, Method::fat1, InjectionKind::channel); });
    add("fat1-element",
        [](TrainOptions& o, const Network&) { inject(o, Method::fat1, InjectionKind::element); });
    add("fat2", [](TrainOptions& o, const Network&) {
      inject(o, Method::fat2, InjectionKind::channel);
      o.site = InjectionSite::before_pool;
    });
    add("dropout", [](TrainOptions& o, const Network&) {
      inject(o, Method::dropout, InjectionKind::channel);
    });
    add("dropout2d", [](TrainOptions& o, const Network&) {
      inject(o, Method::dropout2d, InjectionKind::channel);
    });
    add("drawn-samples", [](TrainOptions& o, const Network& n) {
      on_hardware(o, n, Draw::sample,
                  {SiteKind::pe_dead, SiteKind::pe_output, SiteKind::stream_word}, 5);
    });
    add("drawn-batch", [](TrainOptions& o, const Network& n) {
      on_hardware(o, n, Draw::batch,
                  {SiteKind::pe_weight, SiteKind::pe_threshold, SiteKind::pe_accumulator}, 0.1);
    });
    add("chip", on_chip);
    add("fat1-on-chip", [](TrainOptions& o, const Network& n) {
      on_chip(o, n);
      inject(o, Method::fat1, InjectionKind::channel);
    });
    if (network == std::string("tfc-w1a2")) continue;
    add("fat1-pixel",
        [](TrainOptions& o, const Network&) { inject(o, Method::fat1, InjectionKind::pixel); });
    add("drawn-windows", [](TrainOptions& o, const Network& n) {
      on_hardware(o, n, Draw::sample, {SiteKind::window_cell}, 1);
    });
  }
  return all;
}

std::string hash_of(const TrainResult& result) {
  Hasher hasher;
  for (const LayerParameters& p : result.model.layers) {
    for (const auto* values : {&p.weights, &p.gamma, &p.beta}) {
      for (const float v : *values) hasher.add(double{v});
    }
    for (const auto* values : {&p.mean, &p.variance}) {
      for (const double v : *values) hasher.add(v);
    }
  }
  for (const EpochRecord& r : result.history) {
    hasher.add(r.loss).add(r.train_accuracy).add(r.test_accuracy);
  }
  return hasher.hex().substr(0, 16);
}

std::map<std::string, std::string> golden_hashes() {
  std::map<std::string, std::string> result;
  std::ifstream file(hashes_file);
  for (std::string name, hash; file >> name >> hash;) result[name] = hash;
  return result;
}

}  // namespace

TEST_CASE("short trainings of every method are the bytes on file, on 1 and 2 threads and resumed") {
  const bool approve = std::getenv("STUCKAT_APPROVE") != nullptr;
  const std::map<std::string, std::string> expected = golden_hashes();
  std::map<std::string, std::string> found;
  const std::string checkpoint = (std::filesystem::temp_directory_path() /
                                  ("stuckat_same_bytes_" + std::to_string(getpid()) + ".h5"))
                                     .string();
  int number = 0;
  for (const BytesCase& c : cases()) {
    if (sanitized && number++ % 4 != 0) continue;
    INFO(c.name);
    const Network network = network_of(c.network);
    const int side = c.network.starts_with("tfc") ? 28 : c.network.starts_with("dorefa") ? 64 : 32;
    const DataSet data = images({side, side, 1});
    TrainOptions options;
    options.epochs = 2;
    options.batch = 20;
    options.learning_rate = 0.01;
    options.crop_padding = 1;
    options.flip = true;
    options.threads = 1;
    c.change(options, network);
    const std::string whole = hash_of(train(network, {data, nullptr, &data}, options));
    found[c.name] = whole;
    if (!approve) {
      REQUIRE(expected.count(c.name) == 1);
      CHECK(whole == expected.at(c.name));
    }
    options.threads = 2;
    options.checkpoint = checkpoint;
    const TrainResult part = train(network, {data, nullptr, &data}, options,
                                   [](const auto& progress) { return progress.epoch == 0; });
    CHECK(part.stopped);
    CHECK(hash_of(train(network, {data, nullptr, &data}, options)) == whole);
    std::filesystem::remove(checkpoint);
  }
  CHECK((approve || sanitized || expected.size() == found.size()));
  if (!approve) return;
  std::ofstream file(hashes_file);
  for (const auto& [name, hash] : found) file << name << " " << hash << "\n";
}
