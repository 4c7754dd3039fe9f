// Lots of chips with broken memory cells, against the reference chip by chip.
#include <algorithm>
#include <cmath>

#include "faultmaps/draws.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "tools/studies/memory_study.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::studies;

namespace {

struct Setup {
  Setup() {
    test::Random random(3);
    for (Layer& layer : network.layers) {
      if (layer.has_weights()) test::fill_parameters(layer, random);
    }
    placement.accelerator = "dataflow:plain";
    for (size_t i = 0; i < network.layers.size(); ++i) {
      placement.arrays.push_back({network.layers[i].name + "/mvtu",
                                  3,
                                  4,
                                  Schedule::channel_parallel,
                                  {test::use_of(network, static_cast<int>(i), 3, 4, 1)}});
    }
    data.name = "random";
    data.shape = network.input();
    data.classes = network.classes();
    for (int i = 0; i < 12; ++i) {
      for (int k = 0; k < data.shape.size(); ++k) {
        data.pixels.push_back(static_cast<uint8_t>(random() & 255));
      }
      data.labels.push_back(static_cast<uint16_t>(i % 10));
    }
  }
  double accuracy(const Effects& effects) const {
    int right = 0;
    for (int i = 0; i < data.size(); ++i) {
      const auto tensors = reference::run(network, input_tensor(network, data, i), effects, i);
      right += predicted_class(tensors.back().values.data(), network.classes()) ==
               data.labels[static_cast<size_t>(i)];
    }
    return 100.0 * right / data.size();
  }

  Network network = zoo_network("tfc-w2a2", {.width = 0.25});
  Placement placement;
  DataSet data;
};

}  // namespace

TEST_CASE("statistics of a lot are those of its numbers") {
  std::vector<double> numbers;
  for (int i = 1; i <= 100; ++i) numbers.push_back(i);
  std::reverse(numbers.begin(), numbers.end());
  const LotStatistics s = lot_statistics(numbers);
  CHECK(s.chips == 100);
  CHECK(s.mean == Approx(50.5));
  CHECK(s.deviation == Approx(29.011).epsilon(1e-4));
  CHECK(s.quantile5 == 5);
  CHECK(s.median == 50);
  CHECK(s.worst == 1);
  CHECK(s.high - s.mean == Approx(1.9842 * 29.011 / 10).epsilon(1e-3));
  CHECK(lot_statistics({40.0}).low == 0);  // one chip says nothing about the others
  // Tables of Student's t.
  CHECK(student_quantile(1) == Approx(12.706).epsilon(1e-3));
  CHECK(student_quantile(2) == Approx(4.303).epsilon(1e-2));
  CHECK(student_quantile(9) == Approx(2.262).epsilon(1e-3));
  CHECK(student_quantile(49) == Approx(2.0096).epsilon(1e-4));
}

TEST_CASE("every chip of a study is that of the reference, by rate, bit and part") {
  const Setup s;
  MemoryStudyOptions options;
  options.faults.kinds = {SiteKind::pe_weight};
  options.faults.cell = CellFault::flip;
  options.rates = {0.01, 0.1};
  options.chips = 4;
  options.seed = 5;
  for (const MemoryGroups groups : {MemoryGroups::all, MemoryGroups::bit, MemoryGroups::part}) {
    options.groups = groups;
    options.threads = 2;
    const MemoryStudy study = memory_study(s.network, s.data, s.placement, options);
    CHECK(study.error_free == Approx(s.accuracy({})));
    const size_t count = groups == MemoryGroups::all ? 1 : groups == MemoryGroups::bit ? 2 : 4;
    REQUIRE(study.rows.size() == 2 * count);
    const SiteIndex sites(s.placement, s.network);
    for (size_t r = 0; r < study.rows.size(); ++r) {
      const MemoryRow& row = study.rows[r];
      INFO(row.group << " " << row.rate);
      MemoryFaults faults = options.faults;
      faults.rate = options.rates[r % 2];
      CHECK(row.rate == faults.rate);
      if (groups == MemoryGroups::bit) faults.bit = static_cast<int>(r / 2);
      if (groups == MemoryGroups::part) faults.part = s.placement.arrays[r / 2].name;
      const MemoryChips chips(faults, sites, s.placement, s.network);
      std::vector<double> accuracies;
      double cells = 0;
      for (int chip = 0; chip < 4; ++chip) {
        const FaultMap map = chips.chip(chip_seed(5, chip));
        cells += static_cast<double>(map.faults.size()) / 4;
        accuracies.push_back(s.accuracy(lower(map, s.placement, s.network)));
      }
      const LotStatistics expected = lot_statistics(accuracies);
      CHECK(row.mean_cells == Approx(cells));
      CHECK(row.accuracy.mean == Approx(expected.mean));
      CHECK(row.accuracy.worst == Approx(expected.worst));
      CHECK(row.accuracy.deviation == Approx(expected.deviation).margin(1e-9));
    }
  }
  options.repair = "faq";
  CHECK(test::refusal([&] {
          memory_study(s.network, s.data, s.placement, options);
        }).find("FAQ against flips") != std::string::npos);
}
