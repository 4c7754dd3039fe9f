// stuckat import, as a user has it.
#include "tests/support/temporary_folder.h"
#include "tests/tools/command/session.h"
#include "tests/workloads/import/onnx_writer.h"

using namespace stuckat;
using test::check_refused;
using test::OnnxWriter;
using test::run;

namespace {

/// A dense layer of FINN's on two values of -1 and +1.
OnnxWriter finn_network() {
  OnnxWriter w;
  w.input("x", {1, 2}).floats("w", {2, 3}, {1, -1, 1, 1, 0, -1}).floats("t", {3, 1}, {0, 1, 2});
  w.scalar("one", 1).node("BipolarQuant", {"x", "one"}, "b");
  w.node("MVAU_hls", {"b", "w", "t"}, "y",
         {.ints = {{"PE", {3}}, {"SIMD", {2}}, {"outFIFODepths", {32}}},
          .texts = {{"outputDataType", "BINARY"}}});
  w.output("y", {1, 3});
  return w;
}

}  // namespace

TEST_CASE("import prints what became of every node, and writes the model and the folding") {
  const test::TemporaryFolder folder;
  finn_network().write(folder / "net.onnx");
  const std::string model = folder / "m.h5";
  const auto outcome =
      run("import " + folder / "net.onnx" + " -o " + model + " --name mine" +
          " --accelerator-out " + folder / "f.json" + " --json " + folder / "result.json");
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  CHECK_THAT(outcome.output, Catch::Contains("BipolarQuant  the input: 1x1x2 binary") &&
                                 Catch::Contains("dense, int8 weights, 1x1x3 uint1"));
  const Network network = read_model(model);
  CHECK(network.name == "mine");
  CHECK(network.layers.size() == 1);
  CHECK(network.input_map.pixels.size() == 256);
  std::ifstream folding(folder / "f.json");
  const auto json = nlohmann::json::parse(folding);
  CHECK(json.at("y").at("PE") == 3);
  CHECK(json.at("y").at("SIMD") == 2);
  CHECK(json.at("y").at("outFIFODepths") == nlohmann::json::array({32}));
  std::ifstream result(folder / "result.json");
  CHECK(nlohmann::json::parse(result).at("nodes").size() == 2);
}

TEST_CASE("import refuses in one line what it cannot take") {
  const test::TemporaryFolder folder;
  const std::string out = " -o " + folder / "m.h5";
  OnnxWriter unknown;
  unknown.input("x", {1, 2}).node("Erf", {"x"}, "y").output("y", {1, 2});
  unknown.write(folder / "erf.onnx");
  check_refused("import " + folder / "erf.onnx" + out, "node 'y' (Erf)");
  finn_network().write(folder / "net.onnx");
  check_refused("import " + folder / "net.onnx" + out + " --as tflit", "did you mean 'tflite'?");
  check_refused("import " + folder / "net.onnx" + out + " --as tflite", "is no TFLite file");
  check_refused("import " + folder / "net.onnx" + out + " --pixels byt", "did you mean 'byte'?");
  check_refused("import " + folder / "net.onnx" + out + " --mean 1,2,3", "one for each of the");
  check_refused("import " + folder / "net.onnx" + out + " --mean 1,x", "numbers");
  check_refused("import " + folder / "net.onnx", "no --output");
  check_refused("import " + folder / "net.onnx" + " -o " + folder / "net.onnx", "another file");
  CHECK(!std::filesystem::exists(folder / "m.h5"));
}
