#include <fstream>
#include <sstream>

#include "models/systolic/accelerator.h"
#include "models/systolic/plan.h"
#include "models/systolic/unified_buffer.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::systolic;

namespace {

std::string refusal_of(const std::string& json) {
  return stuckat::test::refusal([&] { systolic_from_json(json, "a.json", "a"); });
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::istringstream row(line); std::getline(row, cell, '|');) {
    cell.erase(0, cell.find_first_not_of(" `"));
    cell.erase(cell.find_last_not_of(" `") + 1);
    cells.push_back(cell);
  }
  return cells;
}

/// Rows of the tables after a line of a page that begins so: the first table.
std::vector<std::vector<std::string>> table_after(const std::string& path,
                                                  const std::string& begin) {
  std::ifstream file(std::string(STUCKAT_SOURCE_DIR) + "/" + path);
  std::vector<std::vector<std::string>> rows;
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    found = found || line.starts_with(begin);
    if (!found) continue;
    if (line.starts_with("| `")) rows.push_back(cells_of(line));
    if (line.empty() && !rows.empty()) break;
  }
  return rows;
}

/// What a network of depthwise layers takes, by hand: a product of one channel for each channel.
int64_t depthwise_cycles(const Network& network, bool by_channel, int64_t side) {
  int64_t cycles = 0;
  for (const Layer& layer : network.layers) {
    if (layer.groups == 1) continue;
    const int64_t places = int64_t{layer.kernel.height} * layer.kernel.width;
    const int64_t tiles = by_channel
                              ? layer.kernel.height * ((layer.kernel.width + side - 1) / side)
                              : (places + side - 1) / side;
    const int64_t pixels = layer.output.pixels();
    const int64_t waits = std::max<int64_t>(side - pixels, 0);
    // Of one product: loading, its tiles' vectors, the skew of 2 * side - 2.
    cycles += layer.groups * (side + tiles * (pixels + waits) + 2 * side - 2);
  }
  return cycles;
}

/// ResNet-8's layers with weights (MLPerf Tiny), as matrix products, and the columns that the
/// mapping by channels cuts into tiles together.
struct Product {
  Gemm gemm;
  int64_t segment;
};
const std::vector<Product> resnet8 = {
    {{1024, 27, 16}, 9},  {{1024, 144, 16}, 16}, {{1024, 144, 16}, 16}, {{256, 144, 32}, 16},
    {{256, 288, 32}, 32}, {{256, 16, 32}, 16},   {{64, 288, 64}, 32},   {{64, 576, 64}, 64},
    {{64, 32, 64}, 32},   {{1, 64, 10}, 64}};

int64_t resnet8_cycles(const std::string& name, bool by_channel, int64_t side) {
  const systolic::Schedule& schedule = parse_schedule(name, "test");
  int64_t cycles = 0;
  for (Product product : resnet8) {
    const int64_t segment = by_channel ? product.segment : product.gemm.k;
    if (schedule.stationary != Stationary::outputs) {
      product.gemm.k = product.gemm.k / segment * ((segment + side - 1) / side) * side;
    }
    cycles += schedule.cycles(product.gemm, {side, side}).total();
  }
  // Each addition reads the branch that was not just made: 16, 32 and 64 channels.
  for (const auto& [pixels, channels] : {std::pair{1024, 16}, {256, 32}, {64, 64}}) {
    cycles += pixels * ((channels + side - 1) / side);
  }
  return cycles;
}

}  // namespace

TEST_CASE("an array is written by its shape, with a schedule and a mapping") {
  const auto plain = parse_systolic("systolic:8x256");
  CHECK(plain.rows == 8);
  CHECK(plain.columns == 256);
  CHECK(plain.name == "8x256");
  CHECK(plain.schedule == "ws-double-buffered");
  const auto other = parse_systolic("systolic:8x4:im2col:os-drain");
  CHECK(other.schedule == "os-drain");
  CHECK(other.mapping == SystolicMapping::im2col);
  CHECK(other.name == "8x4:im2col:os-drain");
  for (const char* wrong : {"systolic:", "systolic:0x4", "systolic:257x4", "systolic:8x4:ws",
                            "systolic:8", "systolic:8xx4", "loopback:8x4"}) {
    INFO(wrong);
    CHECK(stuckat::test::refusal([&] { parse_systolic(wrong); }) != "accepted");
  }
}

TEST_CASE("an accelerator written as JSON reads back, and bad files are refused by key") {
  SystolicAccelerator a = parse_systolic("systolic:5x7:os-drain");
  a.name = "mine";
  a.sum_bits = 20;
  a.accumulator_depth = 9;
  CHECK(systolic_from_json(to_json(a), "a.json", "other") == a);
  a.weight_tiles = 7;
  a.memory = memory::MemoryParams{3, 0, 17, 2};
  CHECK(systolic_from_json(to_json(a), "a.json", "other") == a);
  CHECK_THAT(refusal_of("{\"rows\": 3}"), Catch::Contains("'columns' is missing"));
  CHECK_THAT(refusal_of("{\"rows\": 3, \"columns\": 257}"), Catch::Contains("1 to 256"));
  CHECK_THAT(refusal_of("{\"rows\": 3, \"colums\": 2, \"columns\": 2}"),
             Catch::Contains("did you mean 'columns'"));
  CHECK_THAT(refusal_of("{\"rows\": 3, \"rows\": 3}"), Catch::Contains("twice in one object"));
  CHECK_THAT(refusal_of("{\"rows\": 3, \"columns\": [2]}"),
             Catch::Contains("an integer from 1 to 256"));
  CHECK_THAT(refusal_of("{\"rows\": 3, \"columns\": 2, \"schedule\": \"s5\"}"),
             Catch::Contains("ws-serial"));
  CHECK_THAT(refusal_of("{\"rows\": 3, \"columns\": 2, \"memory\": {\"latency\": 2}}"),
             Catch::Contains("did you mean 'latency_cycles'"));
  CHECK_THAT(refusal_of("[1"), Catch::Contains("JSON"));
}

