// Timing against hardware: every measured row of the published accelerators, recomputed. The table
// of docs/accuracy-of-timing.md is this one.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "models/dataflow/chain.h"
#include "models/dataflow/fifo_depths.h"
#include "models/dataflow/timing.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::dataflow;

namespace {

struct MeasuredRow {
  const char* network;
  const char* accelerator;
  int64_t images;
  double microseconds;  // on the board (BNN-PYNQ notebooks, Ultra96 at 300 MHz;
                        // docs/accuracy-of-timing.md)
  double percent;       // how near the model has to be
};

constexpr MeasuredRow measured[] = {
    {"cnv-w1a1", "bnn-pynq-cnv-w1a1", 10000, 1092898, 0.1},
    {"cnv-w1a1", "bnn-pynq-cnv-w1a1", 1330, 145902, 0.1},
    {"cnv-w1a1", "bnn-pynq-cnv-w1a1", 1, 527, 5},
    {"cnv-w1a2", "bnn-pynq-cnv-w1a2", 10000, 1092836, 0.1},
    {"cnv-w2a2", "bnn-pynq-cnv-w2a2", 10000, 3875514, 0.1},
    {"lfc-w1a1", "bnn-pynq-lfc-w1a1", 10000, 28040, 1.5},
    {"lfc-w1a2", "bnn-pynq-lfc-w1a2", 10000, 28040, 1.5},
};

std::string page() {
  std::ifstream file(STUCKAT_SOURCE_DIR "/docs/accuracy-of-timing.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("the_model_is_as_near_to_measured_hardware_as_the_page_says") {
  const std::string text = page();
  for (const MeasuredRow& row : measured) {
    const Network network = zoo_network(row.network);
    const DataflowAccelerator accelerator = built_in_dataflow(row.accelerator, network);
    const DataflowTiming timing = time_images(network, accelerator, row.images);
    const double model = static_cast<double>(timing.total_cycles) / accelerator.clock_mhz;
    const double percent = 100 * (model / row.microseconds - 1);
    const std::string line =
        fmt::format("| `{}` | {} | {:.0f} | {:.1f} | {} | {:+.3f} % |", row.accelerator, row.images,
                    row.microseconds, model, timing.total_cycles, percent);
    INFO(line);
    CHECK(std::abs(percent) < row.percent);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("figures_of_all_built_in_accelerators_are_those_of_the_page") {
  const std::string text = page();
  for (const std::string name : {"cnv-w1a1", "cnv-w1a2", "cnv-w2a2", "lfc-w1a1", "lfc-w1a2"}) {
    const Network network = zoo_network(name);
    const auto accelerator = built_in_dataflow("bnn-pynq-" + name, network);
    const DataflowTiming one = time_images(network, accelerator, 1);
    const DataflowTiming all = time_images(network, accelerator, 10000);
    REQUIRE(all.steady.images == 1);
    const std::string line =
        fmt::format("| `bnn-pynq-{}` | {} | {} | {} | {} | {} |", name, one.total_cycles,
                    all.first_image_cycles, all.steady.cycles, all.total_cycles, all.steady.image);
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

namespace {

/// One of three generations of parts: loops that stall, loops that flush (FINN's HLS), and all of
/// them in RTL with thresholds of their own.
struct Generation {
  const char* name;
  Discipline discipline;
  bool rtl;
};

constexpr Generation generations[] = {{"HLS, stalling", Discipline::stalling, false},
                                      {"HLS, flushing", Discipline::flushing, false},
                                      {"RTL", Discipline::flushing, true}};

DataflowAccelerator built(const Generation& g, const std::string& name, const Network& network) {
  auto accelerator = built_in_dataflow("bnn-pynq-" + name, network);
  accelerator.discipline = g.discipline;
  for (LayerParams& p : accelerator.layers) {
    if (!g.rtl) continue;
    p.parts = {WindowVersion::rtl, Backend::rtl, Backend::rtl, Backend::rtl, Backend::rtl};
  }
  return accelerator;
}

std::string first_and_interval(const DataflowAccelerator& accelerator, const Network& network) {
  return fmt::format("{}, {:.0f}", time_images(network, accelerator, 1).total_cycles,
                     steady_interval(network, accelerator).per_image());
}

/// As smallest_depths() finds them: FIFOs of one word between layers, and inside of them these.
struct SmallestRow {
  const char* network;
  int generation;
  std::vector<int> inside;  // [layer with weights]
};

const SmallestRow smallest_rows[] = {{"cnv-w1a1", 0, {4, 90, 24, 64, 32, 1, 2, 48, 1}},
                                     {"cnv-w1a1", 1, {4, 74, 1, 60, 12, 1, 2, 40, 1}},
                                     {"cnv-w1a1", 2, {1, 1, 6, 50, 1, 1, 2, 39, 1}},
                                     {"cnv-w2a2", 0, {1, 282, 52, 272, 144, 1, 1, 32, 1}},
                                     {"cnv-w2a2", 1, {1, 280, 1, 288, 64, 1, 1, 16, 1}},
                                     {"cnv-w2a2", 2, {1, 80, 1, 191, 1, 1, 1, 15, 1}}};

}  // namespace

TEST_CASE("figures_of_three_generations_are_those_of_the_page") {
  const std::string text = page();
  for (const std::string name : {"cnv-w1a1", "cnv-w2a2"}) {
    const Network network = zoo_network(name);
    std::string line = "| `bnn-pynq-" + name + "` |";
    for (const Generation& g : generations) {
      line += " " + first_and_interval(built(g, name, network), network) + " |";
    }
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("smallest_fifos_of_three_generations_are_those_of_the_page") {
  const std::string text = page();
  for (const SmallestRow& row : smallest_rows) {
    const Network network = zoo_network(row.network);
    const Generation& g = generations[row.generation];
    DataflowAccelerator a = built(g, row.network, network);
    const auto interval = [&] {
      const Interval i = steady_interval(network, a);
      return std::pair(i.cycles, i.images);
    };
    for (LayerParams& p : a.layers) p.inner_depth = p.out_depth = roomy_depth;
    a.input_depth = roomy_depth;
    const auto fastest = interval();
    a.input_depth = 1;
    std::string depths;
    auto inside = row.inside.begin();
    for (size_t i = 0; i < a.layers.size(); ++i) {
      a.layers[i].out_depth = 1;
      a.layers[i].inner_depth = 2;  // of a pool: none is there
      if (!network.layers[i].has_weights()) continue;
      a.layers[i].inner_depth = *inside;
      depths += (depths.empty() ? "" : " ") + std::to_string(*inside++);
    }
    REQUIRE(inside == row.inside.end());
    int64_t words = 0, bits = 0;
    for (const StreamSpec& stream : build_chain(a, network).streams) {
      words += stream.depth;
      bits += int64_t{stream.depth} * stream.word_bits();
    }
    const std::string line = fmt::format("| `bnn-pynq-{}` | {} | {} | {}, {:.1f} | {} |",
                                         row.network, g.name, first_and_interval(a, network), words,
                                         static_cast<double>(bits) / 1000, depths);
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
    CHECK(interval() == fastest);
    // One word less anywhere, and images follow each other more slowly.
    for (size_t i = 0; i < a.layers.size(); ++i) {
      int& depth = a.layers[i].inner_depth;
      if (depth == 1 || !network.layers[i].has_weights()) continue;
      --depth;
      const auto [cycles, images] = interval();
      CHECK(cycles * fastest.second > fastest.first * images);
      ++depth;
    }
  }
}

TEST_CASE("a_board_of_finn_examples_is_met_as_the_page_says") {
  const std::string file = test::shared_data(
      "finn-folding/finn-examples/bnn-pynq/folding_config/cnv-w1a1_folding_config.json");
  constexpr double megahertz = 99.999, of_board = 331.07;  // ms for 1,000 images
  const Network network = zoo_network("cnv-w1a1");
  const DataflowAccelerator accelerator = parse_dataflow(file, network);
  const DataflowTiming timing = time_images(network, accelerator, 1000, {.occupancy = false});
  const double milliseconds = static_cast<double>(timing.total_cycles) / megahertz / 1000;
  const std::string line =
      fmt::format("an interval of {:.0f} cycles, and 1,000 images in {:.2f} ms ({:+.2f} %)",
                  steady_interval(network, accelerator).per_image(), milliseconds,
                  100 * (milliseconds / of_board - 1));
  INFO(line);
  CHECK(page().find(line) != std::string::npos);
  CHECK(std::abs(milliseconds / of_board - 1) < 0.01);
}
