#include <limits>

#include "tests/support/catch.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;

TEST_CASE("every network of the zoo is valid and has its layers named in their order") {
  CHECK(zoo_names().size() == 40);
  for (const std::string& name : zoo_names()) {
    INFO(name);
    const Network network = zoo_network(name);
    CHECK_NOTHROW(validate(network, name));
    CHECK(network.name == name);
    CHECK(network.classes() == (name.starts_with("mobilenet") ? 2
                                : name.starts_with("ds-cnn")  ? 12
                                                              : 10));
    CHECK(network.find_layer("layer0") == 0);
    for (const Layer& layer : network.layers) {
      if (!layer.has_weights()) continue;
      CHECK(layer.weights.front() == layer.weight_format.max_level());
    }
  }
}

TEST_CASE("CNV has the shapes, weights and operations of the published accelerator") {
  const Network cnv = zoo_network("cnv-w1a1");
  const std::vector<std::pair<std::string, Shape>> outputs = {
      {"layer0", {30, 30, 64}},  {"layer1", {28, 28, 64}},  {"pool0", {14, 14, 64}},
      {"layer2", {12, 12, 128}}, {"layer3", {10, 10, 128}}, {"pool1", {5, 5, 128}},
      {"layer4", {3, 3, 256}},   {"layer5", {1, 1, 256}},   {"layer6", {1, 1, 512}},
      {"layer7", {1, 1, 512}},   {"layer8", {1, 1, 10}}};
  REQUIRE(cnv.layers.size() == outputs.size());
  size_t weights = 0;
  int64_t macs = 0;
  int channels = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    CHECK(cnv.layers[i].name == outputs[i].first);
    CHECK(cnv.layers[i].output == outputs[i].second);
    weights += cnv.layers[i].weights.size();
    macs += static_cast<int64_t>(cnv.layers[i].weights.size()) * cnv.layers[i].output.pixels();
  }
  for (const int layer : cnv.injectable_layers()) {
    channels += cnv.layers[static_cast<size_t>(layer)].rows();
  }
  CHECK(weights == 1'542'848);
  CHECK(macs == 59'461'376);
  CHECK(channels == 1920);
  CHECK(cnv.input() == Shape{32, 32, 3});
  CHECK(cnv.format(0) == fixed_point_format);
  CHECK_FALSE(cnv.layers[0].is_xnor());
  CHECK(cnv.layers[1].is_xnor());
}

