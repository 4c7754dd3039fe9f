// Accelerators as FINN's folding_config.json: what is written is read back as the same, or refused.
#include <nlohmann/json.hpp>

#include "models/dataflow/family.h"
#include "models/dataflow/finn_folding.h"
#include "models/dataflow/folding_base.h"
#include "models/dataflow/foldings.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using stuckat::test::uniform;

namespace {

/// Pipelines from HLS that stall, in words that FINN has.
DataflowAccelerator stalling_base(const Network& network) {
  DataflowAccelerator base = finn_base(network, false);
  base.name = "stalling";
  base.discipline = Discipline::stalling;
  for (LayerParams& p : base.layers) p.parts = {};
  return base;
}

DataflowAccelerator random_folding(test::Random& random, const Network& network, int least) {
  DataflowAccelerator a;
  a.name = "random";
  a.input_depth = uniform(random, 1, 9);
  for (const Layer& layer : network.layers) {
    LayerParams p;
    p.out_depth = uniform(random, 0, 11) == 0 ? uniform(random, least, 1) : uniform(random, 2, 9);
    p.inner_depth = uniform(random, 0, 15) == 0 ? uniform(random, least, 1) : uniform(random, 2, 4);
    if (layer.has_weights()) {
      p.pe = test::drawn_divisor(random, layer.rows());
      // Words of whole channels more often than not, so that widths divide each other.
      p.simd = test::drawn_divisor(
          random, uniform(random, 0, 2) > 0 ? layer.input.channels : layer.columns());
    }
    a.layers.push_back(p);
  }
  return a;
}

SimulationResult timed(const DataflowAccelerator& a, const Network& network) {
  return Dataflow(a).time(network, 3);
}

std::string refused(const DataflowAccelerator& a, const Network& network) {
  return test::refusal([&] { to_finn_folding(a, network); });
}

DataflowAccelerator read(const std::string& text, const Network& network,
                         const std::string& name = "a") {
  return dataflow_from_json(text, "a.json", name, network);
}

}  // namespace

TEST_CASE("random foldings are read back with the same cycles, statistics and text") {
  int written = 0, shallow = 0, apart = 0, beside = 0, undivided = 0;
  for (const auto& [name, width] :
       std::vector<std::pair<std::string, double>>{{"cnv-w1a1", 1.0 / 8},
                                                   {"cnv-w2a2", 1.0 / 8},
                                                   {"tfc-w1a1", 1},
                                                   {"tfc-w2a2", 3.0 / 16},
                                                   {"lfc-w1a1", 1.0 / 8},
                                                   {"lfc-w1a2", 1.0 / 8}}) {
    const Network network = zoo_network(name, {.width = width});
    for (const DataflowAccelerator& base :
         {finn_base(network, false), finn_base(network, true), stalling_base(network)}) {
      for (uint64_t seed = 0; seed < 12; ++seed) {
        INFO(name << " built of " << base.name << ", seed " << seed);
        test::Random random(seed);
        const bool stalling = base.discipline == Discipline::stalling;
        DataflowAccelerator a;
        a = built_as(base, random_folding(random, network, stalling ? 1 : 0), network);
        const std::string why = refused(a, network);
        if (why.find("beside a width converter") != std::string::npos) ++beside;
        if (why.find("do not divide") != std::string::npos) ++undivided;
        if (why != "accepted") {
          CHECK_THAT(why, Catch::Contains("beside a width converter") ||
                              Catch::Contains("do not divide") ||
                              Catch::Contains("a FIFO at the end"));
          continue;
        }
        const std::string text = to_finn_folding(a, network);
        const DataflowAccelerator again = read(text, network, a.name);
        const SimulationResult ours = timed(a, network), theirs = timed(again, network);
        REQUIRE(theirs.total_cycles == ours.total_cycles);
        REQUIRE(theirs.interval_cycles == ours.interval_cycles);
        REQUIRE(theirs.modules == ours.modules);
        REQUIRE(theirs.streams == ours.streams);
        REQUIRE(again.discipline == a.discipline);
        REQUIRE(again.input_depth == a.input_depth);
        for (size_t i = 0; i < a.layers.size(); ++i) {
          REQUIRE(again.layers[i].out_depth == a.layers[i].out_depth);
          if (network.layers[i].has_weights()) {
            REQUIRE(again.layers[i].pe == a.layers[i].pe);
            REQUIRE(again.layers[i].simd == a.layers[i].simd);
            REQUIRE(again.layers[i].parts.mvtu == a.layers[i].parts.mvtu);
          }
          shallow += a.layers[i].out_depth < 2;
          apart += text.find("Thresholding_rtl_1") != std::string::npos;
        }
        REQUIRE(to_finn_folding(again, network) == text);
        ++written;
      }
    }
  }
  CHECK(written > 60);
  CHECK(shallow > 5);
  CHECK(apart > 20);
  CHECK(beside > 5);
  CHECK(undivided > 0);
}

