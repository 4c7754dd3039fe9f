// Systolic arrays in SystemVerilog against our core: the same sums from the same cycles, fault-free
// and with a stuck bit of each register. Shapes fill the array, so that no PE is idle: RTL does not
// know which rows a tile uses.
#include <Vsystolic_os.h>
#include <Vsystolic_ws.h>
#include <verilated.h>

#include "faultmaps/systolic_sites.h"
#include "models/systolic/array_core.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"

using namespace stuckat;
using namespace stuckat::systolic;
using test::Random;
using test::uniform;

double sc_time_stamp() { return 0; }

namespace {

constexpr int side = 3;

SystolicArray array_of(bool outputs_stay) {
  SystolicArray array;
  array.rows = array.columns = side;
  array.mapping = SystolicMapping::im2col;
  array.layers = {0};
  if (outputs_stay) array.dataflow = SystolicDataflow::output_stationary;
  return array;
}

Layer random_product(Random& random, bool outputs_stay) {
  Layer layer;
  layer.name = "product";
  layer.kernel = layer.stride = 1;
  const int m = outputs_stay ? side * uniform(random, 1, 3) : uniform(random, 1, 7);
  const int k = outputs_stay ? uniform(random, 1, 9) : side * uniform(random, 1, 3);
  layer.input = {1, m, k};
  layer.output = {1, m, side * uniform(random, 1, 3)};
  layer.input_format = layer.weight_format = full_format(8);
  layer.accumulator_output = true;
  for (int i = 0; i < layer.rows() * layer.columns(); ++i) {
    layer.weights.push_back(static_cast<int8_t>(uniform(random, -128, 127)));
  }
  return layer;
}

Tensor random_input(Random& random, const Layer& layer) {
  Tensor input{layer.input, {}};
  for (int i = 0; i < layer.input.size(); ++i) input.values.push_back(uniform(random, -128, 127));
  return input;
}

/// Kinds in the order of rtl/systolic_array.sv, from 1 on.
std::vector<SiteKind> kinds() {
  const SystolicKinds& k = systolic_kinds();
  return {k.a, k.b, k.d, k.w0, k.w1, k.valid, k.propagate, k.product};
}

/// The verilated array with its edges.
template <class Model>
class Rtl {
 public:
  explicit Rtl(int kind, const Fault& fault) {
    model_.fault_kind = static_cast<uint8_t>(kind);
    model_.fault_row = static_cast<uint8_t>(fault.coordinates[0]);
    model_.fault_column = static_cast<uint8_t>(fault.coordinates[1]);
    model_.fault_bit = static_cast<uint8_t>(fault.coordinates[2]);
    model_.fault_one = fault.value != 0;
    clear_edges();
    model_.take = model_.which = 0;
    model_.clear = 0;
    model_.reset = 1;
    tick();
    model_.reset = 0;
  }

  /// What the registers at the edges hold from the next tick on.
  void clear_edges() {
    model_.a_in = 0;
    for (int c = 0; c < side; ++c) model_.b_in[c] = model_.d_in[c] = 0;
    model_.valid_in = 0;
    model_.propagate_in = propagate_;
  }
  void a(int row, int32_t value) {
    model_.a_in |= (static_cast<uint32_t>(value) & 255u) << 8 * row;
  }
  void valid(int column, int parity) {
    model_.valid_in |= static_cast<uint8_t>(1u << column);
    propagate_ = static_cast<uint8_t>((propagate_ & ~(1u << column)) | static_cast<unsigned>(parity)
                                                                           << column);
    model_.propagate_in = propagate_;
  }
  /// In this cycle: combinational controls.
  void settle() { model_.eval(); }
  void tick() {
    model_.clock = 0;
    model_.eval();
    model_.clock = 1;
    model_.eval();
  }
  Model& model() { return model_; }

