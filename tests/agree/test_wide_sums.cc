// Sums are held in 32 bits: those that just fit are right in every engine, those that may not are
// refused when a network is made or read, with the layer, the sums and their bits.
#include "models/family.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"
#include "workloads/reference.h"
#include "workloads/sum_width.h"

using namespace stuckat;

namespace {

/// Two dense layers of 8 bits, or one: the first has as many columns as `input` elements. Weights
/// and images are at the ends of their formats.
Network wide_network(Shape input, bool last) {
  test::Random random(3);
  const NumberFormat format = signed_format(8);
  Network network;
  network.name = "wide";
  network.add(test::random_layer(random, LayerKind::dense, input, fixed_point_format, format,
                                 binary_format, 1, 1, 0, 2, "layer0", last));
  Layer& layer = network.layers.front();
  for (size_t i = 0; i < layer.weights.size(); ++i) {
    layer.weights[i] = i < layer.weights.size() / 2 ? 127 : -127;
  }
  if (last) return network;
  // Between what the images give: 127 * 127 and -127 * 128 for each column.
  const int columns = layer.columns();
  layer.thresholds = {127 * 127 * columns - 1, 127 * 128 * columns - 1};
  network.add(test::random_layer(random, LayerKind::dense, {1, 1, 2}, binary_format, binary_format,
                                 binary_format, 1, 1, 0, 3, "layer1", true));
  return network;
}

std::vector<Tensor> extreme_images(Shape input) {
  std::vector<Tensor> images;
  for (const int level : {-128, 127, 126}) {
    images.push_back({input, std::vector<int32_t>(static_cast<size_t>(input.size()), level)});
  }
  return images;
}

}  // namespace

TEST_CASE("sums of almost 32 bits are right in every engine and every family") {
  const Shape input{1, 2, 65535};  // 128 * 128 * 131,070 < 2^31
  // The fast engine takes half: a sum less a threshold has to fit, or levels of 0 to 255. The
  // trainer takes sums below 2^30.
  const Shape half{1, 1, 65535};
  const Shape more_than_half{1, 2, 32800};
  for (const bool last : {true, false}) {
    const Network network = wide_network(input, last);
    validate(network, "wide");
    CHECK(network.layers[0].accumulator_bits() == 32);
    const auto images = extreme_images(input);
    const auto sums = reference::run(network, images[0]).back().values;
    if (last) {
      const int64_t sum = int64_t{127} * -128 * 131'070;
      CHECK(sums == std::vector<int32_t>{int32_t(sum), int32_t(-sum)});
      CHECK(predicted_class(network, sums.data()) == 1);
    }
    const auto expected = test::by_reference(network, images, {});
    for (const char* name : {"dataflow:auto", "loopback:2x257", "systolic:16x16"}) {
      INFO(name << (last ? ", the last layer" : ""));
      const AcceleratorPtr accelerator = built_in_families().parse(name, network, "test");
      const Placement placement = accelerator->place(network);
      const FaultMap none{placement.accelerator, {}};
      CHECK(test::in_child([&] {
              const auto run = accelerator->simulate(network, none, images, {.tensors = true});
              return test::difference(expected, run.tensors, network);
            }) == "");
    }
    const Network smaller = wide_network(half, last);
    const auto array = built_in_families().parse("dataflow:auto", smaller, "test");
    test::check_agreement(smaller, *array, {array->place(smaller).accelerator, {}},
                          extreme_images(half));
    const Network larger = wide_network(more_than_half, last);
    const auto larger_images = extreme_images(more_than_half);
    const auto of_larger = test::by_reference(larger, larger_images, {});
    for (const fast::Path path : {fast::Path::differential, fast::Path::dense}) {
      const auto computed = test::by_fast_engine(larger, larger_images, {}, path);
      CHECK(test::difference(of_larger, computed, larger) == "");
    }
    CHECK(test::refusal([&] {
            test::by_trainer(larger, larger_images, {});
          }).ends_with("which the trainer does not compute, expected below 2^30"));
    const std::string refused = test::refusal([&] { const fast::PackedNetwork packed(network); });
    CHECK(
        refused.starts_with("layer0: sums from 0 to 4244701951, which take 33 bits where inputs "
                            "count from their lowest value, expected at most 32 bits"));
  }
}

TEST_CASE("sums that may pass 32 bits are refused with the layer, the sums and their bits") {
  const std::string narrow = std::string(", expected ") + narrow_sums;
  const auto refused = [&](const Network& network) {
    const test::TemporaryFolder folder;
    const std::string path = folder / "m.h5";
    CHECK(test::refusal([&] { write_model(path, network); }).ends_with(narrow));
    return test::refusal([&] { validate(network, "n"); });
  };
  const Shape beyond{1, 2, 65536};
  for (const bool last : {true, false}) {
    CHECK(refused(wide_network(beyond, last)) ==
          "n: layer 'layer0': sums from -2147483648 to 2147483648, which take 33 bits" + narrow);
  }
  test::Random random(1);
  // A sum of pixels, and a sum of what tables hold.
  Network pool;
  pool.name = "pool";
  Layer layer =
      test::random_layer(random, LayerKind::average_pool, {256, 256, 1}, unsigned_format(16),
                         binary_format, unsigned_format(16), 256, 1, 0, 0, "pool0", false);
  pool.add(layer);
  CHECK(refused(pool) ==
        "n: layer 'pool0': sums from 0 to 4294901760, which take 33 bits" + narrow);
  Network add;
  add.name = "add";
  Layer both;
  both.kind = LayerKind::add;
  both.name = "add0";
  both.inputs = {0, 0};
  both.input = both.output = {1, 1, 4};
  both.input_format = both.output_format = binary_format;
  both.thresholds = {0, 0, 0, 0};
  for (const int32_t level : {INT32_MAX, 1})
    both.tables.push_back({binary_format, {-level, level}});
  add.add(both);
  CHECK(refused(add) ==
        "n: layer 'add0': sums from -2147483648 to 2147483648, which take 33 bits" + narrow);
  add.layers[0].tables[1].values = {-1, 0};
  CHECK(refused(add) ==
        "n: layer 'add0': sums from -2147483648 to 2147483647, which take 33 bits" + narrow);
  add.layers[0].tables[1].values = {0, 0};
  CHECK_NOTHROW(validate(add, "n"));
}
