// Descriptions of dataflow accelerators: built-ins, generated foldings, JSON, placement.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "models/dataflow/chain.h"
#include "models/dataflow/finn_folding.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/sliding_window.h"
#include "models/dataflow/timing.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/shared_data.h"
#include "workloads/errors.h"
#include "workloads/json_file.h"
#include "workloads/sanitized.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::dataflow;

namespace {

std::vector<int64_t> cycles_of(const DataflowAccelerator& accelerator, const Network& network) {
  std::vector<int64_t> cycles;
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    if (network.layers[static_cast<size_t>(i)].has_weights()) {
      cycles.push_back(mvtu_cycles(accelerator, network, i));
    }
  }
  return cycles;
}

const char* const small_json = R"({
  "name": "small", "discipline": "flushing", "latency": {"mvtu": 3},
  "layers": [
    {"layer": "layer0", "pe": 16, "simd": 28, "out_depth": 4},
    {"layer": "layer1", "pe": 4, "simd": 8},
    {"layer": "layer2", "pe": 4, "simd": 8},
    {"layer": "layer3", "pe": 5, "simd": 8, "accumulator_bits": 16}]})";

std::string message_of(const std::string& json) {
  return test::refusal(
      [&] { dataflow_from_json(json, "file.json", "file", zoo_network("tfc-w1a1")); });
}

std::string with(const std::string& from, const std::string& to) {
  std::string json = small_json;
  const size_t at = json.find(from);
  REQUIRE(at != std::string::npos);
  return json.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("built_in_foldings_have_the_published_cycles") {
  const std::vector<int64_t> w1 = {32400, 28224, 20736, 28800, 20736, 18432, 32768, 32768, 8192};
  const std::vector<int64_t> w2 = {64800, 112896, 82944, 115200, 82944, 73728, 65536, 65536, 8192};
  const std::vector<int64_t> lfc = {416, 512, 512, 512};
  const struct {
    const char* network;
    const char* name;
    std::vector<int64_t> cycles;
  } rows[] = {{"cnv-w1a1", "bnn-pynq-cnv-w1a1", w1},
              {"cnv-w1a2", "bnn-pynq-cnv-w1a2", w1},
              {"cnv-w2a2", "bnn-pynq-cnv-w2a2", w2},
              {"lfc-w1a1", "bnn-pynq-lfc-w1a1", lfc}};
  for (const auto& row : rows) {
    INFO(row.name);
    const Network network = zoo_network(row.network);
    CHECK(cycles_of(parse_dataflow(row.name, network), network) == row.cycles);
  }
}

TEST_CASE("a_narrower_network_gets_divisors_of_the_published_folding") {
  const Network network = zoo_network("cnv-w1a1", {0.375, 1, 43});
  const auto accelerator = built_in_dataflow("bnn-pynq-cnv-w1a1", network);
  CHECK(accelerator.layers[0].pe == 12);   // of 24 rows, at most 16
  CHECK(accelerator.layers[0].simd == 1);  // of 1 channel, at most 3
  CHECK(accelerator.layers[1].simd == 24);
  CHECK(padded_rows(accelerator, network, static_cast<int>(network.layers.size()) - 1) == 64);
}

TEST_CASE("generated_foldings_meet_their_target_where_one_does") {
  for (const std::string& name : zoo_names()) {
    INFO(name);
    const Network network = zoo_network(name, {0.25, 0, 10});
    if (!supports(capabilities(), network)) continue;  // refused by name (tests/agree)
    // Reading the windows of a photograph takes 55 * 55 * 12 * 12 cycles.
    const int64_t target = network.input().height == 224 ? 440000 : 30000;
    const auto accelerator = auto_dataflow(network, target);
    const Chain chain = build_chain(accelerator, network);
    const auto programs = part_programs(chain, accelerator, network);
    for (size_t i = 0; i < programs.size(); ++i) {
      INFO(chain.stages[i].name);
      CHECK(steps_per_image(programs[i]) <= target);
    }
  }
}

TEST_CASE("the_stream_chain_of_cnv_is_that_of_the_published_accelerator") {
  const Network network = zoo_network("cnv-w1a1");
  const Chain chain = build_chain(built_in_dataflow("bnn-pynq-cnv-w1a1", network), network);
  const struct {
    const char* name;
    int word_bits;
    int depth;
    int64_t words;
  } rows[] = {{"input/memory_words", 64, 2, 384}, {"input/converter_words", 192, 2, 128},
              {"input", 24, 128, 1024},           {"layer0/windows", 24, 2, 8100},
              {"layer0/out", 64, 128, 900},       {"layer1/out", 64, 2, 784},
              {"pool0/out", 64, 128, 196},        {"layer2/out", 128, 128, 144},
              {"layer3/out", 128, 2, 100},        {"pool1/out", 128, 81, 25},
              {"layer4/out", 256, 1, 9},          {"layer5/out", 256, 1, 1},
              {"layer6/out", 64, 128, 8},         {"layer7/out", 64, 3, 8}};
  for (const auto& row : rows) {
    INFO(row.name);
    const auto found = std::find_if(chain.streams.begin(), chain.streams.end(),
                                    [&](const StreamSpec& s) { return s.name == row.name; });
    REQUIRE(found != chain.streams.end());
    CHECK(found->word_bits() == row.word_bits);
    CHECK(found->depth == row.depth);
    CHECK(found->words_per_image == row.words);
  }
}

TEST_CASE("placements_of_random_accelerators_are_valid") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const auto accelerator = test::random_timed_dataflow(random, network);
    REQUIRE_NOTHROW(validate(accelerator, network));
    const Placement placement = place(accelerator, network);
    REQUIRE_NOTHROW(validate(placement, network));
  }
}