 private:
  Model model_;
  uint8_t propagate_ = 0;
};

struct Sums {
  std::vector<int32_t> values;  // [vector][channel]
  int64_t cycles = 0;           // until the last of them
  bool as_expected = true;      // valid in the cycles of the schedule, and in no other
};

Sums weight_stationary(const Layer& layer, const Tensor& input, const std::vector<TileTimes>& times,
                       int64_t cycles, int kind, const Fault& fault) {
  const int m = layer.output.pixels(), k_tiles = layer.columns() / side;
  Rtl<Vsystolic_ws> rtl(kind, fault);
  Sums result{std::vector<int32_t>(static_cast<size_t>(layer.output.size())), 0, true};
  const auto tiles = static_cast<int>(times.size());
  // Cycle t begins with the tick that puts the edges' values into their registers.
  for (int64_t t = 0; t < cycles; ++t) {
    rtl.clear_edges();
    for (int tile = 0; tile < tiles; ++tile) {
      const int k0 = tile % k_tiles * side, n0 = tile / k_tiles * side;
      for (int i = 0; i < side; ++i) {
        const int64_t vector = t - times[static_cast<size_t>(tile)].start - i;
        if (vector >= 0 && vector < m) {
          rtl.a(i, input.at(0, static_cast<int>(vector), k0 + i));
          rtl.valid(i, tile % 2);
        }
        const int64_t row = side - 1 - (t - times[static_cast<size_t>(tile)].load - i);
        if (row >= 0 && row < side) {
          rtl.model().d_in[i] = static_cast<uint8_t>(layer.weight_row(n0 + i)[k0 + row]);
        }
      }
    }
    rtl.tick();
    rtl.model().take = rtl.model().which = 0;
    for (int tile = 0; tile < tiles; ++tile) {
      for (int c = 0; c < side; ++c) {
        if (t != times[static_cast<size_t>(tile)].load + c + side - 1) continue;
        rtl.model().take |= static_cast<uint8_t>(1u << c);
        rtl.model().which |= static_cast<uint8_t>(static_cast<unsigned>(tile % 2) << c);
      }
    }
    rtl.settle();
    for (int c = 0; c < side; ++c) {
      int32_t* sum = nullptr;
      for (int tile = 0; tile < tiles; ++tile) {
        const int64_t vector = t - times[static_cast<size_t>(tile)].start - (side - 1) - c;
        if (vector < 0 || vector >= m) continue;
        sum =
            &result.values[static_cast<size_t>(vector * layer.rows() + tile / k_tiles * side + c)];
      }
      const bool valid = (rtl.model().valid_out >> c & 1) != 0;
      result.as_expected &= valid == (sum != nullptr);
      if (!valid || sum == nullptr) continue;
      *sum += static_cast<int32_t>(rtl.model().b_out[c]);
      result.cycles = t + 1;
    }
  }
  return result;
}

Sums output_stationary(const Layer& layer, const Tensor& input, const std::vector<TileTimes>& times,
                       int64_t cycles, int kind, const Fault& fault) {
  const int k = layer.columns(), m_tiles = layer.output.pixels() / side;
  const int64_t drain = k + 2 * side - 2;  // cycle of the tile in which sums begin to leave
  Rtl<Vsystolic_os> rtl(kind, fault);
  Sums result{std::vector<int32_t>(static_cast<size_t>(layer.output.size())), 0, true};
  const int64_t period = cycles / static_cast<int64_t>(times.size());
  for (int64_t t = 0; t < cycles; ++t) {
    const auto tile = static_cast<int>(t / period);
    const int64_t now = t % period;
    const int m0 = tile % m_tiles * side, n0 = tile / m_tiles * side;
    rtl.clear_edges();
    for (int i = 0; i < side; ++i) {
      const int64_t step = now - i;
      if (step < 0 || step >= k) continue;
      rtl.a(i, input.at(0, m0 + i, static_cast<int>(step)));
      rtl.model().b_in[i] = static_cast<uint8_t>(layer.weight_row(n0 + i)[step]);
      rtl.valid(i, tile % 2);
    }
    // Before its first product an accumulator is cleared.
    rtl.model().which = tile % 2 != 0 ? 7 : 0;
    rtl.model().clear = now == 0;
    rtl.tick();
    rtl.model().clear = 0;
    rtl.model().take = now == drain ? 7 : 0;
    rtl.settle();
    if (now < drain) continue;
    for (int c = 0; c < side; ++c) {
      const auto row = static_cast<int>(side - 1 - (now - drain));
      result.values[static_cast<size_t>((m0 + row) * layer.rows() + n0 + c)] =
          static_cast<int32_t>(rtl.model().d_out[c]);
    }
    result.cycles = t + 1;
  }
  return result;
}

struct Run {
  Sums rtl;
  std::vector<int32_t> core;
  int64_t cycles = 0;
};

Run run(Random& random, bool outputs_stay, WeightLoading loading, int kind, const Fault& fault) {
  SystolicArray array = array_of(outputs_stay);
  array.loading = loading;
  const Layer layer = random_product(random, outputs_stay);
  const Tensor input = random_input(random, layer);
  const Gemm gemm{layer.output.pixels(), layer.columns(), layer.rows()};
  const char* name = outputs_stay                           ? "os-drain"
                     : loading == WeightLoading::serial     ? "ws-serial"
                     : loading == WeightLoading::overlapped ? "ws-overlapped"
                                                            : "ws-double-buffered";
  Run result;
  result.cycles = parse_schedule(name, "test").cycles(gemm, {side, side}).total();
  const int64_t tiles = (outputs_stay ? gemm.m : gemm.k) / side * (gemm.n / side);
  const auto times = tile_times(array, gemm, tiles);
  result.rtl = (outputs_stay ? output_stationary : weight_stationary)(layer, input, times,
                                                                      result.cycles, kind, fault);
  ArrayCore core(array, layer);
  if (kind > 0) core.arm(fault);
  Tensor output{layer.output, std::vector<int32_t>(static_cast<size_t>(layer.output.size()))};
  core.compute({0, gemm, {}, 0}, 0, times, input, output);
  result.core = output.values;
  return result;
}

constexpr WeightLoading loadings[] = {WeightLoading::serial, WeightLoading::overlapped,
                                      WeightLoading::double_buffered};

}  // namespace

