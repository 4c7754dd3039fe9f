#include "models/loopback/timing.h"
#include "tests/models/loopback/smallest_weight_buffer.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::loopback;
using Catch::Contains;

namespace {

int64_t steps_of(const LoopbackPlan& plan) {
  int64_t sum = 0;
  for (const LayerPlan& layer : plan.layers) sum += layer.steps();
  return sum;
}

/// The burst model of FORMAT.md, burst by burst.
int64_t bursts_one_by_one(const MemoryParams& memory, int64_t bytes) {
  std::vector<int64_t> done;
  int64_t request = 0;
  while (bytes > 0) {
    const int64_t burst = std::min(bytes, memory.burst_bytes);
    const auto before = done.size() - static_cast<size_t>(memory.outstanding_bursts);
    if (done.size() >= static_cast<size_t>(memory.outstanding_bursts)) {
      request = std::max(request, done[before]);
    }
    const int64_t data = std::max(request + memory.latency_cycles, done.empty() ? 0 : done.back());
    done.push_back(data + (burst + memory.bytes_per_cycle - 1) / memory.bytes_per_cycle);
    bytes -= burst;
    ++request;
  }
  return done.back();
}

}  // namespace

TEST_CASE("the closed form of a transfer is the burst model") {
  test::Random random(1);
  for (int i = 0; i < 5000; ++i) {
    const MemoryParams memory{test::uniform(random, 1, 20), test::uniform(random, 0, 30),
                              test::uniform(random, 1, 60), test::uniform(random, 1, 6)};
    const int64_t bytes = test::uniform(random, 1, 500);
    CAPTURE(memory.bytes_per_cycle, memory.latency_cycles, memory.burst_bytes,
            memory.outstanding_bursts, bytes);
    REQUIRE(transfer_cycles(memory, bytes) == bursts_one_by_one(memory, bytes));
  }
}

TEST_CASE("CNV on 32x64: folds of rows, folds of columns, pixels") {
  const LoopbackPlan plan = make_plan({}, zoo_network("cnv-w1a1"));
  const std::vector<int64_t> steps = {
      2 * 1 * 900,   // 64 rows, 27 columns in one fold, 30x30 pixels
      2 * 9 * 784,   // 64 rows, 576 columns, 28x28
      4 * 9 * 144,   // 128 rows, 576 columns, 12x12
      4 * 18 * 100,  // 128 rows, 1152 columns, 10x10
      8 * 18 * 9,    // 256 rows, 1152 columns, 3x3
      8 * 36 * 1,    // 256 rows, 2304 columns, 1x1
      16 * 4 * 1,    // 512 rows, 256 columns
      16 * 8 * 1,    // 512 rows, 512 columns
      1 * 8 * 1,     // 10 rows padded to 32, 512 columns
  };
  REQUIRE(plan.layers.size() == steps.size());
  for (size_t i = 0; i < steps.size(); ++i) CHECK(plan.layers[i].steps() == steps[i]);
  CHECK(plan.input_bytes == 32 * 32 * 3);
  CHECK(plan.output_bytes == 10 * 4);
  for (const LayerPlan& layer : plan.layers) CHECK(layer.tiles.size() == 1);
}

TEST_CASE("pixel-parallel: groups of PE pixels, all rows, one PE at work in dense layers") {
  LoopbackAccelerator accelerator;
  accelerator.schedule = Schedule::pixel_parallel;
  const LoopbackPlan plan = make_plan(accelerator, zoo_network("cnv-w1a1"));
  CHECK(plan.layers[0].steps() == 64 * 1 * 29);  // ceil(900 / 32) groups
  CHECK(plan.layers[5].steps() == 256 * 36 * 1);
  CHECK(plan.layers[7].steps() == 512 * 8 * 1);
}

TEST_CASE("tiles split a layer's fetch and never its steps") {
  LoopbackAccelerator accelerator;
  const Network network = zoo_network("cnv-w2a2");
  const int64_t steps = steps_of(make_plan(accelerator, network));
  accelerator.weight_buffer_bytes = 2 * 36 * 32 * 64 * 2 / 8;  // one fold of layer5 in each bank
  const LoopbackPlan tiled = make_plan(accelerator, network);
  CHECK(tiled.layers[5].tiles.size() == 8);
  CHECK(steps_of(tiled) == steps);
  --accelerator.weight_buffer_bytes;
  CHECK_THROWS_WITH(make_plan(accelerator, network), Contains("weight bank"));
}

TEST_CASE("tensors that do not fit an activation buffer are refused") {
  LoopbackAccelerator accelerator;
  const Network network = zoo_network("cnv-w1a1");
  accelerator.activation_buffer_bytes = 30 * 30 * 64 / 8;  // after layer0, the largest
  CHECK_NOTHROW(make_plan(accelerator, network));
  --accelerator.activation_buffer_bytes;
  CHECK_THROWS_WITH(make_plan(accelerator, network), Contains("activation buffer"));
}

TEST_CASE("the cycles of an image are the sum of its parts, and later images are alike") {
  test::Random random(3);
  for (int i = 0; i < 200; ++i) {
    const Network network = test::random_network(random);
    LoopbackAccelerator accelerator;
    accelerator.pe = test::uniform(random, 1, 8);
    accelerator.simd = test::uniform(random, 1, 16);
    accelerator.double_buffering = test::uniform(random, 0, 1) == 1;
    accelerator.weight_buffer_bytes =
        test::smallest_weight_buffer(accelerator, network) + test::uniform(random, 0, 1000);
    accelerator.memory = {test::uniform(random, 1, 8), test::uniform(random, 0, 50), 16, 2};
    const LoopbackPlan plan = make_plan(accelerator, network);
    const auto images = cycles_for(plan, accelerator, 4);
    CHECK(images[1] == images[2]);
    CHECK(images[1].total() == steady_interval(plan, accelerator));
    for (size_t l = 0; l < plan.layers.size(); ++l) {
      CHECK(images[0].layers[l].steps == plan.layers[l].steps());
      CHECK(images[0].layers[l].waiting >= 0);
    }
    LoopbackAccelerator single = accelerator;
    single.double_buffering = false;
    const int64_t alone = steady_interval(make_plan(single, network), single);
    single.double_buffering = true;
    single.weight_buffer_bytes *= 2;  // banks as large as before
    CHECK(steady_interval(make_plan(single, network), single) <= alone);
  }
}