TEST_CASE("FORMAT.md lists the keys and the defaults that the reader has") {
  const auto rows = table_after("models/systolic/FORMAT.md", "| key |");
  CHECK(rows.size() == 10);
  const std::string defaults = to_json(parse_systolic("systolic:32x32:memory"));
  for (const auto& row : rows) {
    INFO(row[1]);
    CHECK_THAT(defaults, Catch::Contains("\"" + row[1] + "\""));
    const bool has_default = row[4] != "required" && row[4] != "none" && row[1] != "name";
    if (has_default) CHECK_THAT(defaults, Catch::Contains(row[4]));
  }
}

TEST_CASE("widths that do not hold a layer's sums are refused") {
  const Network network = zoo_network("cnv-w1a1");
  SystolicAccelerator a = parse_systolic("systolic:32x32");
  a.sum_bits = 12;
  CHECK_THAT(stuckat::test::refusal([&] { array_of(a, network); }),
             Catch::Contains("a partial sum of 12 bits for layer0"));
  a.sum_bits = 32;
  a.accumulator_bits = 12;
  CHECK_THAT(stuckat::test::refusal([&] { array_of(a, network); }),
             Catch::Contains("an accumulator of 12 bits"));
}

TEST_CASE("a product of more vectors than the memory holds is cut, and pays for it") {
  const Network network = zoo_network("cnv-w1a1");
  SystolicAccelerator a = parse_systolic("systolic:32x32");
  const Plan whole = make_plan(a, network);
  a.accumulator_depth = 500;
  const Plan cut = make_plan(a, network);
  REQUIRE(cut.layers.front().products.size() == 2);
  CHECK(cut.layers.front().products[1].first_pixel == 500);
  CHECK(cut.layers.front().products[1].gemm.m == 400);
  CHECK(cut.image_cycles == whole.image_cycles + 2 * (32 + 62));  // of layer0 and layer1
}

TEST_CASE("docs/systolic.md has the cycles of networks with depthwise layers") {
  const auto rows = table_after("docs/systolic.md", "| network | mapping | layers |");
  REQUIRE(rows.size() == 8);
  const int64_t sides[] = {8, 16, 32, 64, 128, 256};
  for (const auto& row : rows) {
    const Network network = zoo_network(row[1]);
    for (size_t s = 0; s < std::size(sides); ++s) {
      const std::string side = std::to_string(sides[s]);
      INFO(row[1] << " " << row[2] << " " << row[3] << " " << side);
      const auto a = parse_systolic("systolic:" + side + "x" + side + ":" + row[2]);
      const Plan plan = make_plan(a, network);
      int64_t depthwise = 0;
      for (const LayerPlan& layer : plan.layers) {
        if (network.layer(layer.layer).groups > 1) depthwise += layer.cycles.total();
      }
      CHECK(depthwise == depthwise_cycles(network, row[2] == "channel", sides[s]));
      CHECK(std::to_string(row[3] == "all" ? plan.image_cycles : depthwise) == row[4 + s]);
    }
  }
}

TEST_CASE("a residual block keeps its input in the buffer until it is added") {
  // While the second convolution runs: the block's input, its own, and what the addition makes,
  // which is too large for where the image lay.
  CHECK(unified_buffer(zoo_network("resnet-8-w8a8")).bytes == 3 * 32 * 32 * 16 + 32 * 32 * 3);
  const Network network = zoo_network("resnet-8-w8a8");
  const Plan plan = make_plan(parse_systolic("systolic:32x32"), network);
  REQUIRE(plan.reads.size() == 3);
  CHECK(plan.reads[0].cycles == 1024);
  CHECK(plan.reads[2].cycles == 64 * 2);
}

TEST_CASE("docs/systolic.md has the cycles of CNV-W1A1 and ResNet-8 on every array") {
  const Network network = zoo_network("cnv-w1a1");
  const auto cnv = table_after("docs/systolic.md", "CNV-W1A1, one image");
  const Network residual = zoo_network("resnet-8-w8a8");
  const auto resnet = table_after("docs/systolic.md", "ResNet-8 in W8A8");
  REQUIRE(cnv.size() == 10);
  REQUIRE(resnet.size() == 10);
  const int64_t sides[] = {8, 16, 32, 64, 128, 256};
  for (size_t i = 0; i < cnv.size(); ++i) {
    for (size_t s = 0; s < std::size(sides); ++s) {
      const std::string side = std::to_string(sides[s]);
      INFO(cnv[i][1] << " " << cnv[i][2] << " " << side);
      const auto a =
          parse_systolic("systolic:" + side + "x" + side + ":" + cnv[i][1] + ":" + cnv[i][2]);
      CHECK(std::to_string(make_plan(a, network).image_cycles) == cnv[i][3 + s]);
      CHECK(std::to_string(resnet8_cycles(resnet[i][1], resnet[i][2] == "channel", sides[s])) ==
            resnet[i][3 + s]);
      CHECK(std::to_string(make_plan(a, residual).image_cycles) == resnet[i][3 + s]);
    }
  }
}
