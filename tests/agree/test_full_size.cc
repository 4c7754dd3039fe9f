// The engines against each other on full networks and published accelerators.

#include "models/dataflow/family.h"
#include "models/dataflow/placement.h"
#include "models/loopback/family.h"
#include "models/loopback/placement.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

Network full(const std::string& name, test::Random& random) {
  Network network = zoo_network(name);
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  return network;
}

void check_on_dataflow(const std::string& network_name, const std::string& built_in,
                       uint64_t seed) {
  test::Random random(seed);
  const Network network = full(network_name, random);
  const auto accelerator = dataflow::parse_dataflow(built_in, network);
  const Placement placement = dataflow::place(accelerator, network);
  const auto images = test::random_images(random, network, 2);
  INFO("seed " << seed);
  test::check_agreement(network, dataflow::Dataflow(accelerator), {}, images);
  const FaultMap map = test::random_faults(random, placement, network, 12);
  test::check_agreement(network, dataflow::Dataflow(accelerator), map, images);
}

void check_on_loopback(const std::string& network_name, Schedule schedule, uint64_t seed) {
  test::Random random(seed);
  const Network network = full(network_name, random);
  auto accelerator = loopback::parse_loopback("loopback:32x64");
  accelerator.schedule = schedule;
  const Placement placement = place(accelerator, network);
  const auto images = test::random_images(random, network, 2);
  INFO("seed " << seed);
  test::check_agreement(network, loopback::Loopback(accelerator), {}, images);
  const FaultMap map = test::random_faults(random, placement, network, 6);
  test::check_agreement(network, loopback::Loopback(accelerator), map, images);
}

}  // namespace

TEST_CASE("full CNV-W1A1 agrees on the published dataflow accelerator") {
  check_on_dataflow("cnv-w1a1", "bnn-pynq-cnv-w1a1", 1);
}
TEST_CASE("full CNV-W1A2 agrees on the published dataflow accelerator") {
  check_on_dataflow("cnv-w1a2", "bnn-pynq-cnv-w1a2", 2);
}
TEST_CASE("full CNV-W2A2 agrees on the published dataflow accelerator") {
  check_on_dataflow("cnv-w2a2", "bnn-pynq-cnv-w2a2", 3);
}
TEST_CASE("full LFC-W1A1 agrees on the published dataflow accelerator") {
  check_on_dataflow("lfc-w1a1", "bnn-pynq-lfc-w1a1", 4);
}
TEST_CASE("full CNV-W1A1 agrees on a loopback array, channels in parallel") {
  check_on_loopback("cnv-w1a1", Schedule::channel_parallel, 5);
}
TEST_CASE("full CNV-W1A1 agrees on a loopback array, pixels in parallel") {
  check_on_loopback("cnv-w1a1", Schedule::pixel_parallel, 6);
}
TEST_CASE("full CNV-W1A4 agrees on a loopback array") {
  check_on_loopback("cnv-w1a4", Schedule::channel_parallel, 7);
}

TEST_CASE("a quarter DoReFa-Net agrees on a dataflow chain and on a loopback array with a host") {
  test::Random random(8);
  Network network = zoo_network("dorefa-w1a2", {.width = 0.25, .input_side = 96});
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  const auto images = test::random_images(random, network, 2);
  const auto chain = dataflow::parse_dataflow("auto:100000", network);
  const FaultMap in_chain =
      test::random_faults(random, dataflow::place(chain, network), network, 12);
  test::check_agreement(network, dataflow::Dataflow(chain), in_chain, images);
  auto array = loopback::parse_loopback("loopback:32x64");  // as published for this network
  array.host_first_last = true;
  const FaultMap in_array = test::random_faults(random, place(array, network), network, 6);
  test::check_agreement(network, loopback::Loopback(array), in_array, images);
}