TEST_CASE("json_is_read_back_as_it_was_written") {
  const Network network = zoo_network("tfc-w1a1");
  const auto accelerator = dataflow_from_json(small_json, "file.json", "file", network);
  CHECK(accelerator.name == "small");
  CHECK(accelerator.layers[0].out_depth == 4);
  CHECK(accelerator.latency.mvtu == 3);
  const std::string text = to_json(accelerator, network);
  CHECK(dataflow_from_json(text, "again", "again", network) == accelerator);
  for (const char* name : {"cnv-w1a1", "cnv-w2a2"}) {
    const Network cnv = zoo_network(name);
    const auto built_in = built_in_dataflow(std::string("bnn-pynq-") + name, cnv);
    CHECK(dataflow_from_json(to_json(built_in, cnv), "again", "again", cnv) == built_in);
  }
}

TEST_CASE("bad_descriptions_are_refused_with_what_was_expected") {
  CHECK(message_of(small_json) == "accepted");
  const struct {
    std::string json;
    const char* expected;
  } rows[] = {
      {"{", "no JSON"},
      {"[]", "object"},
      {"{}", "layers"},
      {with("\"name\"", "\"nmae\""), "did you mean 'name'"},
      {with("\"mvtu\"", "\"mvut\""), "did you mean 'mvtu'"},
      {with("\"out_depth\"", "\"outdepth\""), "did you mean 'out_depth'"},
      {with("\"layer\": \"layer3\"", "\"layer\": \"layer4\""), "unknown layer"},
      {with("\"layer\": \"layer3\"", "\"layer\": \"layer2\""), "twice"},
      {with("\"pe\": 16", "\"pe\": 15"), "a divisor of its 64 rows"},
      {with("\"pe\": 16", "\"pe\": 0"), "PE 0"},
      {with("\"pe\": 16", "\"pe\": 1e99"), "an integer"},
      {with("\"pe\": 16", "\"pe\": 99999999999999999999"), "an integer"},
      {with("\"pe\": 16", "\"pe\": -9223372036854775808"), "an integer"},
      {with("\"pe\": 16", "\"pe\": \"16\""), "an integer"},
      {with("\"pe\": 16, ", ""), "pe and simd"},
      {with("\"out_depth\": 4", "\"out_depth\": -1"), "'out_depth' is -1"},
      {with("\"mvtu\": 3", "\"mvtu\": 0"), "latency 0"},
      {with("\"flushing\"", "\"sometimes\""), "stalling"},
      {with("\"discipline\"", "\"sliding_window\""), "\"hls\" or \"rtl\" or \"parallel\""},
      {with("\"accumulator_bits\": 16", "\"accumulator_bits\": 2"), "accumulator_bits 2"},
      {with("\"accumulator_bits\": 16", "\"padded_rows\": 9"), "padded_rows 9"},
  };
  for (const auto& row : rows) {
    INFO(row.json);
    CHECK_THAT(message_of(row.json), Catch::Contains(row.expected));
  }
  CHECK_THROWS_AS(parse_dataflow("bnn-pynq-cnv-w1a1", zoo_network("tfc-w1a1")), InputError);
  CHECK_THROWS_AS(parse_dataflow("auto:fast", zoo_network("tfc-w1a1")), InputError);
  CHECK_THROWS_AS(parse_dataflow("none.json", zoo_network("tfc-w1a1")), InputError);
}

