// Timing against hardware: every measured row of the published accelerators, recomputed. The table
// of docs/accuracy-of-timing.md is this one.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "models/dataflow/timing.h"
#include "tests/support/catch.h"
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

TEST_CASE("figures_of_three_generations_are_those_of_the_page") {
  const std::string text = page();
  for (const std::string name : {"cnv-w1a1", "cnv-w2a2"}) {
    const Network network = zoo_network(name);
    auto accelerator = built_in_dataflow("bnn-pynq-" + name, network);
    const auto figures = [&] {
      return fmt::format("{}, {:.0f}", time_images(network, accelerator, 1).total_cycles,
                         steady_interval(network, accelerator).per_image());
    };
    const std::string stalling = figures();
    accelerator.discipline = Discipline::flushing;
    const std::string flushing = figures();
    for (LayerParams& p : accelerator.layers) {
      p.parts = {WindowVersion::rtl, Backend::rtl, Backend::rtl, Backend::rtl, Backend::rtl};
    }
    const std::string line =
        fmt::format("| `bnn-pynq-{}` | {} | {} | {} |", name, stalling, flushing, figures());
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
  }
}
