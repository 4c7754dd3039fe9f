// Model files against FORMAT.md, by the plain C library where we write and where we read.
#include <hdf5.h>

#include <algorithm>
#include <functional>

#include "tests/support/catch.h"
#include "tests/support/plain_hdf5.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/model_file.h"
#include "workloads/sanitized.h"

using namespace stuckat;
using test::TemporaryFolder;

namespace {

/// 2x3x2 input, convolution 2x2 to 3 channels, then dense 6 -> 2: no matrix is square.
Network small_network() {
  test::Random random(8);
  Network network;
  network.name = "small";
  network.class_names = {"one", "the other"};
  network.add(test::random_layer(random, LayerKind::convolution, {2, 3, 2}, fixed_point_format,
                                 signed_format(2), signed_format(3), 2, 1, 0, 3, "layer0", false));
  network.add(test::random_layer(random, LayerKind::dense, {1, 2, 3}, signed_format(3),
                                 binary_format, signed_format(3), 1, 1, 0, 2, "layer1", true));
  validate(network, "test");
  return network;
}

/// A plain HDF5 handle for tests, closed at the end of its scope.
class Id {
 public:
  explicit Id(hid_t id) : id_(id) { REQUIRE(id >= 0); }
  ~Id() { H5Idec_ref(id_); }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor)

 private:
  hid_t id_;
};