TEST_CASE("truncated_descriptions_are_refused_or_complete") {
  const std::string whole = small_json;
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK(message_of(whole.substr(0, size)) != "");
  }
}

TEST_CASE("finn_folding_configurations_are_read_as_they_are") {
  const std::string path = test::shared_data("finn-folding/cnv-w1a1_folding_config.json");
  const Network network = zoo_network("cnv-w1a1");
  const auto accelerator = parse_dataflow(path, network);
  const std::vector<int64_t> cycles = {32400, 28224, 20736, 28800, 20736,
                                       18432, 32768, 32768, 1024};
  CHECK(cycles_of(accelerator, network) == cycles);
  // ConvolutionInputGenerator_rtl_*
  CHECK(accelerator.layers.front().parts.sliding_window == WindowVersion::rtl);
  CHECK(accelerator.discipline == Discipline::flushing);
}

TEST_CASE("finn_pools_with_windows_that_overlap_have_a_window_node_in_front") {
  const Network network = zoo_network("dorefa-w1a2", {.width = 1.0 / 32, .input_side = 64});
  const auto json = [](int windows) {
    std::string text = R"({"Defaults": {})";
    const auto add = [&](const std::string& node, int number, const std::string& values) {
      text += ", \"" + node + "_hls_" + std::to_string(number) + "\": {" + values + "}";
    };
    for (int i = 0; i < 8; ++i) add("MVAU", i, R"("PE": 1, "SIMD": 1)");
    for (int i = 0; i < windows; ++i) {
      add("ConvolutionInputGenerator", i,
          R"("SIMD": 1, "outFIFODepth": )" + std::to_string(10 + i));
    }
    for (int i = 0; i < 3; ++i) add("Pool", i, R"("PE": 1)");
    return text + "}";
  };
  const auto a = dataflow_from_json(json(8), "file.json", "finn", network);
  // Convolution, convolution, pool, convolution, pool, convolution, convolution, pool.
  const std::vector<int> depths = {10, 11, 12, 13, 14, 15, 16, 17};
  for (size_t i = 0; i < depths.size(); ++i) CHECK(a.layers[i].inner_depth == depths[i]);
  CHECK_THROWS_WITH(dataflow_from_json(json(5), "file.json", "finn", network),
                    Catch::Contains("5 nodes"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = json(8);
    text.replace(text.find(from), from.size(), to);
    return test::refusal([&] { dataflow_from_json(text, "file.json", "finn", network); });
  };
  CHECK_THAT(with("Generator_hls_3", "Generator_hls_9"), Catch::Contains("N from 0 on"));
  CHECK_THAT(with(R"("outFIFODepth": 12)", R"("parallel_window": 1)"),
             Catch::Contains("a window in RTL"));
}

// SIMD and PE of FINN's cnv-w2a2_folding_config_AUP-ZU3_8GB.json: MVAUs that take several pixels of
// a window at once, and 2x2 pools built as Pool with a window of its own.
TEST_CASE("finn_arrays_may_be_wider_than_the_words_of_their_windows") {
  const Network network = zoo_network("cnv-w2a2");
  const struct {
    const char* node;
    int number, pe, simd;
  } rows[] = {{"ConvolutionInputGenerator_rtl", 0, 0, 1},
              {"MVAU_hls", 0, 2, 27},
              {"ConvolutionInputGenerator_rtl", 1, 0, 16},
              {"MVAU_hls", 1, 4, 288},
              {"ConvolutionInputGenerator_rtl", 2, 0, 2},
              {"Pool_hls", 0, 2, 0},
              {"ConvolutionInputGenerator_rtl", 3, 0, 4},
              {"MVAU_hls", 2, 1, 576},
              {"ConvolutionInputGenerator_rtl", 4, 0, 4},
              {"MVAU_hls", 3, 1, 576},
              {"ConvolutionInputGenerator_rtl", 5, 0, 1},
              {"Pool_hls", 1, 1, 0},
              {"ConvolutionInputGenerator_rtl", 6, 0, 1},
              {"MVAU_hls", 4, 1, 96},
              {"ConvolutionInputGenerator_rtl", 7, 0, 1},
              {"MVAU_hls", 5, 1, 18},
              {"MVAU_hls", 6, 1, 4},
              {"MVAU_hls", 7, 1, 8},
              {"MVAU_hls", 8, 1, 1}};
  const auto json = [&](const char* pool, int pool_pe) {
    std::string text = R"({"Defaults": {}, "Thresholding_rtl_0": {"PE": 1})";
    for (const auto& row : rows) {
      const bool pools = std::string(row.node) == "Pool_hls";
      text += std::string(", \"") + (pools ? pool : row.node) + "_" + std::to_string(row.number) +
              "\": {";
      if (row.pe > 0) text += "\"PE\": " + std::to_string(pools ? pool_pe * row.pe : row.pe);
      if (row.pe > 0 && row.simd > 0) text += ", ";
      if (row.simd > 0) text += "\"SIMD\": " + std::to_string(row.simd);
      text += "}";
    }
    return text + "}";
  };
  const auto a = dataflow_from_json(json("Pool_hls", 1), "file.json", "finn", network);
  const Chain chain = build_chain(a, network);
  const auto lanes_of = [&](const std::string& name) {
    for (const StreamSpec& s : chain.streams) {
      if (s.name == name) return s.lanes;
    }
    return 0;
  };
  CHECK(lanes_of("layer1/windows") == 16);
  CHECK(lanes_of("layer1/columns") == 288);
  CHECK(lanes_of("layer4/columns") == 96);
  CHECK(lanes_of("pool0/channels") == 2);
  CHECK(lanes_of("pool0/windows") == 2);
  const std::vector<int64_t> cycles = {28800, 25088, 18432, 25600, 27648,
                                       32768, 32768, 32768, 5120};
  CHECK(cycles_of(a, network) == cycles);
  CHECK(dataflow_from_json(to_json(a, network), "again", "again", network) == a);
  CHECK(steady_interval(network, a).per_image() >= 32768);
  const auto refused = [&](const std::string& text) {
    return test::refusal([&] { dataflow_from_json(text, "file.json", "finn", network); });
  };
  CHECK_THAT(refused(json("Pool_hls", 2)), Catch::Contains("PE of Pool_hls_0"));
  CHECK_THAT(refused(json("StreamingMaxPool_hls", 1)), Catch::Contains("8 nodes with a window"));
  std::string thresholds = json("Pool_hls", 1);
  thresholds.insert(thresholds.find(", \"Pool_hls_0"), R"(, "Thresholding_rtl_1": {"PE": 1})");
  CHECK_THAT(refused(thresholds), Catch::Contains("2 nodes Thresholding"));
}

namespace {

/// A folding of TFC whose first `rtl` MVAUs are in RTL, with the thresholds that belong to them; in
/// the order of the data, or sorted by name.
std::string rtl_tfc(int rtl, bool sorted, int thresholds = -1) {
  std::vector<std::pair<std::string, std::string>> nodes;
  int hls = 0, standing = 0;
  const std::string simd[] = {"49", "8", "8", "8"}, pe[] = {"16", "8", "8", "10"};
  const auto threshold = [&](const std::string& lanes) {
    nodes.emplace_back("Thresholding_rtl_" + std::to_string(standing++), R"("PE": )" + lanes);
  };
  threshold("49");
  for (int i = 0; i < 4; ++i) {
    const bool is_rtl = i < rtl;
    nodes.emplace_back(
        "MVAU_" + (is_rtl ? "rtl_" + std::to_string(i) : "hls_" + std::to_string(hls++)),
        R"("PE": )" + pe[i] + R"(, "SIMD": )" + simd[i]);
    if (is_rtl && i < 3 && thresholds < 0) threshold("4");
  }
  if (sorted) std::sort(nodes.begin(), nodes.end());
  std::string text = R"({"Defaults": {})";
  for (const auto& [name, values] : nodes) text += ", \"" + name + "\": {" + values + "}";
  return text + "}";
}

}  // namespace

TEST_CASE("finn_files_are_applied_by_name") {
  const Network network = zoo_network("tfc-w1a1");
  const auto read = [&](const std::string& text) {
    return dataflow_from_json(text, "file.json", "finn", network);
  };
  const auto refused = [&](const std::string& text) { return test::refusal([&] { read(text); }); };
  const DataflowAccelerator all = read(rtl_tfc(4, false));
  CHECK(read(rtl_tfc(4, true)) == all);
  CHECK(all.layers[0].parts.mvtu == Backend::rtl);
  CHECK(all.layers[3].parts.mvtu == Backend::rtl);
  CHECK(all.layers[0].threshold_pe == 4);
  CHECK(dataflow_from_json(to_json(all, network), "again", "again", network) == all);
  // Two types of MVAUs, each of which counts on its own.
  CHECK(read(rtl_tfc(2, false)).layers[1].parts.mvtu == Backend::rtl);
  CHECK(read(rtl_tfc(2, false)).layers[2].parts.mvtu == Backend::hls);
  CHECK_THAT(refused(rtl_tfc(2, true)), Catch::Contains("the entries are sorted"));
  CHECK_THAT(refused(rtl_tfc(3, false, 0)), Catch::Contains("1 nodes Thresholding"));
  // Of another network: PE or SIMD divide nothing, or nodes are of what no layer is.
  std::string other = rtl_tfc(4, false);
  other.replace(other.find("\"SIMD\": 49"), 10, "\"SIMD\": 10");
  CHECK_THAT(refused(other), Catch::Contains("784 columns"));
  other = rtl_tfc(4, false);
  other.insert(other.find("\"MVAU_rtl_0"), R"("VVAU_hls_0": {"PE": 1}, )");
  CHECK_THAT(refused(other), Catch::Contains("VVAU_hls_0"));
  CHECK_THAT(refused(R"({"Defaults": {}, "MVAU_0": {"preferred_impl_style": "rtl"}})"),
             Catch::Contains("specialize_layers"));
}

TEST_CASE("finn_files_of_backends_say_how_nodes_of_two_types_follow_each_other") {
  const Network network = zoo_network("tfc-w1a1");
  const auto read = [&](const std::string& folding, const std::string& backends) {
    return dataflow_from_json(folding, "file.json", "finn", network, backends);
  };
  const auto styles = [](std::vector<const char*> of_arrays) {
    std::string text = R"({"Defaults": {}, "Thresholding_0": {"preferred_impl_style": "rtl"})";
    for (size_t i = 0; i < of_arrays.size(); ++i) {
      text += ", \"MVAU_" + std::to_string(i) + R"(": {"preferred_impl_style": ")" + of_arrays[i] +
              "\"}";
    }
    return text + "}";
  };
  // Two in RTL, then two from HLS, in entries that are sorted.
  const std::string folding = R"({"Defaults": {}, "MVAU_hls_0": {"PE": 4, "SIMD": 4},
      "MVAU_hls_1": {"PE": 1, "SIMD": 8}, "MVAU_rtl_0": {"PE": 16, "SIMD": 49},
      "Thresholding_rtl_0": {"PE": 1}})";
  const auto refused = [&](const std::string& backends) {
    return test::refusal([&] { read(folding, backends); });
  };
  CHECK_THAT(refused(styles({"hls", "hls", "hls", "rtl"})), Catch::Contains("3 nodes MVAU_N"));
  CHECK_THAT(refused(styles({"hls", "hls"})), Catch::Contains("'MVAU_rtl_0'"));
  CHECK_THAT(refused(R"({"MVAU_0": {"PE": 3}})"), Catch::Contains("two files"));
  std::string four = folding;
  four.replace(four.find("\"MVAU_rtl_0"), 0, R"("MVAU_hls_2": {"PE": 10, "SIMD": 2}, )");
  const auto a = read(four, styles({"rtl", "hls", "hls", "hls"}));
  CHECK(a.layers[0].parts.mvtu == Backend::rtl);
  CHECK(a.layers[0].simd == 49);
  CHECK(a.layers[1].pe == 4);
  CHECK(a.layers[3].pe == 10);
  const auto same = test::refusal([&] { read(four, {}); });
  CHECK_THAT(same, Catch::Contains("the entries are sorted"));
}

