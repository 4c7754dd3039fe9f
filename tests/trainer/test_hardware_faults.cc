// Placement-aware training: what is injected is what the evaluation sees, by the reference.
#include <cmath>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"
#include "trainer/fixed_faults.h"
#include "trainer/hardware_faults.h"
#include "trainer/step.h"
#include "workloads/errors.h"
#include "workloads/sanitized.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;
using test::uniform;

namespace {

using Overlays = std::vector<FaultOverlay*>;

constexpr int drawn_samples = 19;  // more than one block of lanes

/// Batch-norms that put no threshold exactly on a sum, and scales of either sign.
Model random_model(const Network& network, Random& random) {
  Model model = initial_model(network, static_cast<uint64_t>(uniform(random, 1, 1000)));
  for (LayerParameters& p : model.layers) {
    std::fill(p.mean.begin(), p.mean.end(), 0.0);
    std::fill(p.variance.begin(), p.variance.end(), 0.0);
    for (float& b : p.beta) b = 0.001f * static_cast<float>(uniform(random, -300, 300)) + 1e-4f;
    for (float& g : p.gamma) g = uniform(random, 0, 3) == 0 ? -0.8f : 1.1f;
  }
  for (size_t i = 0; i < model.layers.size(); ++i) {  // as Adam::update leaves them
    if (network.layers[i].weight_format.bits < 8) continue;
    for (float& g : model.layers[i].gamma) g = std::abs(g);
  }
  return model;
}

/// The network that computes with the statistics of the batch that `after` has just seen.
Network of_batch(const Model& after) {
  Model model = after;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const Layer& layer = model.architecture.layers[i];
    const double count = double{drawn_samples} * layer.output.pixels() *
                         (layer.accumulator_output ? layer.rows() : 1);
    for (double& m : model.layers[i].mean) m /= batch_norm_momentum;
    for (double& v : model.layers[i].variance) {
      v = v / batch_norm_momentum * (count - 1) / count;
    }
  }
  return export_network(model);
}

struct Batch {
  std::vector<Tensor> images;
  std::vector<int8_t> input;
  std::vector<int> labels;
};

Batch random_batch(const Network& network, Random& random) {
  Batch batch;
  const size_t block = block_elements(network.input());
  batch.input.resize(block_count(drawn_samples) * block);
  for (int n = 0; n < drawn_samples; ++n) {
    batch.images.push_back(test::random_image(random, network));
    const auto& values = batch.images.back().values;
    for (size_t i = 0; i < values.size(); ++i) {
      batch.input[static_cast<size_t>(n / lanes) * block + i * lanes + n % lanes] =
          static_cast<int8_t>(values[i]);
    }
    batch.labels.push_back(uniform(random, 0, network.classes() - 1));
  }
  return batch;
}

Placement random_placement(Random& random, const Network& network) {
  return uniform(random, 0, 1) == 0 ? test::random_dataflow_placement(random, network)
                                    : test::random_loopback_placement(random, network);
}

/// One step under drawn faults, every value of every sample against the reference.
void check_step(const Network& network, const Hardware& hardware, double percent, Random& random) {
  Workers workers(2);
  Model model = random_model(network, random);
  HardwareFaults faults(hardware, true, 3, network);
  faults.draw(model, percent, 11, drawn_samples);
  TrainingStep step(network, {.faults = true}, workers);
  FixedFaults broken(network, faults.common(), faults.of_samples());
  const Batch batch = random_batch(network, random);
  step.run(model, batch.input.data(), batch.labels, Overlays{&broken}, 40);
  update_statistics(model, step.statistics());
  const Network exported = of_batch(model);
  for (int n = 0; n < drawn_samples; ++n) {
    const auto s = static_cast<size_t>(n);
    const Effects& effects =
        hardware.draw == Draw::sample ? faults.of_samples()[s] : faults.common();
    const auto expected = reference::run(exported, batch.images[s], effects, 40 + n);
    for (int t = 0; t < network.tensors() - 1; ++t) {
      const auto& values = expected[static_cast<size_t>(t)].values;
      const size_t first = static_cast<size_t>(n / lanes) * block_elements(network.shape(t));
      for (size_t e = 0; e < values.size(); ++e) {
        INFO("sample " << n << " tensor " << t << " element " << e);
        REQUIRE(step.values(t)[first + e * lanes + static_cast<size_t>(n % lanes)] == values[e]);
      }
    }
  }
}

