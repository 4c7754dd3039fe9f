// Every site, every bit, both values, of tiny accelerators; and maps whose faults meet in the same
// words. Each simulation is a child of its own. The optimised build takes every fault; with
// sanitizers, where a child costs ten times as much, few are taken, of all kinds and
// parts.

#include "faultmaps/operations.h"
#include "faultmaps/site_index.h"
#include "models/dataflow/placement.h"
#include "models/loopback/placement.h"
#include "tests/agree/agreement.h"
#include "tests/agree/tiny_network.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"

using namespace stuckat;

namespace {

/// Dense layers alone, the first on an image whose elements are packed into words.
Network dense_network(uint64_t seed) {
  test::Random random(seed);
  Network network;
  network.name = "dense";
  network.add(test::random_layer(random, LayerKind::dense, {3, 2, 3}, signed_format(2),
                                 binary_format, binary_format, 1, 1, 0, 4, "layer0", false));
  network.add(test::random_layer(random, LayerKind::dense, {1, 1, 4}, binary_format, binary_format,
                                 binary_format, 1, 1, 0, 3, "layer1", true));
  return network;
}

dataflow::DataflowAccelerator tiny_dataflow(const Network& network) {
  auto a = dataflow::auto_dataflow(network, 1000);
  a.name = "tiny";
  for (size_t i = 0; i < network.layers.size(); ++i) {
    a.layers[i].out_depth = 3;
    if (!network.layers[i].has_weights()) continue;
    a.layers[i].pe = 1;
    a.layers[i].simd = 2;
  }
  a.layers.back().pe = 2;  // 3 rows: one is padded
  dataflow::validate(a, network);
  return a;
}

loopback::LoopbackAccelerator tiny_loopback(const Network& network, Schedule schedule) {
  test::Random random(1);
  auto a = test::random_loopback(random, network);
  a.name = "tiny";
  a.pe = 2;
  a.simd = 4;
  a.schedule = schedule;
  return a;
}

/// The faults of the kinds wanted(row), in the placement's order, one by one in all engines.
template <typename Wanted>
void check_every_fault(const Network& network, const Accelerator& accelerator,
                       const std::vector<Tensor>& images, Wanted wanted) {
  const Placement placement = accelerator.place(network);
  for (const SiteRow& row : site_table()) {
    if (!wanted(row)) continue;
    const auto faults = all_faults(row.kind, placement, network);
    for (size_t i = 0; i < faults.size(); i += test::stride) {
      test::check_agreement(network, placement, {placement.accelerator, {faults[i]}}, images,
                            accelerator);
    }
  }
}

bool any_kind(const SiteRow& /*row*/) { return true; }

/// With FIFOs inside of layers wherever there can be some.
dataflow::DataflowAccelerator with_inner_fifos(const Network& network, NumberFormat format) {
  auto a = tiny_dataflow(network);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    a.layers[i].inner_depth = 3;
    if (!network.layers[i].has_weights()) {
      a.layers[i].word_bits = format.bits;
      continue;
    }
    a.layers[i].pe = a.layers[i].simd = 1;
    if (!network.layers[i].accumulator_output) a.layers[i].word_bits = 2 * format.bits;
  }
  a.layers.back().simd = format.bits == 1 ? 6 : 9;  // of words of two: by 6 and by 18 lanes
  dataflow::validate(a, network);
  return a;
}

}  // namespace

TEST_CASE("every fault of a tiny dataflow accelerator agrees in all engines") {
  for (const NumberFormat format : {binary_format, signed_format(2)}) {
    const Network network = test::tiny_network(format, 7);
    const auto a = tiny_dataflow(network);
    test::Random random(8);
    const auto images = test::random_images(random, network, 2);
    check_every_fault(network, dataflow::Dataflow(a), images, any_kind);
  }
}

TEST_CASE("every fault of the FIFOs inside of layers agrees in all engines") {
  for (const NumberFormat format : {binary_format, signed_format(2)}) {
    const Network network = test::tiny_network(format, 11);
    const auto a = with_inner_fifos(network, format);
    const Placement placement = dataflow::place(a, network);
    std::string inside;
    for (const Stream& stream : placement.streams) inside += stream.name + " ";
    for (const char* name : {"layer0/channels", "layer0/padded", "layer0/windows", "layer0/rows",
                             "pool0/pooled", "layer2/columns"}) {
      CHECK_THAT(inside, Catch::Contains(name));
    }
    test::Random random(12);
    const auto images = test::random_images(random, network, 2);
    check_every_fault(network, dataflow::Dataflow(a), images,
                      [](const SiteRow& row) { return row.part == PartKind::stream; });
  }
}

