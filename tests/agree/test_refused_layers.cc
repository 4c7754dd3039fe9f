// The house is extended from outside: a layer kind that only this file knows runs in the reference,
// and every engine refuses it by name. None takes it for a max-pool, nor for anything else. The
// same goes for all that graphs have and chains have not.
#include <functional>

#include "faultmaps/lower.h"
#include "models/dataflow/accelerator.h"
#include "models/loopback/placement.h"
#include "sim/fast/packed_network.h"
#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "trainer/model.h"
#include "trainer/predict.h"
#include "trainer/step.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"
#include "workloads/reference.h"

using namespace stuckat;

namespace {

/// mirror: every row of the image from right to left.
Shape same_shape(const Layer& layer, const std::string&) { return layer.input; }

Tensor mirrored(const Layer& layer, std::span<const Tensor* const> inputs) {
  Tensor output = *inputs[0];
  const Shape s = layer.input;
  for (int y = 0; y < s.height; ++y) {
    for (int x = 0; x < s.width; ++x) {
      for (int c = 0; c < s.channels; ++c) {
        output.at(y, x, c) = inputs[0]->at(y, s.width - 1 - x, c);
      }
    }
  }
  return output;
}

const LayerKindRow mirror = {.name = "mirror",
                             .label = "mirror",
                             .number = 255,
                             .inputs = 1,
                             .has_weights = false,
                             .sums = false,
                             .reads = Reads::window,
                             .part = HardwarePart::none,
                             .output = same_shape,
                             .sums_between = nullptr,
                             .check = nullptr,
                             .run = mirrored};

/// A convolution, a mirror or none, and a dense layer.
Network network_with(bool toy) {
  test::Random random(7);
  Network network;
  network.name = "toy";
  network.add(test::random_layer(random, LayerKind::convolution, {4, 5, 2}, binary_format,
                                 binary_format, binary_format, 2, 1, 0, 3, "layer0", false));
  const Shape shape = network.layers.back().output;
  if (toy) {
    network.add(test::random_layer(random, mirror, shape, binary_format, {}, {}, 1, 1, 0,
                                   shape.channels, "mirror0", false));
  }
  network.add(test::random_layer(random, LayerKind::dense, shape, binary_format, binary_format,
                                 binary_format, 1, 1, 0, 4, "layer1", true));
  validate(network, "toy");
  return network;
}

/// The network without a toy, its first layer changed by `change`.
Network network_whose_first(const std::function<void(Layer&)>& change) {
  test::Random random(9);
  Network network;
  network.name = "changed";
  Layer first = network_with(false).layers.front();
  first.weights.clear();
  first.thresholds.clear();
  change(first);
  first.output = first.kind->output(first, "changed");
  test::fill_graph_parameters(first, random);
  network.add(first);
  network.add(test::random_layer(random, LayerKind::dense, first.output, first.output_format,
                                 binary_format, binary_format, 1, 1, 0, 4, "layer1", true));
  validate(network, "changed");
  return network;
}

/// What chains of square windows do not have, and what a refusal says of it.
std::vector<std::pair<std::string, Network>> networks_beyond_chains() {
  Network levels = network_with(false);
  levels.layers.back().accumulator_output = false;
  levels.layers.back().thresholds.assign(4, 0);
  const auto first = network_whose_first;
  return {
      {"'layer0' is of the kind average_pool", first([](Layer& l) {
         l.kind = LayerKind::average_pool;
         l.output.channels = l.input.channels;
       })},
      {"'layer0' is of the kind add", first([](Layer& l) {
         l.kind = LayerKind::add;
         l.kernel = 1;
         l.inputs = {0, 0};
         l.tables = {{binary_format, {0, 1}}, {binary_format, {-2, 5}}};
         l.output.channels = l.input.channels;
       })},
      {"'layer0' is of the kind concat", first([](Layer& l) {
         l.kind = LayerKind::concat;
         l.kernel = 1;
         l.inputs = {0, 0};
         l.output.channels = 2 * l.input.channels;
       })},
      {"'layer0' has 2 groups", first([](Layer& l) {
         l.groups = 2;
         l.output.channels = 4;
       })},
      {"'layer0' has a kernel, stride or padding that differs", first([](Layer& l) {
         l.kernel = {1, 2};
       })},
      {"'layer0' has a kernel, stride or padding that differs", first([](Layer& l) {
         l.padding = {0, 0, 1, 0};
       })},
      {"'layer0' holds uint6", first([](Layer& l) { l.output_format = unsigned_format(6); })},
      {"'layer0' holds int4_full", first([](Layer& l) { l.weight_format = full_format(4); })},
      {"'layer1' gives 1x1x4 levels as the result", levels},
  };
}

struct Engine {
  std::string name;
  std::function<void(const Network&)> use;
};

std::vector<Engine> engines(const test::TemporaryFolder& folder) {
  const auto dataflow_json = [](const Network& n) {
    const Network of = supports(dataflow::capabilities(), n) ? n : network_with(false);
    dataflow::dataflow_from_json(to_json(dataflow::auto_dataflow(of, 1000), of), "a.json", "a", n);
  };
  return {
      {"a model file", [&](const Network& n) { write_model(folder / "toy.h5", n); }},
      {"the lowering of faults",
       [](const Network& n) {
         lower({"test", {}}, {"test", {}, {}}, n);
       }},
      {"the fast engine", [](const Network& n) { fast::PackedNetwork{n}; }},
      {"dataflow accelerators", [](const Network& n) { dataflow::auto_dataflow(n, 1000); }},
      {"dataflow accelerators", dataflow_json},
      {"loopback accelerators", [](const Network& n) { loopback::place({}, n); }},
      {"the trainer", [](const Network& n) { trainer::initial_model(n, 1); }},
      {"the trainer",
       [](const Network& n) {
         trainer::Workers workers(1);
         trainer::Predictor(n, {}, workers);
       }},
      {"the trainer",
       [](const Network& n) {
         trainer::Workers workers(1);
         trainer::TrainingStep(n, {}, workers);
       }},
  };
}

}  // namespace

