#include "faultmaps/systolic_array.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"

using namespace stuckat;

namespace {

Layer convolution(Shape input, int kernel, int channels) {
  test::Random random(3);
  return test::random_layer(random, LayerKind::convolution, input, signed_format(2),
                            signed_format(2), signed_format(2), kernel, 1, 0, channels, "layer0",
                            false);
}

SystolicArray array_of(int rows, int columns, SystolicMapping mapping) {
  SystolicArray array;
  array.rows = rows;
  array.columns = columns;
  array.mapping = mapping;
  return array;
}

}  // namespace

TEST_CASE("tiles of either mapping cover every column of a layer once, in its order") {
  for (const SystolicMapping mapping : {SystolicMapping::channel, SystolicMapping::im2col}) {
    for (const int channels : {1, 3, 8, 9, 20}) {
      for (const int rows : {1, 4, 8, 16, 256}) {
        CAPTURE(channels, rows);
        const Layer layer = convolution({5, 5, channels}, 3, 4);
        const SystolicMap map(array_of(rows, 4, mapping), layer);
        int next = 0;
        for (int t = 0; t < map.sum_tiles(); ++t) {
          const auto tile = map.sum_tile(t);
          REQUIRE(tile.first == next);
          REQUIRE((tile.rows >= 1 && tile.rows <= rows));
          for (int r = 0; r < tile.rows; ++r) {
            REQUIRE(map.sum_tile_of(tile.first + r) == t);
            REQUIRE(map.row_of(tile.first + r) == r);
          }
          next += tile.rows;
        }
        REQUIRE(next == layer.columns());
      }
    }
  }
}

TEST_CASE("the mapping by channels lets all taps of a pair meet one PE, few channels share") {
  const Layer wide = convolution({5, 5, 20}, 3, 4);
  const SystolicMap map(array_of(16, 4, SystolicMapping::channel), wide);
  CHECK(map.sum_tiles() == 9 * 2);
  for (int k = 0; k < wide.columns(); ++k) CHECK(map.row_of(k) == k % 20 % 16);
  const Layer rgb = convolution({5, 5, 3}, 3, 4);
  const SystolicMap few(array_of(16, 4, SystolicMapping::channel), rgb);
  CHECK(few.sum_tiles() == 3);  // kernel rows
  for (int k = 0; k < rgb.columns(); ++k) CHECK(few.row_of(k) == k % 9);
  CHECK(SystolicMap(array_of(16, 4, SystolicMapping::im2col), rgb).sum_tiles() == 2);
}

TEST_CASE("a bypassed PE prunes the weights that meet it, or loses the outputs that it keeps") {
  const Layer layer = convolution({5, 5, 5}, 2, 7);
  SystolicArray array = array_of(4, 3, SystolicMapping::im2col);
  PeSet bypassed(12);
  bypassed[1 * 3 + 2] = true;  // PE (1, 2)
  const auto pruned = pruned_weights(array, layer, bypassed);
  for (int n = 0; n < 7; ++n) {
    for (int k = 0; k < 20; ++k) {
      CHECK(pruned[static_cast<size_t>(n * 20 + k)] == (n % 3 == 2 && k % 4 == 1));
    }
  }
  array.dataflow = SystolicDataflow::output_stationary;
  const auto lost = lost_outputs(array, layer, bypassed);
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 7; ++n) {
      CHECK(lost[static_cast<size_t>(m * 7 + n)] == (n % 3 == 2 && m % 4 == 1));
    }
  }
}

TEST_CASE("PEs that no layer fills are unused") {
  Network network;
  network.add(convolution({5, 5, 3}, 2, 2));
  SystolicArray array = array_of(8, 3, SystolicMapping::channel);
  array.layers = {0};
  const PeSet used = used_pes(array, network);
  for (int r = 0; r < 8; ++r) {
    for (int c = 0; c < 3; ++c) CHECK(used[static_cast<size_t>(r * 3 + c)] == (r < 6 && c < 2));
  }
}