Network small_network(const std::string& name) {
  if (name == "dorefa-w1a2") {
    return zoo_network(name, {.width = 1.0 / 64, .input_channels = 1, .input_side = 64});
  }
  return zoo_network(name, {.width = 0.0625, .input_channels = 1});
}

}  // namespace

TEST_CASE("faults drawn for every sample: each computes what the faulty reference computes") {
  Random random(5);
  for (const char* name : {"cnv-w1a1", "cnv-w2a2", "tfc-w1a2", "dorefa-w1a2"}) {
    if (sanitized && std::string_view(name).substr(0, 3) != "tfc") continue;
    const Network network = small_network(name);
    Hardware hardware;
    hardware.placement = test::random_dataflow_placement(random, network);
    hardware.sites = {SiteKind::pe_dead, SiteKind::pe_output, SiteKind::stream_word,
                      SiteKind::stream_wire};
    check_step(network, hardware, 8, random);
    const SiteIndex index(hardware.placement, network);
    for (const SiteKind kind :
         {SiteKind::stream_slot, SiteKind::window_cell, SiteKind::pool_output}) {
      int64_t sites = 0;
      for (const SiteSpace& space : index.of(kind)) sites += space.sites();
      if (sites == 0) continue;
      hardware.sites = {kind};
      INFO(name << " " << site_row(kind).name);
      check_step(network, hardware, std::min(50.0, 800.0 / static_cast<double>(sites)), random);
    }
    hardware.placement = test::random_loopback_placement(random, network);
    hardware.sites = {SiteKind::pe_dead, SiteKind::pe_output};
    check_step(network, hardware, 20, random);
  }
}

TEST_CASE("faults drawn for a batch, of every kind of site: as the faulty reference computes") {
  Random random(6);
  for (const char* name : {"cnv-w1a1", "tfc-w2a2", "dorefa-w1a2"}) {
    if (sanitized && std::string_view(name).substr(0, 3) != "tfc") continue;
    const Network network = small_network(name);
    for (const SiteRow& row : site_table()) {
      Hardware hardware;
      hardware.placement = random_placement(random, network);
      hardware.draw = Draw::batch;
      hardware.sites = {row.kind};
      const SiteIndex index(hardware.placement, network);
      int64_t sites = 0;
      for (const SiteSpace& space : index.of(row.kind)) sites += space.sites();
      if (sites == 0) continue;
      INFO(name << " " << row.name);
      check_step(network, hardware, std::min(50.0, 400.0 / static_cast<double>(sites)), random);
    }
  }
}

TEST_CASE("nothing is learned where faults decide") {
  Random random(7);
  const Network network = small_network("cnv-w1a1");
  Hardware hardware;
  hardware.placement = test::random_dataflow_placement(random, network);
  HardwareFaults faults(hardware, true, 3, network);
  Workers workers(1);
  TrainingStep step(network, {.faults = true}, workers);
  const Batch batch = random_batch(network, random);
  for (const double percent : {0.0, 100.0}) {
    Model model = random_model(network, random);
    faults.draw(model, percent, 1, drawn_samples);
    FixedFaults broken(network, faults.common(), faults.of_samples());
    step.run(model, batch.input.data(), batch.labels, Overlays{&broken});
    bool all_zero = true;
    for (const LayerGradient& g : step.gradients()) {
      for (const float w : g.weights) all_zero = all_zero && w == 0;
    }
    CHECK(all_zero == (percent == 100));
  }
}

TEST_CASE("the gradient is cleared at the faults of one sample, and nowhere else") {
  const Network network = small_network("cnv-w1a1");
  const Shape shape = network.shape(1);
  std::vector<Effects> of_samples(18);
  of_samples[17] = stuck_channel(network, 0, 2, 1);
  FixedFaults faults(network, {}, of_samples);
  Workers workers(1);
  const StepContext step{network, workers, {}, 18, 0};
  faults.begin(step);
  std::vector<float> gradient(2 * block_elements(shape), 1.0f);
  for (int block = 0; block < 2; ++block) {
    for (int y = 0; y < shape.height; ++y) {
      const int row = block * shape.height + y;
      faults.gradient(step, 1, block, y, {0, shape.channels},
                      gradient.data() + row * shape.width * shape.channels * lanes);
    }
  }
  for (size_t i = 0; i < gradient.size(); ++i) {
    const bool hit = i / block_elements(shape) == 1 && i % lanes == 1 &&
                     static_cast<int>(i / lanes) % shape.channels == 2;
    REQUIRE(gradient[i] == (hit ? 0.0f : 1.0f));
  }
}