TEST_CASE("a_layer_kind_of_a_test_runs_in_the_reference") {
  const Network with = network_with(true);
  // A dense layer on a mirrored image is one with mirrored columns on the image itself.
  Network without = network_with(false);
  const Layer& dense = with.layers.back();
  without.layers.front() = with.layers.front();
  Layer& same = without.layers.back();
  const Shape s = dense.input;
  for (int row = 0; row < dense.rows(); ++row) {
    for (int i = 0; i < s.size(); ++i) {
      const int x = i / s.channels % s.width;
      const int from = i + (s.width - 1 - 2 * x) * s.channels;
      same.weights[static_cast<size_t>(row * s.size() + i)] =
          dense.weights[static_cast<size_t>(row * s.size() + from)];
    }
  }
  test::Random random(8);
  int changed = 0;
  for (int i = 0; i < 20; ++i) {
    const Tensor image = test::random_image(random, with);
    const auto tensors = reference::run(with, image);
    REQUIRE(tensors.size() == 4);
    CHECK(tensors.back() == reference::run(without, image).back());
    changed += tensors[1] == tensors[2] ? 0 : 1;
  }
  CHECK(changed > 10);
}

TEST_CASE("every_engine_refuses_a_layer_kind_that_it_does_not_know_by_its_name") {
  const test::TemporaryFolder folder;
  for (const Engine& engine : engines(folder)) {
    INFO(engine.name);
    CHECK(test::refusal([&] { engine.use(network_with(false)); }) == "accepted");
    const std::string refusal = test::refusal([&] { engine.use(network_with(true)); });
    INFO(refusal);
    CHECK(refusal.find("layer 'mirror0' is of the kind mirror, which " + engine.name) !=
          std::string::npos);
    CHECK(refusal.find("convolution, dense, max_pool") != std::string::npos);
    CHECK(refusal.find('\n') == std::string::npos);
  }
}

TEST_CASE("every_engine_refuses_what_a_graph_has_and_it_does_not_compute") {
  const test::TemporaryFolder folder;
  const auto networks = networks_beyond_chains();
  for (const auto& [what, network] : networks) {
    for (const Engine& engine : engines(folder)) {
      const Network& of_this = network;  // clang 14 captures no structured binding
      const std::string refusal = test::refusal([&] { engine.use(of_this); });
      INFO(engine.name << ", " << what << ": " << refusal);
      if (engine.name == "a model file" || engine.name == "the fast engine" ||
          engine.name == "the trainer" || engine.name == "loopback accelerators" ||
          engine.name == "dataflow accelerators") {
        CHECK(refusal == "accepted");
        continue;
      }
      CHECK(refusal.find("layer " + what) != std::string::npos);
      CHECK(refusal.find(", which " + engine.name) != std::string::npos);
      CHECK(refusal.find('\n') == std::string::npos);
    }
  }
}