namespace {

/// Keyword spotting as finn-examples has it: dense layers on 490 features.
Network keyword_spotting() {
  test::Random random(1);
  const NumberFormat three_bits = signed_format(3);
  Network words;
  int columns = 490;
  for (const int rows : {256, 256, 256, 12}) {
    words.add(test::random_layer(random, LayerKind::dense, {1, 1, columns}, three_bits, three_bits,
                                 three_bits, 1, 1, 0, rows,
                                 "layer" + std::to_string(words.layers.size()), rows == 12));
    columns = rows;
  }
  return words;
}

/// A first layer like that of VGG10 on radio signals: windows of 1x3.
Network radio_signals() {
  test::Random random(1);
  const NumberFormat two_bits = signed_format(2);
  Layer layer;
  layer.name = "layer0";
  layer.kernel = Extent(1, 3);
  layer.stride = Extent(1);
  layer.padding = Padding(0, 1, 0, 1);
  layer.input = {1, 64, 2};
  layer.output.channels = 64;
  layer.output = layer.kind->output(layer, layer.name);
  layer.input_format = layer.weight_format = layer.output_format = two_bits;
  test::fill_parameters(layer, random);
  Network network;
  const Shape flat{1, 1, layer.output.size()};
  network.add(layer);
  network.add(test::random_layer(random, LayerKind::dense, flat, two_bits, two_bits, two_bits, 1, 1,
                                 0, 24, "layer1", true));
  return network;
}

Network network_of_file(const std::string& name) {
  if (name == "kws") return keyword_spotting();
  if (name == "radioml") return radio_signals();
  return name == "gtsrb" ? zoo_network("cnv-w1a1", {.classes = 43}) : zoo_network(name);
}

/// Node PREFIX*_`number` of a file whose nodes are in the order of the data.
const Json& node_of(const Json& file, const std::string& prefix, size_t number) {
  for (const auto& [name, values] : file.items()) {
    if (name.rfind(prefix, 0) == 0 && number-- == 0) return values;
  }
  FAIL("no such node " << prefix);
  return file;
}

/// PE and SIMD of every node are those of the layer.
void require_complete(const DataflowAccelerator& a, const Network& network, const Json& file) {
  std::string matrix = "MVAU";
  for (const char* other : {"StreamingFCLayer", "MatrixVectorActivation"}) {
    for (const auto& [name, values] : file.items()) {
      if (name.rfind(other, 0) == 0) matrix = other;
    }
  }
  size_t arrays = 0, windows = 0;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (!network.layers[i].has_weights()) continue;
    const Json& node = node_of(file, matrix, arrays++);
    REQUIRE(a.layers[i].pe == node["PE"]);
    REQUIRE(a.layers[i].simd == node["SIMD"]);
    if (network.layers[i].is_flat()) continue;
    REQUIRE(a.layers[i].window_simd ==
            node_of(file, "ConvolutionInputGenerator", windows++)["SIMD"]);
  }
}

