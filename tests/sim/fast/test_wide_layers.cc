// Layers with hundreds of rows and many changes: every kernel, every block of rows.
#include <algorithm>
#include <string>
#include <vector>

#include "faultmaps/faulty_reference.h"
#include "sim/fast/chain_layer.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/first_rows.h"
#include "tests/sim/fast/random_effects.h"
#include "tests/support/catch.h"
#include "tests/support/every_target.h"

namespace stuckat::fast {
namespace {

using test::Random;

struct WideRow {
  const char* what;
  NumberFormat weight;
  NumberFormat activation;
  int first_channels;
  int second_channels;
  int hidden;
  int padding;
};

const std::vector<WideRow> wide_rows = {
    {"binary", binary_format, binary_format, 70, 200, 330, 0},
    {"binary, padded", binary_format, binary_format, 130, 64, 512, 1},
    {"binary weights, 2 bits", binary_format, signed_format(2), 65, 140, 400, 0},
    {"2 bits, padded", signed_format(2), signed_format(2), 66, 129, 300, 1},
    {"binary activations, 3-bit weights", signed_format(3), binary_format, 72, 96, 150, 0},
    {"unsigned", signed_format(2), unsigned_format(2), 67, 131, 193, 1},
    {"4 bits", binary_format, signed_format(4), 20, 70, 130, 1},
};

/// 7x7x3 fixed point, two convolutions, pool, convolution over the whole image, two dense layers.
Network wide_network(const WideRow& row, Random& random) {
  Network network;
  network.name = "wide";
  Shape shape{7, 7, 3};
  NumberFormat format = fixed_point_format;
  auto add = [&](LayerKind kind, int kernel, int stride, int padding, int channels, bool last) {
    const std::string name = "layer" + std::to_string(network.layers.size());
    network.add(test::random_layer(random, kind, shape, format, row.weight, row.activation, kernel,
                                   stride, padding, channels, name, last));
    shape = network.layers.back().output;
    format = network.layers.back().output_format;
  };
  add(LayerKind::convolution, 2, 1, 0, row.first_channels, false);
  add(LayerKind::convolution, 3, 1, row.padding, row.second_channels, false);
  add(LayerKind::max_pool, 2, 2, 0, 0, false);
  add(LayerKind::convolution, shape.height, 1, 0, row.hidden, false);
  add(LayerKind::dense, 1, 1, 0, row.second_channels, false);
  add(LayerKind::dense, 1, 1, 0, 7, true);
  return network;
}

/// Every fifth channel of every hidden tensor at some value, as a broken loopback PE has it.
Effects many_channels(const Network& network, int value_index) {
  Effects effects;
  for (const int layer : network.injectable_layers()) {
    ElementFault fault;
    fault.tensor = layer + 1;
    const NumberFormat format = network.format(layer + 1);
    for (int c = value_index; c < network.shape(layer + 1).channels; c += 5) {
      fault.channels.push_back(c);
    }
    fault.mask = CodeMask::constant(format.code(format.level(value_index % format.levels())));
    effects.elements.push_back(fault);
  }
  return effects;
}

std::vector<Effects> wide_faults(const Network& network, Random& random) {
  std::vector<Effects> effects;
  for (const int layer : network.injectable_layers()) {
    const NumberFormat format = network.format(layer + 1);
    for (int i = 0; i < format.levels(); ++i) {
      const int channels = network.shape(layer + 1).channels;
      effects.push_back(
          stuck_channel(network, layer, test::uniform(random, 0, channels - 1), format.level(i)));
      const int pixels = network.shape(layer + 1).pixels();
      effects.push_back(
          stuck_pixel(network, layer + 1, test::uniform(random, 0, pixels - 1), format.level(i)));
    }
  }
  for (int i = 0; i < 3; ++i) effects.push_back(many_channels(network, i));
  for (int i = 0; i < 10; ++i) effects.push_back(test::random_effects(random, network));
  return effects;
}

void check(const WideRow& row, Path path) {
  INFO(row.what);
  Random random(11);
  const PackedNetwork network(wide_network(row, random));
  const std::vector<Effects> effects = wide_faults(network.network(), random);
  const FaultList faults(network, effects);
  FaultSimulator simulator(faults, path);
  std::vector<Verdict> verdicts(effects.size());
  const Tensor image = test::random_image(random, network.network());
  simulator.simulate(image, 3, verdicts);
  const auto golden = reference::run(network.network(), image, {}, 3);
  for (int f = 0; f < faults.size(); ++f) {
    CAPTURE(f);
    const auto faulty =
        reference::run(network.network(), image, effects[static_cast<size_t>(f)], 3);
    int last = -1;
    for (size_t t = 0; t < golden.size(); ++t) last = faulty[t] == golden[t] ? last : int(t);
    REQUIRE(verdicts[static_cast<size_t>(f)].last_difference == last);
    REQUIRE(verdicts[static_cast<size_t>(f)].prediction ==
            predicted_class(faulty.back().values.data(), network.network().classes()));
    REQUIRE(simulator.tensors(f) == faulty);
  }
}

TEST_CASE("wide layers of every format: every tensor and verdict equals the faulty reference") {
  test::for_every_target([] {
    for (const WideRow& row : wide_rows) check(row, Path::automatic);
  });
}

/// What one broken PE of a systolic array does to every seventh row of every layer.
Effects broken_pe_of_an_array(const Network& network, Random& random) {
  Effects effects;
  const int rows = std::vector{5, 32, 100}[static_cast<size_t>(test::uniform(random, 0, 2))];
  const LaneMask bit_of_sum{test::uniform(random, 0, rows - 1),
                            CodeMask::stuck_bit(test::uniform(random, 0, 31), random() % 2 == 1)};
  const LaneMask narrow{bit_of_sum.lane,
                        CodeMask::stuck_bit(test::uniform(random, 0, 1), random() % 2 == 1)};
  const int kind = test::uniform(random, 0, 4);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!layer.has_weights()) continue;
    OperatorFault fault;
    fault.layer = static_cast<int>(i);
    for (int row = test::uniform(random, 0, 6); row < layer.rows(); row += 7) {
      fault.rows.push_back(row);
    }
    if (fault.rows.empty()) continue;
    BrokenPe& pe = fault.pe;
    pe.simd = pe.chain.rows = rows;
    pe.padded_columns = layer.columns();
    pe.chain.segment = test::one_in(random, 2) ? layer.columns() : layer.input.channels;
    if (kind == 0 || kind == 4) pe.chain.sums = {bit_of_sum};
    if (kind == 1 || kind == 4) pe.products = {narrow};
    if (kind == 2) pe.chain.weights = {narrow};
    if (kind == 3) pe.inputs = {narrow};
    effects.operators.push_back(fault);
  }
  normalize(effects);
  return effects;
}