Id open_for_change(const std::string& path) {
  return Id(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
}

void put_text(hid_t object, const char* name, const std::string& value) {
  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  const Id type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, value.size() + 1);
  const Id space(H5Screate(H5S_SCALAR));
  const Id attribute(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  REQUIRE(H5Awrite(attribute, type, value.c_str()) >= 0);
}

void put_number(hid_t object, const char* name, int value) {
  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  const Id space(H5Screate(H5S_SCALAR));
  const Id attribute(H5Acreate2(object, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT));
  REQUIRE(H5Awrite(attribute, H5T_NATIVE_INT, &value) >= 0);
}

void put_array(hid_t group, const char* name, hid_t stored, const std::vector<hsize_t>& extents,
               const std::vector<int>& values) {
  if (H5Lexists(group, name, H5P_DEFAULT) > 0) H5Ldelete(group, name, H5P_DEFAULT);
  const Id space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
  const Id data(H5Dcreate2(group, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (!values.empty()) {
    REQUIRE(H5Dwrite(data, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  }
}

}  // namespace

TEST_CASE("random networks come back from their files as they were") {
  const TemporaryFolder folder;
  for (uint64_t seed = 0; seed < 25; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    write_model(folder / "model.h5", network, {"1.2.3", "{\"seed\": 5}"});
    ModelOrigin origin;
    CHECK(read_model(folder / "model.h5", &origin) == network);
    CHECK(origin.tool_version == "1.2.3");
    CHECK(origin.configuration == "{\"seed\": 5}");
  }
  const Network named = small_network();
  write_model(folder / "model.h5", named, {"", std::string(200'000, 'x')});
  ModelOrigin origin;
  CHECK(read_model(folder / "model.h5", &origin).class_names == named.class_names);
  CHECK(origin.configuration.size() == 200'000);
}

TEST_CASE("the same network makes the same bytes") {
  const TemporaryFolder folder;
  write_model(folder / "a.h5", small_network());
  write_model(folder / "b.h5", small_network());
  CHECK(test::read_bytes(folder / "a.h5") == test::read_bytes(folder / "b.h5"));
}

TEST_CASE("the plain C library finds rows and columns where FORMAT.md has them") {
  const TemporaryFolder folder;
  const Network network = small_network();
  write_model(folder / "model.h5", network);
  const Id file(H5Fopen((folder / "model.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  const Id weights(H5Dopen2(file, "/layers/0/weights", H5P_DEFAULT));
  const Id space(H5Dget_space(weights));
  hsize_t extents[2] = {};
  REQUIRE(H5Sget_simple_extent_dims(space, extents, nullptr) == 2);
  CHECK(extents[0] == 3);
  CHECK(extents[1] == 8);
  int8_t matrix[3][8] = {};
  REQUIRE(H5Dread(weights, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, matrix) >= 0);
  const Id thresholds(H5Dopen2(file, "/layers/0/thresholds", H5P_DEFAULT));
  int levels[3][6] = {};
  REQUIRE(H5Dread(thresholds, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, levels) >= 0);
  const Layer& layer = network.layers[0];
  for (int row = 0; row < 3; ++row) {
    for (int c = 0; c < 8; ++c) CHECK(matrix[row][c] == layer.weight_row(row)[c]);
    for (int t = 0; t < 6; ++t) CHECK(levels[row][t] == layer.threshold_row(row)[t]);
  }
}

TEST_CASE("a file that the plain C library wrote by FORMAT.md is read") {
  const TemporaryFolder folder;
  Network expected;
  expected.name = "by hand";
  Layer layer;
  layer.name = "only";
  layer.kind = LayerKind::dense;
  layer.input = {1, 3, 1};
  layer.output = {1, 1, 2};
  layer.input_format = binary_format;
  layer.weight_format = signed_format(2);
  layer.output_format = binary_format;
  layer.accumulator_output = true;
  layer.weights = {1, 0, -1, -1, 1, 1};
  expected.add(layer);
  {
    const Id file(test::create_plain_hdf5(folder / "hand.h5"));
    put_text(file, "schema", "stuckat-model");
    put_number(file, "schema_version", 1);
    put_text(file, "name", "by hand");
    put_text(file, "content_hash", content_hash(expected));
    put_text(file, "tool_version", "");
    put_number(file, "layers", 1);
    const Id text(H5Tcopy(H5T_C_S1));
    for (const char* name : {"configuration", "class_names"}) {
      const hsize_t extent = std::string(name) == "configuration" ? 1 : 0;
      const Id space(H5Screate_simple(1, &extent, nullptr));
      const Id data(H5Dcreate2(file, name, text, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      if (extent == 1) REQUIRE(H5Dwrite(data, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, "") >= 0);
    }
    const Id layers(H5Gcreate2(file, "layers", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    const Id group(H5Gcreate2(layers, "0", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    put_text(group, "name", "only");
    put_text(group, "kind", "dense");
    put_number(group, "kernel", 1);
    put_number(group, "stride", 1);
    put_number(group, "padding", 0);
    put_number(group, "accumulator_output", 1);
    put_text(group, "input_format", "binary");
    put_text(group, "weight_format", "int2");
    put_text(group, "output_format", "binary");
    put_array(group, "input", H5T_STD_I32BE, {3}, {1, 3, 1});
    put_array(group, "output", H5T_STD_I32LE, {3}, {1, 1, 2});
    put_array(group, "weights", H5T_STD_I8LE, {2, 3}, {1, 0, -1, -1, 1, 1});
  }
  ModelOrigin origin;
  CHECK(read_model(folder / "hand.h5", &origin) == expected);
}

TEST_CASE("every entry of FORMAT.md is missed when it is gone, and refused when it is wrong") {
  const TemporaryFolder folder;
  const Network network = small_network();
  const std::string path = folder / "bad.h5";
  const auto refused = [&](const std::string& what, const std::function<void(hid_t)>& change) {
    INFO(what);
    write_model(path, network);
    {
      const Id file = open_for_change(path);
      change(file);
    }
    ModelOrigin origin;
    CHECK_THROWS_AS(read_model(path, &origin), InputError);
  };
  const auto in_layer = [](const std::function<void(hid_t)>& change) {
    return [=](hid_t file) {
      const Id group(H5Gopen2(file, "/layers/0", H5P_DEFAULT));
      change(group);
    };
  };
  const std::vector<const char*> file_attributes = {"schema",       "schema_version", "name",
                                                    "content_hash", "tool_version",   "layers"};
  for (const char* name : file_attributes) {
    refused(name, [=](hid_t file) { H5Adelete(file, name); });
  }
  const std::vector<const char*> texts = {"schema", "name", "content_hash", "tool_version"};
  for (const char* name : texts) refused(name, [=](hid_t file) { put_number(file, name, 1); });
  for (const char* name : {"configuration", "class_names", "layers"}) {
    refused(name, [=](hid_t file) { H5Ldelete(file, name, H5P_DEFAULT); });
  }
  refused("schema", [](hid_t f) { put_text(f, "schema", "stuckat-results"); });
  refused("version", [](hid_t f) { put_number(f, "schema_version", 5); });
  refused("version", [](hid_t f) { put_text(f, "schema_version", "1"); });
  refused("hash", [](hid_t f) { put_text(f, "content_hash", std::string(64, '0')); });
  for (const int n : {-1, 0, 1, 3, 2'000'000'000}) {
    refused("layers", [=](hid_t f) { put_number(f, "layers", n); });
  }
  refused("class_names", [](hid_t f) { put_array(f, "class_names", H5T_STD_I8LE, {2}, {1, 2}); });

  for (const char* name : {"name", "kind", "kernel", "stride", "padding", "accumulator_output",
                           "input_format", "output_format", "weight_format"}) {
    refused(name, in_layer([=](hid_t group) { H5Adelete(group, name); }));
  }
  for (const char* name : {"input", "output", "weights", "thresholds"}) {
    refused(name, in_layer([=](hid_t group) { H5Ldelete(group, name, H5P_DEFAULT); }));
    refused(name, in_layer([=](hid_t g) { put_array(g, name, H5T_STD_I64LE, {1}, {1}); }));
  }
  for (const char* name : {"kernel", "stride", "padding", "accumulator_output"}) {
    for (const int value : {-1, 7, 65'536, 2'000'000'000}) {
      refused(name, in_layer([=](hid_t group) { put_number(group, name, value); }));
    }
  }
  refused("kind", in_layer([](hid_t g) { put_text(g, "kind", "dens"); }));
  refused("format", in_layer([](hid_t g) { put_text(g, "input_format", "int99"); }));
  refused("format", in_layer([](hid_t g) { put_text(g, "weight_format", "uint2"); }));
  refused("name", in_layer([](hid_t g) { put_text(g, "name", "layer1"); }));
  const std::vector<std::vector<int>> shapes = {
      {0, 3, 2}, {-2, 3, 2}, {2, 2, 3}, {65'536, 65'536, 65'536}, {2'000'000'000, 3, 2}, {3, 3, 2}};
  for (const auto& shape : shapes) {
    refused("input", in_layer([=](hid_t g) { put_array(g, "input", H5T_STD_I32LE, {3}, shape); }));
  }
  const std::vector<int> zeros(24, 0);
  refused("transposed", in_layer([=](hid_t g) {
            put_array(g, "weights", H5T_STD_I8LE, {8, 3}, zeros);
          }));
  refused("flat", in_layer([=](hid_t g) { put_array(g, "weights", H5T_STD_I8LE, {24}, zeros); }));
  refused("type", in_layer([=](hid_t g) {
            put_array(g, "weights", H5T_STD_I32LE, {3, 8}, zeros);
          }));
  refused("level", in_layer([=](hid_t g) {
            put_array(g, "weights", H5T_STD_I8LE, {3, 8}, std::vector<int>(24, -2));
          }));
  refused("range", in_layer([=](hid_t g) {
            put_array(g, "thresholds", H5T_STD_I32LE, {3, 6}, std::vector<int>(18, 1 << 30));
          }));
}

TEST_CASE("a network that is not valid, or a place that cannot be written, leaves the old file") {
  const TemporaryFolder folder;
  const std::string path = folder / "model.h5";
  write_model(path, small_network());
  const std::string old = test::read_bytes(path);
  Network bad = small_network();
  bad.layers[0].weights[0] = 100;
  CHECK_THROWS_AS(write_model(path, bad), InputError);
  Network unknown = small_network();
  const NumberFormat no_name{FormatKind::fixed_point, 6};
  unknown.layers[0].output_format = unknown.layers[1].input_format = no_name;
  unknown.layers[0].thresholds.assign(3 * 63, 0);
  validate(unknown, "test");
  CHECK_THROWS_AS(write_model(path, unknown), InputError);  // no reader knows fixed6
  CHECK(test::read_bytes(path) == old);
  CHECK(folder.files() == std::vector<std::string>{"model.h5"});
  CHECK_THROWS_AS(write_model(folder / "no/folder.h5", small_network()), InputError);
}

TEST_CASE("a damaged model file gives the network or an InputError, never a crash") {
  const TemporaryFolder folder;
  const Network network = small_network();
  write_model(folder / "good.h5", network, {"1", "{}"});
  const std::string good = test::read_bytes(folder / "good.h5");
  std::mt19937_64 random(9);
  int refused = 0;
  constexpr int trials = sanitized ? 400 : 2000;
  for (int trial = 0; trial < trials; ++trial) {
    INFO("trial " << trial);
    test::write_bytes(folder / "bad.h5", test::damaged(good, random));
    try {
      const Network read = read_model(folder / "bad.h5");
      CHECK(read == network);
    } catch (const InputError&) {
      ++refused;
    }
  }
  CHECK(refused > trials / 4);
  test::write_bytes(folder / "bad.h5", "");
  CHECK_THROWS_AS(read_model(folder / "bad.h5"), InputError);
  CHECK_THROWS_AS(read_model(folder / "nowhere.h5"), InputError);
}

TEST_CASE("the content hash sees what is computed, and nothing else") {
  const Network network = small_network();
  const std::string hash = content_hash(network);
  CHECK(hash.size() == 64);
  Network renamed = network;
  renamed.name = "another";
  renamed.layers[0].name = "first";
  renamed.class_names.clear();
  renamed.layers[1].output_format = binary_format;  // of an accumulator: without meaning
  CHECK(content_hash(renamed) == hash);
  const std::vector<std::function<void(Layer&)>> changes = {
      [](Layer& l) { l.weights[5] = static_cast<int8_t>(l.weights[5] == 0 ? 1 : 0); },
      [](Layer& l) { l.thresholds[3] += 1; },
      [](Layer& l) { l.kernel = l.kernel + 1; },
      [](Layer& l) { l.stride = l.stride + 1; },
      [](Layer& l) { l.padding = l.padding + 1; },
      [](Layer& l) { std::swap(l.input.height, l.input.width); },
      [](Layer& l) { std::swap(l.output.height, l.output.width); },
      [](Layer& l) { l.input_format = signed_format(4); },
      [](Layer& l) { l.weight_format = signed_format(3); },
      [](Layer& l) { l.output_format = unsigned_format(3); },
      [](Layer& l) { l.kind = LayerKind::dense; },
      [](Layer& l) { l.accumulator_output = true; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    Network changed = network;
    changes[i](changed.layers[0]);
    CHECK(content_hash(changed) != hash);
  }
}

TEST_CASE("a model file holds what pixels and classes mean, and is another network without it") {
  const test::TemporaryFolder folder;
  Network network = small_network();
  const NumberFormat format = network.layers.front().input_format;
  for (int byte = 0; byte < 256; ++byte) {
    network.input_map.pixels.push_back(format.level(byte % format.levels()));
    network.input_map.integers.push_back(format.level(0));
  }
  const auto classes = static_cast<size_t>(network.classes());
  network.class_map.scale.assign(classes, 0.25);
  network.class_map.offset.assign(classes, -1);
  write_model(folder / "m.h5", network);
  CHECK(read_model(folder / "m.h5") == network);
  const std::string hash = content_hash(network);
  Network other = network;
  other.input_map.pixels[7] = format.level((7 % format.levels() + 1) % format.levels());
  CHECK(content_hash(other) != hash);
  other = network;
  other.class_map.offset[0] = 1;
  CHECK(content_hash(other) != hash);
  other.class_map.offset.pop_back();
  CHECK_THAT(test::refusal([&] { validate(other, "here"); }), Catch::Contains("a class map of"));
  other = network;
  other.input_map.pixels[0] = 1000;
  CHECK_THAT(test::refusal([&] { validate(other, "here"); }), Catch::Contains("holds 1000"));
  other.input_map.pixels.pop_back();
  CHECK_THAT(test::refusal([&] { validate(other, "here"); }), Catch::Contains("of 255 values"));
}