/// A file of data/finn-folding, a network to read it for, and what a refusal says; nothing: it is
/// read. "+FILE": with its file of backends.
struct FinnFileRow {
  std::string path, network;
  const char* refusal = nullptr;
};

std::vector<FinnFileRow> finn_file_rows() {
  const std::string examples = "finn-examples/", board = "_folding_config.json";
  std::vector<FinnFileRow> rows = {
      {"cnv-w1a1_folding_config.json", "cnv-w1a1"},
      {"finn/notebooks/advanced/cnv-w2a2_folding_config.json", "cnv-w2a2"},
      {"finn/tutorials/fpga_flow/folding_config.json", "tfc-w1a1"},
      // Weights from outside are always there (docs/accuracy-of-timing.md).
      {"finn/src/finn/qnn-data/test_ext_weights/tfc-w2a2-extw.json", "tfc-w2a2"},
      {"finn/src/finn/qnn-data/build_dataflow/folding_config.json", "tfc-w1a1",
       "unknown node 'MVA_hls_3'"},
      {"finn/src/finn/qnn-data/build_dataflow/specialize_layers_config.json", "tfc-w1a1",
       "a file of backends alone"},
      {"finn/src/finn/qnn-data/build_dataflow/dataflow_build_config.json", "tfc-w1a1",
       "'output_dir'"},
      {"tiny_results_v0.7/RN07_max_depth_rf16384.json", "tfc-w1a1", "an object"},
      {examples + "gtsrb/folding_config/gtsrb_folding_config.json", "gtsrb"},
      {examples + "gtsrb/specialize_layers_config/gtsrb_specialize_layers.json", "gtsrb"},
      {examples + "kws/folding_config/kws_folding_config.json", "kws"},
      {examples + "kws/specialize_layers_config/kws_specialize_layers.json", "kws"},
      {examples + "vgg10-radioml/folding_config/ZCU104_folding_config.json", "radioml",
       "layer 'layer0' has a kernel, stride or padding that differs by axis"},
      {examples + "vgg10-radioml/specialize_layers_config/ZCU104_specialize_layers.json", "radioml",
       "layer 'layer0' has a kernel, stride or padding that differs by axis"},
      {examples + "resnet50/folding_config/U250_folding_config.json", "cnv-w1a1",
       "node 'DuplicateStreams_hls_0' is a fork of a stream"},
      {examples + "resnet50/specialize_layers_config/U250_specialize_layers.json", "cnv-w1a1",
       "node 'DuplicateStreams_0' is a fork of a stream"},
      {examples + "resnet50/floorplan_resnet50.json", "cnv-w1a1",
       "node 'StreamingFIFO_rtl_0' without depth"},
  };
  for (const std::string name :
       {"cnv-w1a1", "cnv-w1a2", "cnv-w2a2", "tfc-w1a1", "tfc-w1a2", "tfc-w2a2"}) {
    rows.push_back({examples + "bnn-pynq/folding_config/" + name + board, name});
    rows.push_back(
        {examples + "bnn-pynq/specialize_layers_config/" + name + "_specialize_layers.json", name});
    for (const std::string of : {"arty-a7-100t/", "pynq-z2/"}) {
      rows.push_back({"tiny_results_v0.7/CNV-W1A1/" + of + name + board, name});
    }
  }
  for (const std::string of : {"U250", "ZCU102", "ZCU104"}) {
    const std::string folder = examples + "mobilenet-v1/";
    rows.push_back({folder + "folding_config/" + of + board, "cnv-w1a1",
                    "node 'VVAU_hls_0' is a depthwise convolution"});
    rows.push_back({folder + "specialize_layers_config/" + of + "_specialize_layers.json",
                    "cnv-w1a1", "node 'VVAU_0' is a depthwise convolution"});
  }
  return rows;
}