TEST_CASE("residual and separable networks have the weights and operations of the published ones") {
  const struct {
    const char* name;
    size_t layers;
    int64_t weights;  // without biases
    int64_t macs;
    Shape last;  // before the average
  } rows[] = {{"resnet-8-w8a8", 14, 77'360, 12'501'632, {8, 8, 64}},
              {"resnet-20-w4a4", 32, 270'896, 40'813'184, {8, 8, 64}},
              {"mobilenet-0.25-w8a8", 29, 208'112, 7'489'664, {3, 3, 256}},
              {"ds-cnn-w8a8", 11, 22'016, 2'656'768, {25, 5, 64}}};
  for (const auto& row : rows) {
    INFO(row.name);
    const Network network = zoo_network(row.name);
    int64_t weights = 0;
    int64_t macs = 0;
    for (const Layer& layer : network.layers) {
      weights += static_cast<int64_t>(layer.weights.size());
      macs += static_cast<int64_t>(layer.weights.size()) * layer.output.pixels();
    }
    CHECK(network.layers.size() == row.layers);
    CHECK(weights == row.weights);
    CHECK(macs == row.macs);
    CHECK(network.layers[network.layers.size() - 2].input == row.last);
  }
  const Network mobilenet = zoo_network("mobilenet-0.25-w8a8");
  CHECK(mobilenet.layer(0).padding == Padding(0, 0, 1, 1));  // the odd pixel below and right
  CHECK(zoo_network("ds-cnn-w8a8").layer(0).padding == Padding(4, 1, 5, 1));
  CHECK(zoo_network("vgg-11-w1a1").classes() == 10);
  CHECK(zoo_network("vgg-11-w1a1", {.classes = 43}).classes() == 43);
}

TEST_CASE("DoReFa-Net has the matrices of the published networks, but for their groups") {
  const std::pair<const char*, std::vector<Shape>> networks[] = {
      {"dorefa-w1a2", {{55, 55, 96}, {27, 27, 256}, {13, 13, 384}, {13, 13, 384}, {6, 6, 256}}},
      {"dorefa-pruned-w1a2",
       {{55, 55, 68}, {27, 27, 180}, {13, 13, 272}, {13, 13, 384}, {6, 6, 256}}}};
  for (const auto& [name, after_convolutions] : networks) {
    const Network network = zoo_network(name, {.classes = 1000});
    CHECK(network.input() == Shape{224, 224, 3});
    int layer = 0;
    for (const Shape& shape : after_convolutions) {
      const int index = network.find_layer("layer" + std::to_string(layer++));
      CHECK(network.shape(network.after_pools(network.output_tensor(index))) == shape);
    }
    const auto& at = [&](const char* l) -> const Layer& {
      return network.layers[static_cast<size_t>(network.find_layer(l))];
    };
    CHECK(at("layer0").columns() == 12 * 12 * 3);
    CHECK(at("layer2").columns() == 9 * after_convolutions[1].channels);
    CHECK(at("layer5").columns() == 9216);
    CHECK(at("layer6").columns() == 4096);
    CHECK(at("layer7").rows() == 1000);
    for (const char* l : {"layer0", "layer7"}) CHECK(at(l).weight_format == signed_format(8));
    for (const char* l : {"layer1", "layer6"}) CHECK(at(l).weight_format == binary_format);
    CHECK(at("layer3").output_format == unsigned_format(2));
    CHECK(at("layer0").input_format == fixed_point_format);
    // Float sums of the trainer are exact below 2^24.
    for (const Layer& l : network.layers) {
      if (l.has_weights()) CHECK(l.accumulator_max() < 1 << 24);
    }
  }
  CHECK(zoo_network("dorefa-w1a2", {.input_side = 64}).layers[0].output == Shape{15, 15, 96});
  CHECK_THROWS_AS(zoo_network("dorefa-w1a2", {.input_side = 40}), InputError);
}

TEST_CASE("the name says the bits of weights and activations") {
  const Network network = zoo_network("tfc-w2a2");
  CHECK(network.layers[0].input_format == binary_format);
  CHECK(network.layers[1].input_format == signed_format(2));
  CHECK(network.layers[1].weight_format == signed_format(2));
  CHECK(zoo_network("lfc-w1a4").layers[2].input_format == signed_format(4));
  CHECK(zoo_network("lfc-w1a4").layers[2].weight_format == binary_format);
}

TEST_CASE("zoo options scale the hidden layers only, and impossible ones are refused") {
  const Network network =
      zoo_network("cnv-w1a1", {.width = 0.25, .input_channels = 1, .classes = 43});
  CHECK_NOTHROW(validate(network, "test"));
  CHECK(network.input() == Shape{32, 32, 1});
  CHECK(network.layers[0].rows() == 16);
  CHECK(network.classes() == 43);
  CHECK(zoo_network("tfc-w1a1", {.width = 0.001}).layers[0].rows() == 1);

  CHECK_THROWS_AS(zoo_network("cnv-w1a1", {.width = 0}), InputError);
  CHECK_THROWS_AS(zoo_network("cnv-w1a1", {.width = 1e9}), InputError);
  CHECK_THROWS_AS(zoo_network("cnv-w1a1", {.width = std::numeric_limits<double>::quiet_NaN()}),
                  InputError);
  CHECK_THROWS_AS(zoo_network("cnv-w1a1", {.input_channels = -1}), InputError);
  CHECK_THROWS_AS(zoo_network("cnv-w1a1", {.classes = -1}), InputError);
  CHECK_THROWS_AS(zoo_network("lfc-w1a1", {.width = 16, .input_channels = 4096}), InputError);
  CHECK_THROWS_WITH(zoo_network("cnv-w1a5"), Catch::Contains("did you mean 'cnv-w1a1'?"));
}