TEST_CASE("healthy systolic RTL gives our sums, valid in our cycles and in no other") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const bool outputs_stay = seed % 4 == 0;
    const Run r = run(random, outputs_stay, loadings[seed % 3], 0, {});
    INFO("seed " << seed);
    CHECK(r.rtl.values == r.core);
    CHECK(r.rtl.as_expected);
    const bool waits = !outputs_stay && loadings[seed % 3] == WeightLoading::double_buffered;
    // The double-buffered schedule counts the cycles in which a next tile would be loaded.
    CHECK((waits ? r.rtl.cycles <= r.cycles : r.rtl.cycles == r.cycles));
  }
}

TEST_CASE("a stuck bit of each register of each PE of systolic RTL gives our sums") {
  int differ = 0;
  for (const bool outputs_stay : {false, true}) {
    for (int kind = 1; kind <= static_cast<int>(kinds().size()); ++kind) {
      for (int pe = 0; pe < side * side; ++pe) {
        for (const int one : {0, 1}) {
          Random random(static_cast<uint64_t>(kind * 100 + pe * 2 + one));
          const SiteKind site = kinds()[static_cast<size_t>(kind - 1)];
          const bool flag = site == systolic_kinds().valid || site == systolic_kinds().propagate;
          const Fault fault = systolic_fault(site, array_of(outputs_stay), pe / side, pe % side,
                                             flag ? 0 : uniform(random, 0, 7), one);
          INFO(name(fault) << (outputs_stay ? " output-stationary" : " weight-stationary"));
          const auto loading = loadings[uniform(random, 0, 2)];
          Random same = random;
          const Run broken = run(random, outputs_stay, loading, kind, fault);
          CHECK(broken.rtl.values == broken.core);
          differ += broken.core != run(same, outputs_stay, loading, 0, {}).core ? 1 : 0;
        }
      }
    }
  }
  CHECK(differ > 150);
}