/// A file of backends goes with the folding of its name.
std::string folding_of(std::string path) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    if (const size_t at = path.rfind(from); at != std::string::npos) {
      path.replace(at, from.size(), to);
    }
  };
  replace("specialize_layers_config/", "folding_config/");
  replace("specialize_layers.json", "folding_config.json");
  return path;
}

}  // namespace

TEST_CASE("every_file_of_finn_at_hand_is_read_completely_or_refused_for_what_it_has") {
  const std::filesystem::path folder = test::shared_data("finn-folding");
  std::set<std::string> unknown;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.path().extension() == ".json") {
      unknown.insert(std::filesystem::relative(file.path(), folder).string());
    }
  }
  int number = 0;
  for (const FinnFileRow& row : finn_file_rows()) {
    INFO(row.path);
    CHECK(unknown.erase(row.path) == 1);
    if (sanitized && number++ % 4 != 0) continue;
    const Network network = network_of_file(row.network);
    const bool backends = row.path.find("/specialize_layers_config/") != std::string::npos;
    const std::string folding = (folder / folding_of(row.path)).string();
    const std::string both = folding + "+" + (folder / row.path).string();
    DataflowAccelerator a;
    const std::string refusal =
        test::refusal([&] { a = parse_dataflow(backends ? both : folding, network); });
    if (row.refusal != nullptr) {
      CHECK_THAT(refusal, Catch::Contains(row.refusal));
      continue;
    }
    REQUIRE(refusal == "accepted");
    require_complete(a, network, read_json_file(folding));
    // They say what the folding's names say, too.
    if (backends) CHECK(a == parse_dataflow(folding, network));
    CHECK(dataflow_from_json(to_finn_folding(a, network), "again", a.name, network) == a);
  }
  CHECK(unknown == std::set<std::string>());
}

