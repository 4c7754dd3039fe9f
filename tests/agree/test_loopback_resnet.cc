// ResNet-8 in 8 bits on a loopback array of 32 x 32, as the zoo has it and as others trained it:
// every tensor is the reference's, broken PEs and buffers among them, and the cycles are those of
// its shapes.
#include "faultmaps/site_index.h"
#include "models/loopback/family.h"
#include "models/loopback/placement.h"
#include "models/loopback/simulation.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/rounded_sums.h"
#include "tests/support/shared_data.h"
#include "workloads/dataset.h"
#include "workloads/import/import.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::loopback;

namespace {

/// Output pixels, columns and rows of its layers with weights.
struct Product {
  int64_t pixels, columns, rows;
};
const std::vector<Product> resnet8 = {
    {1024, 27, 16}, {1024, 144, 16}, {1024, 144, 16}, {256, 144, 32}, {256, 288, 32},
    {256, 16, 32},  {64, 288, 64},   {64, 576, 64},   {64, 32, 64},   {1, 64, 10}};

void check_on_32x32(const Network& network, const std::vector<Tensor>& images) {
  const Loopback array(parse_loopback("loopback:32x32"));
  const Placement placement = array.place(network);
  test::check_agreement(network, placement, {placement.accelerator, {}}, images, array,
                        test::Engines::no_trainer);
  // The second buffer byte is one of several tensors; the add's other operand waits in the first.
  const FaultMap map{placement.accelerator,
                     {{SiteKind::pe_accumulator, "array", {5, 9}, 1},
                      {SiteKind::pe_weight, "array", {3, 7, 11, 6}, 1},
                      {SiteKind::buffer_activation, "activations", {0, 4321, 5}, 1},
                      {SiteKind::buffer_activation, "activations", {1, 1000, 6}, 1}}};
  test::check_agreement(network, placement, map, images, array, test::Engines::no_trainer);
}

}  // namespace

TEST_CASE("ResNet-8 takes the cycles of its shapes, and keeps what its additions wait for") {
  const Network network = zoo_network("resnet-8-w8a8");
  const LoopbackAccelerator accelerator = parse_loopback("loopback:32x32");
  const LoopbackPlan plan = make_plan(accelerator, network);
  REQUIRE(plan.layers.size() == resnet8.size());
  CHECK(plan.moves.empty());
  for (size_t l = 0; l < resnet8.size(); ++l) {
    const auto& [pixels, columns, rows] = resnet8[l];
    CHECK(plan.layers[l].steps() == pixels * ((columns + 31) / 32) * ((rows + 31) / 32));
  }
  // While the second convolution of the first block runs its input and that of the block lie in
  // the buffers, and there is room for the sum: three tensors of 32 x 32 x 16 bytes.
  const LoopbackResult run = time_images(network, accelerator, 1);
  CHECK(run.buffer_bytes[0] + run.buffer_bytes[1] == 3 * 32 * 32 * 16);
}

TEST_CASE("ResNet-8 of the zoo on 32 x 32: every tensor, with and without faults") {
  test::Random random(3);
  Network network = zoo_network("resnet-8-w8a8");
  test::fill_rounding(network, random);
  validate(network, "resnet-8");
  check_on_32x32(network, test::random_images(random, network, 1));
}

TEST_CASE("an imported ResNet-8 on 32 x 32: every tensor, with and without faults") {
  const std::string path = test::shared_data("networks/mlperf-tiny/pretrainedResnet_quant.tflite");
  const std::string pictures = test::shared_data("cifar10/test_exact_first1017.bin.xz");
  const Network network = import_network(path, "", {}).network;
  const DataSet data = read_dataset("cifar10:" + pictures, {.count = 1});
  check_on_32x32(network, {input_tensor(network, data, 0)});
}