TEST_CASE(
    "what a window buffer holds wrongly for one sample gets no gradient there, and only there") {
  Random random(12);
  const Network network = small_network("cnv-w1a1");
  constexpr int sample = 17;
  constexpr int channel = 2;
  std::vector<Effects> of_samples(drawn_samples);
  OperandFault held;
  held.layer = 1;
  held.channels = {channel};
  held.mask = CodeMask::stuck_bit(0, true);
  of_samples[sample].operands = {held};
  Workers workers(1);
  TrainingStep step(network, {.faults = true}, workers);
  FixedFaults faults(network, {}, of_samples);
  Model model = random_model(network, random);
  const Batch batch = random_batch(network, random);
  step.run(model, batch.input.data(), batch.labels, Overlays{&faults});
  const Shape shape = network.shape(1);
  const auto learned = [&](int n, int c) {
    bool any = false;
    for (int pixel = 0; pixel < shape.pixels(); ++pixel) {
      const size_t e = static_cast<size_t>(pixel * shape.channels + c) * lanes;
      const size_t block = static_cast<size_t>(n / lanes) * block_elements(shape);
      any = any || step.value_gradient(1)[block + e + static_cast<size_t>(n % lanes)] != 0;
    }
    return any;
  };
  CHECK_FALSE(learned(sample, channel));
  CHECK(learned(sample - 1, channel));
  CHECK(learned(sample, channel - 1));
}

TEST_CASE("a share p of the PEs is broken, in each sample anew and for each step") {
  Random random(8);
  const Network network = zoo_network("tfc-w1a1");
  Hardware hardware;
  hardware.placement = test::random_dataflow_placement(random, network);
  for (auto& array : hardware.placement.arrays) array.pe = 2;
  for (auto& array : hardware.placement.arrays) {
    array.uses[0].rows =
        (network.layers[static_cast<size_t>(array.uses[0].layer)].rows() + 1) / 2 * 2;
  }
  HardwareFaults faults(hardware, true, 1, network);
  const Model model = initial_model(network, 1);
  const double pes = 2.0 * static_cast<double>(hardware.placement.arrays.size());
  int64_t broken = 0;
  constexpr int draws = 2000;
  faults.draw(model, 10, 0, draws);
  for (const Effects& e : faults.of_samples()) broken += static_cast<int64_t>(e.elements.size());
  const double expected = 0.1 * pes * draws;
  CHECK(std::abs(static_cast<double>(broken) - expected) < 5 * std::sqrt(expected * 0.9));
  const auto first = faults.of_samples();
  faults.draw(model, 10, 1, draws);
  CHECK_FALSE(faults.of_samples() == first);
  faults.draw(model, 10, 0, draws);
  CHECK(faults.of_samples() == first);
}

TEST_CASE("what a broken weight memory of a known chip reads follows the weights in training") {
  Random random(9);
  const Network network = small_network("tfc-w2a2");
  Hardware hardware;
  hardware.placement = test::random_dataflow_placement(random, network);
  const std::string part = hardware.placement.arrays[0].name;
  for (int i = 0; i < 2; ++i) {
    hardware.chip.faults.push_back({SiteKind::pe_weight, part, {0, i, 0, 1}, i});
  }
  hardware.chip.accelerator = hardware.placement.accelerator;
  HardwareFaults faults(hardware, false, 1, network);
  for (const uint64_t seed : {1u, 2u, 3u}) {
    const Model model = initial_model(network, seed);
    faults.draw(model, 5, seed, drawn_samples);
    const Network exported = export_network(model);
    CHECK(faults.common() == lower(hardware.chip, hardware.placement, exported));
    CHECK(faults.chip_effects(exported) == faults.common());
    CHECK(faults.of_samples().empty());
  }
}

TEST_CASE("draws that cannot be are refused") {
  Random random(10);
  const Network network = small_network("tfc-w1a1");
  Hardware hardware;
  CHECK_THROWS_AS(HardwareFaults(hardware, true, 1, network), InputError);
  hardware.placement = test::random_loopback_placement(random, network);
  hardware.placement.streams.clear();
  hardware.sites = {SiteKind::stream_word};
  CHECK_THROWS_AS(HardwareFaults(hardware, true, 1, network), InputError);
  // Before anything is drawn.
  for (const SiteKind kind : {SiteKind::pe_accumulator, SiteKind::pe_weight, SiteKind::pe_threshold,
                              SiteKind::pe_comparator, SiteKind::pe_input}) {
    hardware.sites = {SiteKind::pe_dead, kind};
    CHECK_THROWS_WITH(HardwareFaults(hardware, true, 1, network),
                      Catch::Contains(site_row(kind).name));
  }
}