TEST_CASE("folding_files_of_finn_examples_have_their_cycles_and_rows") {
  const std::string folder = test::shared_data("finn-folding/finn-examples");
  // The 43 classes of GTSRB are padded to a multiple of PE.
  const Network gtsrb = network_of_file("gtsrb");
  const auto signs =
      parse_dataflow(folder + "/gtsrb/folding_config/gtsrb_folding_config.json", gtsrb);
  CHECK(signs.layers.back().pe == 4);
  CHECK(padded_rows(signs, gtsrb, static_cast<int>(gtsrb.layers.size()) - 1) == 44);
  const Network words = network_of_file("kws");
  CHECK(cycles_of(parse_dataflow(folder + "/kws/folding_config/kws_folding_config.json", words),
                  words) == std::vector<int64_t>{392, 256, 256, 384});
}

// FINN sizes FIFOs when it builds: they hold no part up.
TEST_CASE("finn_files_without_depths_get_fifos_that_hold_no_part_up") {
  const Network network = zoo_network("cnv-w1a1", {.width = 0.25});
  const std::string json = [&] {
    std::string text = R"({"Defaults": {})";
    const int pe[] = {4, 4, 4, 4, 2, 1, 1, 1, 5}, simd[] = {3, 8, 8, 8, 8, 8, 4, 8, 1};
    for (int i = 0; i < 6; ++i) {
      text += ", \"ConvolutionInputGenerator_rtl_" + std::to_string(i) + R"(": {"SIMD": )" +
              std::to_string(simd[i]) + "}";
    }
    for (int i = 0; i < 9; ++i) {
      text += ", \"MVAU_hls_" + std::to_string(i) + R"(": {"PE": )" + std::to_string(pe[i]) +
              R"(, "SIMD": )" + std::to_string(simd[i]) + "}";
    }
    return text + "}";
  }();
  const auto sized = dataflow_from_json(json, "file.json", "finn", network);
  int64_t slowest = 0;
  for (const auto& program : part_programs(build_chain(sized, network), sized, network)) {
    slowest = std::max(slowest, cycles_per_image(program));
  }
  const double interval = steady_interval(network, sized).per_image();
  CHECK(interval >= static_cast<double>(slowest));
  CHECK(interval < 1.02 * static_cast<double>(slowest));
  DataflowAccelerator shallow = sized;
  for (LayerParams& p : shallow.layers) p.out_depth = p.inner_depth = 2;
  CHECK(steady_interval(network, shallow).per_image() > 1.05 * interval);
}

