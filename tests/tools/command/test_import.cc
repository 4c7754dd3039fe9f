// stuckat import, as a user has it.
#include "tests/support/bnn_pynq_folder.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "tests/tools/command/session.h"
#include "workloads/export/onnx_writer.h"

using namespace stuckat;
using test::check_refused;
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
  test::write_bytes(folder / "net.onnx", finn_network().bytes());
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
  test::write_bytes(folder / "erf.onnx", unknown.bytes());
  check_refused("import " + folder / "erf.onnx" + out, "node 'y' (Erf)");
  test::write_bytes(folder / "net.onnx", finn_network().bytes());
  check_refused("import " + folder / "net.onnx" + out + " --as tflit", "did you mean 'tflite'?");
  check_refused("import " + folder / "net.onnx" + out + " --as tflite", "is no TFLite file");
  check_refused("import " + folder / "net.onnx" + out + " --pixels byt", "did you mean 'byte'?");
  check_refused("import " + folder / "net.onnx" + out + " --mean 1,2,3", "one for each of the");
  check_refused("import " + folder / "net.onnx" + out + " --mean 1,x", "numbers");
  check_refused("import " + folder / "net.onnx", "no --output");
  check_refused("import " + folder / "net.onnx" + " -o " + folder / "net.onnx", "another file");
  CHECK(!std::filesystem::exists(folder / "m.h5"));
}

TEST_CASE("an imported network knows its input, classes and data set, and commands keep to them") {
  const test::Session s;  // images of CIFAR-10
  OnnxWriter w;
  std::vector<float> weights(3072 * 10);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = i * i % 7 < 3 ? -1 : 1;
  w.input("x", {1, 3, 32, 32}).floats("w", {3072, 10}, weights);
  w.scalar("scale", 0.0078125F).scalar("zero", 0).scalar("eight", 8);
  w.node("Quant", {"x", "scale", "zero", "eight"}, "q", {.ints = {{"signed", {1}}}});
  w.node("Flatten", {"q"}, "f").node("MatMul", {"f", "w"}, "y").output("y", {1, 10});
  test::write_bytes(s.file("net.onnx"), w.bytes());
  const std::string import = "import " + s.file("net.onnx") + " -o " + s.file("i.h5") + " --force";
  const std::string model = s.file("i.h5");
  const auto imported = [&](const std::string& options) {
    const auto outcome = run(import + options);
    INFO(outcome.output);
    CHECK(outcome.code == 0);
    return outcome.output;
  };

  CHECK_THAT(imported(""), Catch::Contains("input 32x32x3, data set: not said (--data), classes: "
                                           "without names (--classes)"));
  check_refused("eval " + model, "does not say which data it is for");
  CHECK(run("eval " + model + s.data()).code == 0);

  CHECK_THAT(imported(s.data()),
             Catch::Contains("data set: cifar10, classes: airplane, automobile, bird"));
  CHECK(read_model(model).data == "cifar10");
  CHECK(read_model(model).class_names.at(9) == "truck");
  const auto eval = run("eval " + model + " --json " + s.file("e.json"));  // --data is the model's
  CHECK(eval.code == 0);
  CHECK_THAT(eval.output, Catch::Contains("cifar10, test images 0 to 59"));
  std::ifstream result(s.file("e.json"));
  CHECK(nlohmann::json::parse(result).at("data").at("name") == "cifar10");
  check_refused("eval " + model + " --data svhn:" + s.file("images.bin"), "");
  check_refused("eval " + model + " --data gtsrb:" + s.file("images.bin"),
                "is a network for cifar10");
  check_refused("campaign " + model + " --data gtsrb:" + s.file("images.bin") + " -o c.h5",
                "is a network for cifar10");

  // By name alone, what is known of the data set has to do.
  imported(" --data cifar10");
  CHECK(read_model(model).class_names.at(0) == "airplane");
  check_refused("eval " + model, "--data cifar10:PATH");
  imported(" --data svhn");
  check_refused("eval " + model + s.data(), "is a network for svhn");
  check_refused(import + " --data gtsrb", "10 classes for the 43 classes of gtsrb");
  check_refused(import + " --data cifar1", "did you mean 'cifar10'?");
  imported(" --data raw");  // whatever its files hold
  CHECK(read_model(model).data == "raw");

  // Names of one's own.
  test::write_bytes(s.file("names"), "a\nb\r\nc\nd\ne\nf\ng\nh\ni\nj k\n");
  imported(" --classes " + s.file("names"));
  CHECK(read_model(model).class_names ==
        std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j k"});
  check_refused("eval " + model + s.data(), "its classes are not those of cifar10");
  check_refused(import + " --classes a,b", "2 names of classes");
  const std::string turned = "truck,airplane,automobile,bird,cat,deer,dog,frog,horse,ship";
  check_refused(import + " --classes " + turned + s.data(), "its classes have another order");
}

TEST_CASE("an imported BNN-PYNQ network has the names of its folder, and takes no other data set") {
  const std::string archive = test::shared_data("bnn-pynq/cifar10-cnvW1A1.tar.xz");
  const test::TemporaryFolder folder;
  const std::string parameters = test::unpacked(folder, archive, "cifar10/cnvW1A1");
  const std::string import = "import " + parameters + " --network cnv-w1a1 -o " + folder / "m.h5";
  check_refused(import + " --data svhn", "its classes are not those of svhn");
  CHECK_THAT(run(import + " --data cifar10").output,
             Catch::Contains("input 32x32x3, data set: cifar10, classes: Airplane, Automobile"));
  CHECK(read_model(folder / "m.h5").data == "cifar10");
}
