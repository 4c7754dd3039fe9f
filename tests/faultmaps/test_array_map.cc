#include <algorithm>
#include <map>
#include <set>

#include "faultmaps/array_map.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"

using namespace stuckat;

namespace {

/// An array at one layer, with padded rows, columns and pixels. Some layers have groups.
struct Work {
  explicit Work(test::Random& random, Schedule schedule)
      : groups(std::max(1, test::uniform(random, -2, 3))),
        layer(test::random_layer(
            random, LayerKind::convolution,
            {test::uniform(random, 3, 5), 4, groups * test::uniform(random, 1, 3)}, binary_format,
            binary_format, binary_format, 2, 1, 0,
            groups * test::uniform(random, 1, groups > 1 ? 4 : 9), "layer", false)),
        array{"array", test::uniform(random, 1, 5), test::uniform(random, 1, 5), schedule, {}} {
    layer.groups = groups;
    use = {0, groups * test::round_up(layer.rows() / groups, array.pe),
           test::round_up(layer.columns(), array.simd), 9, 9};
  }
  int groups;
  Layer layer;
  PeArray array;
  ArrayUse use;
};

}  // namespace

TEST_CASE("every row is computed at every pixel once, by the PE that the map says") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Work w(random, seed % 2 == 0 ? Schedule::channel_parallel : Schedule::pixel_parallel);
    const ArrayMap map(w.array, w.use, w.layer);
    std::map<std::pair<int, int>, int> computed;  // row, pixel -> PE
    int idle = 0;
    for (int pe = 0; pe < w.array.pe; ++pe) {
      auto rows = map.rows(pe);
      auto pixels = map.pixels(pe);
      if (!map.computes(pe)) {
        ++idle;
        CHECK((map.broadcasts() ? pixels : rows).empty());
        continue;
      }
      if (rows.empty()) rows = multiples(0, 1, w.layer.rows());
      if (pixels.empty()) pixels = multiples(0, 1, w.layer.output.pixels());
      for (const int row : rows) {
        for (const int pixel : pixels) CHECK(computed.emplace(std::pair(row, pixel), pe).second);
      }
    }
    CHECK(static_cast<int>(computed.size()) == w.layer.rows() * w.layer.output.pixels());
    for (const auto& [at, pe] : computed) CHECK(map.pe_of(at.first, at.second) == pe);
    CHECK((idle == 0 ||
           w.array.pe > (map.broadcasts() ? w.layer.output.pixels() : w.layer.rows() / w.groups)));
  }
}

// The loop of the array, written out: passes, folds, steps, PEs, lanes.
TEST_CASE("the loop of an array meets every product once, at the address that the map says") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Work w(random, seed % 2 == 0 ? Schedule::channel_parallel : Schedule::pixel_parallel);
    const ArrayMap map(w.array, w.use, w.layer);
    std::set<std::array<int, 3>> products;  // row, pixel, column
    const int at_once = map.broadcasts() ? w.array.pe : 1;
    const int passes = (w.layer.output.pixels() + at_once - 1) / at_once;
    for (int pass = 0; pass < passes; ++pass) {
      for (int fold = 0; fold < map.folds(); ++fold) {
        for (int step = 0; step < map.steps(); ++step) {
          for (int pe = 0; pe < w.array.pe; ++pe) {
            const auto output = map.output_of(pe, pass, fold);
            if (map.is_padding(output)) continue;
            for (int lane = 0; lane < w.array.simd; ++lane) {
              const int address = fold * map.steps() + step;
              const int memory = map.broadcasts() ? 0 : pe;
              const auto weight = map.weight_at(memory, address, lane);
              REQUIRE(address < map.weight_addresses());
              REQUIRE(weight.row == output.row);
              // The PEs of a fold share their operands.
              REQUIRE(w.layer.group_of(weight.row) ==
                      w.layer.group_of(map.output_of(0, pass, fold).row));
              REQUIRE(map.threshold_row(memory, fold) == output.row);
              const auto at = map.step_of(output.row, output.pixel, weight.column);
              REQUIRE(std::array{at.pass, at.fold, at.step} == std::array{pass, fold, step});
              if (weight.column >= w.layer.columns()) continue;
              REQUIRE(products.insert({output.row, output.pixel, weight.column}).second);
            }
          }
        }
      }
    }
    CHECK(static_cast<int>(products.size()) ==
          w.layer.rows() * w.layer.output.pixels() * w.layer.columns());
  }
}