TEST_CASE(
    "wide layers with one broken PE of a systolic array: tensors equal the faulty reference") {
  int by_bits = 0, first = 0, tiles_of_many_words = 0;
  test::for_every_target([&] {
    for (const char* what : {"binary", "binary, padded", "2 bits, padded"}) {
      INFO(what);
      Random random(12);
      const auto row = std::find_if(wide_rows.begin(), wide_rows.end(),
                                    [&](const WideRow& r) { return r.what == std::string(what); });
      const PackedNetwork network(wide_network(*row, random));
      std::vector<Effects> effects;
      for (int i = 0; i < 8; ++i) {
        effects.push_back(broken_pe_of_an_array(network.network(), random));
        for (const OperatorFault& fault : effects.back().operators) {
          const PackedLayer& layer = network.layer(fault.layer);
          const Layer& of = network.network().layer(fault.layer);
          const bool bits = ChainLayer::fits(of, layer);
          by_bits += bits ? 1 : 0;
          tiles_of_many_words += bits && fault.pe.chain.rows == 100 ? 1 : 0;
          first += FirstRows::fits(of, layer) ? 1 : 0;
        }
      }
      const FaultList faults(network, effects);
      FaultSimulator simulator(faults);
      const Tensor image = test::random_image(random, network.network());
      simulator.load(image, 0);
      for (int f = 0; f < faults.size(); ++f) {
        CAPTURE(f);
        REQUIRE(simulator.tensors(f) ==
                reference::run(network.network(), image, effects[static_cast<size_t>(f)], 0));
      }
    }
  });
  CHECK(by_bits > 20);
  CHECK(tiles_of_many_words > 5);
  CHECK(first > 10);
}

TEST_CASE("wide layers on the differential and on the dense path") {
  for (const WideRow& row : wide_rows) {
    check(row, Path::differential);
    check(row, Path::dense);
  }
}

}  // namespace
}  // namespace stuckat::fast