TEST_CASE("finn_streaming_pools_take_whole_pixels") {
  const std::string path = test::shared_data("finn-folding/cnv-w1a1_folding_config.json");
  const Network network = zoo_network("cnv-w1a1");
  const Chain chain = build_chain(parse_dataflow(path, network), network);
  for (size_t i = 0; i < chain.stages.size(); ++i) {
    if (chain.stages[i].kind != StageKind::max_pool) continue;
    const Layer& pool = network.layers[static_cast<size_t>(chain.stages[i].layer)];
    CHECK(chain.streams[i - 1].lanes == pool.input.channels);
  }
}

TEST_CASE("finn_fifo_depths_are_the_greater_of_both_ends") {
  const char* const json = R"({"Defaults": {}, "MVAU_hls_0": {"PE": 16, "SIMD": 28,
    "outFIFODepths": [7]}, "MVAU_hls_1": {"PE": 4, "SIMD": 8, "inFIFODepth": 9},
    "MVAU_hls_2": {"PE": 4, "SIMD": 8}, "MVAU_hls_3": {"PE": 5, "SIMD": 8}})";
  const auto a = dataflow_from_json(json, "file.json", "finn", zoo_network("tfc-w1a1"));
  CHECK(a.layers[0].out_depth == 9);
  CHECK(a.layers[1].out_depth == 2);
  const auto reads = [](const std::string& defaults, const std::string& more) {
    return dataflow_from_json(R"({"Defaults": )" + defaults +
                                  R"(, "StreamingFIFO_rtl_0": {"depth": 3},
        "StreamingFCLayer_Batch_0": {"PE": 16, "SIMD": 28},
        "StreamingFIFO_rtl_1": {"depth": 30}, "StreamingDataWidthConverter_rtl_0": {},
        "StreamingFIFO_rtl_2": {"depth": 20}, "StreamingFIFO_rtl_3": {"depth": 14},
        "MVAU_hls_1": {"PE": 4, "SIMD": 8}, "MVAU_hls_2": {"SIMD": 8)" +
                                  more + R"(},
        "MVAU_hls_3": {"PE": 5, "SIMD": 8}})",
                              "file.json", "finn", zoo_network("tfc-w1a1"));
  };
  const auto b = reads(R"({"outFIFODepths": [[12], ["MVAU_hls"]], "PE": [4, "all"]})", "");
  CHECK(b.discipline == Discipline::stalling);
  CHECK(b.input_depth == 3);
  CHECK(b.layers[0].out_depth == 30);
  CHECK(b.layers[1].inner_depth == 34);
  CHECK(b.layers[0].pe == 16);
  CHECK(b.layers[1].out_depth == 12);
  CHECK(b.layers[2].pe == 4);
  const auto refused = [&](const std::string& defaults, const std::string& more) {
    return test::refusal([&] { reads(defaults, more); });
  };
  CHECK_THAT(refused("{}", ""), Catch::Contains("MVAU_hls_2' without PE"));
  CHECK_THAT(refused("{}", R"(, "PE": 4, "inFIFODepth": -1)"), Catch::Contains("is -1"));
  CHECK_THAT(refused(R"({"PE": 4})", ""), Catch::Contains("Defaults.PE"));
  CHECK_THAT(message_of(R"({"MVAU_hls_0": {"PE": 16, "SIMD": 28}})"), Catch::Contains("1 nodes"));
  CHECK_THAT(refused("{}", R"(, "PE": 4}, "StreamingMaxPool_0": {)"),
             Catch::Contains("1 nodes with a pool"));
  CHECK_THAT(message_of(R"({"MVAU_hls_0": {}, "Convolution_0": {}})"), Catch::Contains("unknown"));
}
