// The untimed core against the array that is ticked register by register: the same outputs,
// whatever is broken.
#include "faultmaps/systolic_sites.h"
#include "models/systolic/array_core.h"
#include "tests/models/systolic/ticked_array.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"

using namespace stuckat;
using namespace stuckat::systolic;
using stuckat::systolic::test::Loading;
using stuckat::systolic::test::Matrix;
using stuckat::systolic::test::RegisterFault;
using stuckat::systolic::test::TickedArray;
using stuckat::test::Random;
using stuckat::test::uniform;
namespace ticked = stuckat::systolic::test;

namespace {

struct Way {
  const char* name;
  SystolicDataflow dataflow;
  WeightLoading loading;
  bool drains;
};
constexpr Way ways[] = {
    {"ws-serial", SystolicDataflow::weight_stationary, WeightLoading::serial, false},
    {"ws-overlapped", SystolicDataflow::weight_stationary, WeightLoading::overlapped, false},
    {"ws-double-buffered", SystolicDataflow::weight_stationary, WeightLoading::double_buffered,
     false},
    {"os-drain", SystolicDataflow::output_stationary, WeightLoading::serial, true},
    {"os-multiply", SystolicDataflow::output_stationary, WeightLoading::serial, false},
};

/// One layer whose pixels are vectors: a 1x1 convolution that passes its sums out.
Layer random_product(Random& random) {
  Layer layer;
  layer.name = "product";
  layer.kernel = layer.stride = 1;
  layer.input = {1, uniform(random, 1, 9), uniform(random, 1, 12)};
  layer.output = {1, layer.input.width, uniform(random, 1, 9)};
  layer.input_format = layer.weight_format = full_format(8);
  layer.accumulator_output = true;
  for (int i = 0; i < layer.rows() * layer.columns(); ++i) {
    layer.weights.push_back(static_cast<int8_t>(uniform(random, -128, 127)));
  }
  return layer;
}

/// A kind of site, and the register that it is in the ticked array.
struct Site {
  SiteKind kind;
  ticked::Register where;
};
std::vector<Site> sites() {
  const SystolicKinds& k = systolic_kinds();
  using R = ticked::Register;
  return {{k.a, R::a},
          {k.b, R::b},
          {k.d, R::d},
          {k.w0, R::w0},
          {k.w1, R::w1},
          {k.valid, R::valid},
          {k.propagate, R::propagate},
          {k.product, R::product}};
}

}  // namespace

TEST_CASE(
    "the core gives what the ticked array gives, with several faults, and with late weights") {
  int64_t wrong = 0;
  int64_t waited = 0;
  int64_t seen[8] = {};
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    Random random(seed);
    const Way& way = ways[seed % std::size(ways)];
    const Layer layer = random_product(random);
    SystolicArray array;
    array.rows = uniform(random, 1, 5);
    array.columns = uniform(random, 1, 5);
    array.dataflow = way.dataflow;
    array.loading = way.loading;
    array.drains = way.drains;
    array.mapping = SystolicMapping::im2col;
    array.layers = {0};
    const Gemm gemm{layer.output.pixels(), layer.columns(), layer.rows()};
    // Weights of some tiles come late; those of all tiles of some products in time.
    std::vector<int64_t> ready;
    std::vector<TileTimes> times;
    TileClock clock(array, gemm);
    const bool late = uniform(random, 0, 1) == 0;
    for (int t = 0; t < tiles_of(array, SystolicMap(array, layer), gemm.m); ++t) {
      const int64_t before = times.empty() ? 0 : times.back().start;
      ready.push_back(late ? before + uniform(random, 0, 40) : 0);
      times.push_back(clock.next(ready.back()));
    }
    waited += clock.waited() > 0 ? 1 : 0;
    const int64_t cycles =
        parse_schedule(way.name, "test").cycles(gemm, {array.rows, array.columns}).total() +
        clock.waited();

    Matrix a(static_cast<int>(gemm.m), static_cast<int>(gemm.k));
    for (auto& value : a.values) value = uniform(random, -128, 127);
    Matrix b(static_cast<int>(gemm.k), static_cast<int>(gemm.n));
    for (int n = 0; n < b.columns; ++n) {
      for (int k = 0; k < b.rows; ++k) b.at(k, n) = layer.weight_row(n)[k];
    }
    ArrayCore core(array, layer);
    std::vector<RegisterFault> faults;
    std::string text;
    bool valid = false;
    const int count = uniform(random, 1, 5);
    for (int i = 0; i < count; ++i) {
      const Site site = sites()[static_cast<size_t>(uniform(random, 0, 7))];
      const bool flag =
          site.where == ticked::Register::valid || site.where == ticked::Register::propagate;
      const bool is_valid = site.where == ticked::Register::valid;
      if (is_valid && valid) continue;  // two of them have no exact effect, and are refused
      valid |= is_valid;
      const int bit = flag ? 0 : uniform(random, 0, 7);
      Fault fault =
          systolic_fault(site.kind, array, uniform(random, 0, array.rows - 1),
                         uniform(random, 0, array.columns - 1), bit, uniform(random, 0, 1));
      RegisterFault broken{site.where, fault.coordinates[0], fault.coordinates[1]};
      if (uniform(random, 0, 1) == 0) {
        fault.value = 0;
        fault.flip_cycle = std::uniform_int_distribution<int64_t>(0, cycles - 1)(random);
        broken.flip = 1u << bit;
        broken.flip_cycle = fault.flip_cycle;
      } else {
        broken.keep = ~(1u << bit);
        broken.set = fault.value != 0 ? 1u << bit : 0;
      }
      const bool taken = std::any_of(faults.begin(), faults.end(), [&](const auto& f) {
        return f.where == broken.where && f.row == broken.row && f.column == broken.column;
      });
      if (taken) continue;
      text += " " + name(fault);
      faults.push_back(broken);
      core.arm(fault);
    }
    TickedArray other(array.rows, array.columns, {}, faults);
    const auto expected =
        array.weights_stay()
            ? other.weight_stationary(a, b, static_cast<Loading>(array.loading), ready)
            : other.output_stationary(a, b, array.drains, ready);
    REQUIRE(expected.cycles == cycles);
    Tensor output{layer.output, std::vector<int32_t>(static_cast<size_t>(layer.output.size()))};
    core.compute({0, gemm, {}, 0}, 0, times, {layer.input, a.values}, output);
    INFO("seed " << seed << " " << way.name << " R " << array.rows << " C " << array.columns
                 << " M " << gemm.m << " K " << gemm.k << " N " << gemm.n << text);
    REQUIRE(output.values == expected.outputs.values);
    int64_t differs = 0;
    for (int m = 0; m < a.rows; ++m) {
      for (int n = 0; n < b.columns; ++n) {
        int32_t sum = 0;
        for (int k = 0; k < a.columns; ++k) sum += a.at(m, k) * b.at(k, n);
        differs += sum != output.at(0, m, n) ? 1 : 0;
      }
    }
    wrong += differs > 0 ? 1 : 0;
    if (faults.size() == 1 && differs > 0) ++seen[static_cast<size_t>(faults.front().where)];
  }
  CHECK(wrong > 500);
  CHECK(waited > 500);
  for (const int64_t count : seen) CHECK(count > 0);
}
