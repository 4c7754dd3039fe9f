#include "tests/support/bnn_pynq_folder.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "workloads/bnn_pynq.h"
#include "workloads/dataset.h"
#include "workloads/errors.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using test::PeSimd;
using test::TemporaryFolder;

namespace {

Network random_zoo_network(const std::string& name, uint64_t seed, const ZooOptions& options = {}) {
  test::Random random(seed);
  Network network = zoo_network(name, options);
  const bool one_bit = network.layers.front().output_format == binary_format;
  for (Layer& layer : network.layers) {
    layer.signed_sum = layer.has_weights() && layer.is_binary() && !one_bit;
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  for (int c = 0; c < network.classes(); ++c)
    network.class_names.push_back(std::to_string(c) + ". class");
  return network;
}

const std::vector<PeSimd> tfc_folding = {{16, 26}, {8, 16}, {32, 8}, {4, 2}};

std::vector<int32_t> scores(const Network& network, const std::string& record) {
  const DataSet data = read_dataset("cifar10:" + record, {});
  return reference::run(network, input_tensor(network, data, 0)).back().values;
}

}  // namespace

TEST_CASE("a folder gives back the network it was written from, at any folding") {
  const std::vector<std::vector<PeSimd>> foldings = {
      tfc_folding, {{1, 13}, {1, 1}, {64, 32}, {64, 32}}, {{64, 32}, {2, 32}, {4, 4}, {1, 1}}};
  for (const std::string name : {"tfc-w1a1", "tfc-w1a2", "tfc-w2a2", "tfc-w1a4"}) {
    for (const auto& folding : foldings) {
      const TemporaryFolder folder;
      const Network network = random_zoo_network(name, 3);
      test::write_bnn_pynq_folder(folder, network, folding);
      CHECK(import_bnn_pynq(folder.path().string(), name) == network);
    }
  }
}

TEST_CASE("a convolutional folder keeps channel order, and halves the first thresholds downwards") {
  const TemporaryFolder folder;
  const Network network = random_zoo_network("cnv-w1a2", 4, {.classes = 43});
  test::write_bnn_pynq_folder(
      folder, network,
      {{16, 3}, {32, 32}, {16, 32}, {16, 32}, {4, 32}, {1, 32}, {1, 4}, {1, 8}, {4, 1}});
  CHECK(import_bnn_pynq(folder.path().string(), "cnv-w1a2") == network);
}

TEST_CASE("output layers of any rows from the classes on, and other numbers of classes, come in") {
  struct Row {
    int classes, rows, pe;
  };
  for (const Row& row : {Row{10, 12, 4}, Row{47, 48, 4}, Row{43, 64, 4}, Row{10, 10, 5},
                         Row{10, 10, 1}, Row{64, 64, 16}, Row{2, 64, 4}, Row{3, 4, 4}}) {
    INFO(row.classes << " classes in " << row.rows << " rows");
    const TemporaryFolder folder;
    const Network network = random_zoo_network("tfc-w1a1", 8, {.classes = row.classes});
    test::write_bnn_pynq_folder(folder, network, {{16, 26}, {8, 16}, {32, 8}, {row.pe, 1}},
                                row.rows);
    CHECK(import_bnn_pynq(folder.path().string(), "tfc-w1a1") == network);
  }
}

TEST_CASE("weights of another width than the network's are told by the bits of their words") {
  const TemporaryFolder two, one;
  test::write_bnn_pynq_folder(two, random_zoo_network("tfc-w2a2", 9), tfc_folding);
  CHECK_THROWS_WITH(import_bnn_pynq(two.path().string(), "tfc-w1a2"),
                    Catch::Contains("bits above the 26 of a weight word are set"));
  test::write_bnn_pynq_folder(one, random_zoo_network("tfc-w1a2", 9), tfc_folding);
  CHECK_THROWS_WITH(import_bnn_pynq(one.path().string(), "tfc-w2a2"),
                    Catch::Contains("the upper half of every weight word is empty"));
}

TEST_CASE("a first layer of one-bit inputs matches beside one-bit activations, else it sums") {
  const TemporaryFolder folder;
  const Network network = random_zoo_network("tfc-w1a2", 10);
  CHECK(network.layers[0].signed_sum);
  test::write_bnn_pynq_folder(folder, network, tfc_folding);
  const Network read = import_bnn_pynq(folder.path().string(), "tfc-w1a2");
  CHECK(read == network);
  CHECK_FALSE(read.layers[0].is_xnor());
  const Network matching = random_zoo_network("tfc-w1a1", 10);
  CHECK(matching.layers[0].is_xnor());
}

TEST_CASE("a folder that does not fit its network is refused") {
  const auto refused = [](const std::string& name, auto&& damage) {
    const TemporaryFolder folder;
    test::write_bnn_pynq_folder(folder, random_zoo_network("tfc-w1a1", 5), tfc_folding);
    damage(folder);
    CHECK_THROWS_AS(import_bnn_pynq(folder.path().string(), name), InputError);
  };
  const auto remove = [](const std::string& name) {
    return [=](const TemporaryFolder& f) { std::filesystem::remove(f / name); };
  };
  const auto replace = [](const std::string& name, const std::string& bytes) {
    return [=](const TemporaryFolder& f) { test::write_bytes(f / name, bytes); };
  };
  refused("tfc-w1a2", [](const TemporaryFolder&) {});  // one threshold where two belong
  refused("lfc-w1a1", [](const TemporaryFolder&) {});
  refused("tfc-w9a9", [](const TemporaryFolder&) {});
  refused("tfc-w1a1", remove("classes.txt"));
  refused("tfc-w1a1", remove("0-3-weights.bin"));
  refused("tfc-w1a1", remove("0-15-weights.bin"));
  refused("tfc-w1a1", remove("1-2-thres.bin"));
  refused("tfc-w1a1", replace("classes.txt", ""));
  refused("tfc-w1a1", replace("0-0-weights.bin", ""));
  refused("tfc-w1a1", replace("0-0-weights.bin", "odd"));
  refused("tfc-w1a1", replace("2-7-weights.bin", std::string(8, 0)));
  refused("tfc-w1a1", replace("2-7-thres.bin", std::string(800, 0)));
  refused("tfc-w1a1", replace("3-x-weights.bin", std::string(8, 0)));
  CHECK_THROWS_AS(import_bnn_pynq("/nowhere", "tfc-w1a1"), InputError);
}

TEST_CASE("a damaged folder gives a valid network or an InputError, never a crash") {
  const TemporaryFolder folder;
  test::write_bnn_pynq_folder(folder, random_zoo_network("tfc-w2a2", 6), tfc_folding);
  const auto names = folder.files();
  std::mt19937_64 random(7);
  int refused = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const std::string path = folder / names[random() % names.size()];
    const std::string good = test::read_bytes(path);
    test::write_bytes(path, test::damaged(good, random));
    try {
      validate(import_bnn_pynq(folder.path().string(), "tfc-w2a2"), "test");
    } catch (const InputError&) {
      ++refused;
    }
    test::write_bytes(path, good);
  }
  CHECK(refused > 30);
}

TEST_CASE("the published networks give the published scores of the deer and the car") {
  const std::string deer = test::shared_data("bnn-pynq/deer.bin");
  const std::string car = test::shared_data("bnn-pynq/car.bin");
  const std::string w1a1 = test::shared_data("bnn-pynq/cifar10-cnvW1A1.tar.xz");
  const std::string w1a2 = test::shared_data("bnn-pynq/cifar10-cnvW1A2.tar.xz");
  const TemporaryFolder folder;
  const Network one = import_bnn_pynq(test::unpacked(folder, w1a1, "cifar10/cnvW1A1"), "cnv-w1a1");
  const Network two = import_bnn_pynq(test::unpacked(folder, w1a2, "cifar10/cnvW1A2"), "cnv-w1a2");
  CHECK(one.class_names[4] == "Deer");
  CHECK(scores(one, deer) ==
        std::vector<int32_t>{234, 231, 265, 248, 410, 257, 224, 262, 226, 233});
  CHECK(scores(one, car) == std::vector<int32_t>{258, 417, 233, 206, 238, 215, 222, 238, 236, 249});
  CHECK(scores(two, deer) == std::vector<int32_t>{-20, -46, -38, -6, 268, 6, -14, -28, -38, -30});
}