TEST_CASE(
    "a cell of a sliding window wins over the streams before it, and loses to those after it") {
  const Network network = test::tiny_network(signed_format(2), 13);
  const dataflow::Dataflow accelerator(with_inner_fifos(network, signed_format(2)));
  const Placement placement = accelerator.place(network);
  test::Random random(14);
  const auto images = test::random_images(random, network, 2);
  for (const std::string cell :
       {"layer0/sliding_window/cell[1][2][0][0]=", "layer0/sliding_window/cell[2][1][1][1]="}) {
    for (const std::string stream : {"channels", "padded", "windows"}) {
      for (const std::string one : {"0", "1"}) {
        const std::string wire =
            "layer0/" + stream + "/wire[" + cell[cell.size() - 3] + "]=" + (one == "0" ? "1" : "0");
        const auto parse = [&](const std::string& text) {
          return parse_fault(text, placement, network, "test");
        };
        const FaultMap map{placement.accelerator, {parse(cell + one), parse(wire)}};
        test::check_agreement(network, placement, map, images, accelerator);
      }
    }
  }
}

TEST_CASE("every fault of streams with padding agrees: a packed image, rows after the last") {
  const Network network = dense_network(3);
  auto a = tiny_dataflow(network);
  a.layers[0].simd = 5;  // 18 columns in 4 words
  a.input_depth = 3;
  a.layers[1].pe = 2;
  a.layers[1].padded_rows = 8;
  const Placement placement = dataflow::place(a, network);
  CHECK(placement.streams.front().packed);
  CHECK(placement.streams.back().words_per_pixel == 4);
  test::Random random(8);
  const auto images = test::random_images(random, network, 3);
  check_every_fault(network, dataflow::Dataflow(a), images, any_kind);
}

TEST_CASE("every fault of a tiny loopback accelerator agrees in all engines") {
  for (const Schedule schedule : {Schedule::channel_parallel, Schedule::pixel_parallel}) {
    const Network network = test::tiny_network(signed_format(2), 9);
    const auto a = tiny_loopback(network, schedule);
    test::Random random(10);
    const auto images = test::random_images(random, network, 1);
    check_every_fault(network, loopback::Loopback(a), images, any_kind);
  }
}

TEST_CASE("broken registers of 31 and 32 bits agree, in the last layer too") {
  for (const NumberFormat format : {binary_format, signed_format(2)}) {
    for (const int bits : {31, 32}) {
      const Network network = test::tiny_network(format, 5);
      auto a = tiny_dataflow(network);
      for (size_t i = 0; i < network.layers.size(); ++i) {
        if (!network.layers[i].has_weights()) continue;
        a.layers[i].accumulator_bits = bits;
        a.layers[i].threshold_bits = bits;
      }
      dataflow::validate(a, network);
      test::Random random(6);
      const auto images = test::random_images(random, network, 2);
      const Placement placement = dataflow::place(a, network);
      for (const SiteKind kind :
           {SiteKind::pe_accumulator, SiteKind::pe_threshold, SiteKind::pe_output}) {
        for (const Fault& fault : all_faults(kind, placement, network)) {
          const auto bit = site_row(kind).coordinates.size() - 1;
          if (fault.coordinates[bit] < bits - 2) continue;
          test::check_agreement(network, dataflow::Dataflow(a), {placement.accelerator, {fault}},
                                images);
        }
      }
    }
  }
}

TEST_CASE("faults that meet in the same part agree, whatever their order") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    test::Random random(seed);
    const bool on_dataflow = seed % 2 == 0;
    const Network network = test::tiny_network(signed_format(2), seed);
    const auto a = tiny_dataflow(network);
    const auto b = tiny_loopback(
        network, seed % 4 == 1 ? Schedule::channel_parallel : Schedule::pixel_parallel);
    const Placement placement = on_dataflow ? dataflow::place(a, network) : place(b, network);
    const SiteIndex sites(placement, network);
    const auto& parts = sites.parts();
    const auto& part =
        parts[static_cast<size_t>(test::uniform(random, 0, static_cast<int>(parts.size()) - 1))];
    FaultMap map{placement.accelerator, {}};
    for (const SiteSpace* space : sites.of_part(part)) {
      if (space->sites() == 0) continue;
      for (int i = 0; i < 6; ++i) {
        Fault fault =
            space->at(std::uniform_int_distribution<int64_t>(0, space->sites() - 1)(random));
        fault.value = space->values[static_cast<size_t>(
            test::uniform(random, 0, static_cast<int>(space->values.size()) - 1))];
        const bool taken = std::any_of(map.faults.begin(), map.faults.end(),
                                       [&](const Fault& f) { return same_site(f, fault); });
        if (!taken) map.faults.push_back(fault);
      }
    }
    const Effects effects = lower(map, placement, network);
    std::shuffle(map.faults.begin(), map.faults.end(), random);
    FaultMap sorted = map;
    validate(sorted, placement, network, "test");
    CHECK(lower(sorted, placement, network) == effects);
    const auto images = test::random_images(random, network, 2);
    INFO("seed " << seed);
    if (on_dataflow)
      test::check_agreement(network, dataflow::Dataflow(a), sorted, images);
    else
      test::check_agreement(network, loopback::Loopback(b), sorted, images);
  }
}