TEST_CASE("every folding that explore finds is written, of parts from HLS and in RTL") {
  for (const char* name : {"cnv-w1a1", "cnv-w2a2", "tfc-w1a2", "lfc-w1a1"}) {
    const Network network = zoo_network(name);
    for (const bool rtl : {false, true}) {
      for (const auto& folding : some_foldings(network, 7)) {
        const auto a = built_as(finn_base(network, rtl), folding, network);
        INFO(a.name << " of " << name);
        const auto json = nlohmann::json::parse(to_finn_folding(a, network));
        // The inputs of a CNV have 8 bits, those of the others one: no XNOR in RTL.
        const std::string mvau = rtl && name[0] == 'c' ? "MVAU_rtl_0" : "MVAU_hls_0";
        REQUIRE(json.contains(mvau));
        CHECK(json[mvau]["PE"] == a.layers[0].pe);
        CHECK(json[mvau]["SIMD"] == a.layers[0].simd);
      }
    }
  }
}

TEST_CASE("the nodes are those of FINN, in the order of the data") {
  const Network network = zoo_network("cnv-w2a2", {.width = 0.25});
  const auto names = [&](const DataflowAccelerator& base) {
    const auto a = built_as(base, auto_dataflow(network, 40'000), network);
    const auto json = nlohmann::ordered_json::parse(to_finn_folding(a, network));
    std::vector<std::string> result;
    for (const auto& [key, value] : json.items()) {
      if (key.find("Converter") == std::string::npos) result.push_back(key);
    }
    result.resize(7);
    return result;
  };
  using Names = std::vector<std::string>;
  CHECK(names(finn_base(network, false)) == Names{"Defaults", "ConvolutionInputGenerator_rtl_0",
                                                  "MVAU_hls_0", "ConvolutionInputGenerator_rtl_1",
                                                  "MVAU_hls_1", "StreamingMaxPool_hls_0",
                                                  "ConvolutionInputGenerator_rtl_2"});
  CHECK(names(finn_base(network, true)) ==
        Names{"Defaults", "ConvolutionInputGenerator_rtl_0", "MVAU_rtl_0", "Thresholding_rtl_0",
              "ConvolutionInputGenerator_rtl_1", "MVAU_rtl_1", "Thresholding_rtl_1"});
  CHECK(names(stalling_base(network)) ==
        Names{"Defaults", "ConvolutionInputGenerator_0", "StreamingFCLayer_Batch_0",
              "ConvolutionInputGenerator_1", "StreamingFCLayer_Batch_1", "StreamingMaxPool_Batch_0",
              "ConvolutionInputGenerator_2"});
  // Flushing, all from HLS: as FINN was before it had width converters in RTL.
  DataflowAccelerator flushing = stalling_base(network);
  flushing.discipline = Discipline::flushing;
  CHECK(names(flushing)[2] == "MatrixVectorActivation_0");
  // What quantizes the input is not modelled, and FINN numbers the others after it.
  DataflowAccelerator quantized = finn_base(network, true);
  quantized.quantizer = {"Thresholding_rtl", 3};
  CHECK(names(quantized)[1] == "Thresholding_rtl_0");
  CHECK(names(quantized)[4] == "Thresholding_rtl_1");
}

TEST_CASE("what FINN's file cannot say is refused, by layer and reason") {
  const Network network = zoo_network("cnv-w1a1", {.width = 0.25});
  const auto good = built_as(finn_base(network, false), auto_dataflow(network, 40'000), network);
  CHECK(refused(good, network) == "accepted");
  const auto with = [&](auto&& change) {
    DataflowAccelerator a = good;
    change(a);
    return refused(a, network);
  };
  using A = DataflowAccelerator;
  const struct {
    std::string found;
    const char *layer, *reason;
  } rows[] = {
      {with([](A& a) { a.memory_word_bits = 32; }), "as FINN's folding", "memory_word_bits 32"},
      {with([](A& a) { a.latency.mvtu = 3; }), "'layer0/mvtu'", "another latency"},
      {with([](A& a) { a.layers[1].latency.mvtu = 9; }), "'layer1/mvtu'", "another latency"},
      {with([](A& a) { a.layers[0].accumulator_bits = 24; }), "'layer0'", "accumulator_bits 24"},
      {with([](A& a) { a.layers[0].threshold_bits = 24; }), "'layer0'", "threshold_bits 24"},
      {with([](A& a) { a.layers.back().padded_rows = 64 * a.layers.back().pe; }), "'layer8'",
       "FINN pads no rows"},
      {with([](A& a) {
         a.layers[0].word_bits = 2;
         a.layers[0].pe = 4;
       }),
       "'layer0'", "word_bits 2"},
      {with([](A& a) { a.layers[1].word_bits = 8; }), "'pool0'", "whole pixels"},
      {with([](A& a) { a.discipline = Discipline::stalling; }), "'layer0'", "pipelines that stall"},
      {with([](A& a) { a.layers[1].parts.mvtu = a.layers[1].parts.thresholding = Backend::rtl; }),
       "'layer1'", "binary operands"},
      {with([](A& a) { a.layers[3].parts.thresholding = Backend::rtl; }), "'layer2'",
       "thresholds apart"},
      {with([](A& a) { a.layers[1].inner_depth = 1; }), "'layer1'", "beside a width converter"},
      {with([](A& a) { a.layers.back().out_depth = 0; }), "'layer8'", "a FIFO at the end"},
      {with([](A& a) { a.layers[1].parts.width_converter = Backend::hls; }),
       "'layer1/input_converter'", "other cycles"},
  };
  for (const auto& row : rows) {
    INFO(row.found << " for " << row.reason);
    CHECK_THAT(row.found, Catch::Contains(row.layer) && Catch::Contains(row.reason));
    CHECK(row.found.find('\n') == std::string::npos);
  }
  const Network two_bits = zoo_network("cnv-w2a2", {.width = 0.25});
  DataflowAccelerator dsp58 =
      built_as(finn_base(two_bits, true), auto_dataflow(two_bits, 40'000), two_bits);
  dsp58.layers[3].dsp = 58;
  CHECK_THAT(refused(dsp58, two_bits), Catch::Contains("DSP58"));
  // Published accelerators stall and pad; foldings without a base have words of PE channels.
  CHECK_THAT(refused(built_in_dataflow("bnn-pynq-cnv-w1a1", network), network),
             Catch::Contains("layer '"));
  CHECK_THAT(refused(auto_dataflow(network, 40'000), network), Catch::Contains("whole pixels"));
}

TEST_CASE("width converters are places of FIFOs, and FIFOs may be shallower than two words") {
  const Network network = zoo_network("tfc-w1a1");
  const auto depths = [&](const std::string& behind, const std::string& in_front,
                          const std::string& between) {
    return read(R"({"Defaults": {}, "MVAU_hls_0": {"PE": 16, "SIMD": 28)" + behind + "}, " +
                    between + R"("MVAU_hls_1": {"PE": 8, "SIMD": 8)" + in_front + R"(},
        "MVAU_hls_2": {"PE": 8, "SIMD": 8, "inFIFODepths": [0], "outFIFODepths": [1]},
        "MVAU_hls_3": {"PE": 10, "SIMD": 8, "inFIFODepths": [1]}})",
                network);
  };
  const auto converted = depths(
      R"(, "outFIFODepths": [3])", R"(, "inFIFODepths": [7], "outFIFODepths": [0])",
      R"("StreamingDataWidthConverter_rtl_0": {"inFIFODepths": [5], "outFIFODepths": [2]}, )");
  CHECK(converted.layers[0].out_depth == 5);
  CHECK(converted.layers[1].inner_depth == 7);
  CHECK(converted.layers[1].out_depth == 0);  // both ends ask for none
  CHECK(converted.layers[2].out_depth == 1);
  const auto unnamed = depths(R"(, "outFIFODepths": [3])", R"(, "inFIFODepths": [7])", "");
  CHECK(unnamed.layers[0].out_depth == 7);
  CHECK(unnamed.layers[1].inner_depth == 2);
  CHECK(unnamed.layers[1].out_depth == 2);  // one end says nothing: 2
  // A FIFO node is what is there, and counts where it stands.
  const auto nodes = depths("", "", R"("StreamingFIFO_rtl_1": {"depth": 1},
      "StreamingDataWidthConverter_rtl_0": {}, "StreamingFIFO_rtl_2": {"depth": 30}, )");
  CHECK(nodes.layers[0].out_depth == 1);
  CHECK(nodes.layers[1].inner_depth == 30);
  const auto sorted = test::refusal([&] {
    read(R"({"MVAU_hls_0": {"PE": 16, "SIMD": 28}, "MVAU_hls_1": {"PE": 8, "SIMD": 8},
        "MVAU_hls_2": {"PE": 8, "SIMD": 8}, "MVAU_hls_3": {"PE": 10, "SIMD": 8},
        "StreamingFIFO_rtl_0": {"depth": 30}})",
         network);
  });
  CHECK_THAT(sorted, Catch::Contains("sorted") && Catch::Contains("order of the data"));
}

TEST_CASE("foldings take all but PE, SIMD and depths from their base") {
  const Network network = zoo_network("cnv-w1a1", {.width = 0.25});
  const auto published = built_in_dataflow("bnn-pynq-cnv-w1a1", network);
  const auto folding = auto_dataflow(network, 100'000);
  const auto a = built_as(published, folding, network);
  CHECK(a.name == "auto:100000:bnn-pynq-cnv-w1a1");
  CHECK(a.discipline == Discipline::stalling);
  CHECK(a.layers[1].word_bits == published.layers[1].word_bits);
  CHECK(a.layers[1].pe == folding.layers[1].pe);
  CHECK(a.layers[1].out_depth == folding.layers[1].out_depth);
  CHECK(built_as(parse_base("dataflow:bnn-pynq-cnv-w1a1", network), folding, network) == a);
  CHECK(parse_base("finn-rtl", network) == finn_base(network, true));
  CHECK_THROWS_AS(parse_base("fin", network), InputError);
}
