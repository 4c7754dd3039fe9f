#include <lzma.h>
#include <zlib.h>

#include <set>

#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "workloads/dataset.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using test::TemporaryFolder;

namespace {

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string idx(const std::vector<uint32_t>& extents, const std::string& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(extents.size())};
  for (const uint32_t extent : extents) bytes += big_endian(extent);
  return bytes + values;
}

/// `count` images of 2x3 pixels, pixel p of image i is 10*i + p, labels 9, 8, 7, ...
void write_idx_pair(const std::string& images, const std::string& labels, int count) {
  std::string pixels;
  std::string classes;
  for (int i = 0; i < count; ++i) {
    for (int p = 0; p < 6; ++p) pixels += static_cast<char>(10 * i + p);
    classes += static_cast<char>(9 - i);
  }
  const auto n = static_cast<uint32_t>(count);
  test::write_bytes(images, idx({n, 2, 3}, pixels));
  test::write_bytes(labels, idx({n}, classes));
}

/// Red plane 0..255 repeated, green 100, blue 200 + label.
std::string cifar_record(int label) {
  std::string record(1, static_cast<char>(label));
  for (int i = 0; i < 1024; ++i) record += static_cast<char>(i);
  record += std::string(1024, 100);
  return record + std::string(1024, static_cast<char>(200 + label));
}

std::string gzip(const std::string& bytes, const std::string& scratch) {
  gzFile file = gzopen(scratch.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return test::read_bytes(scratch);
}

std::string xz(const std::string& bytes) {
  std::vector<uint8_t> output(lzma_stream_buffer_bound(bytes.size()));
  size_t size = 0;
  REQUIRE(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, nullptr,
                                  reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                                  output.data(), &size, output.size()) == LZMA_OK);
  return {output.begin(), output.begin() + static_cast<std::ptrdiff_t>(size)};
}

const char* const test_images = "t10k-images-idx3-ubyte";
const char* const test_labels = "t10k-labels-idx1-ubyte";

}  // namespace

TEST_CASE("Fashion-MNIST of the Debian package is read without a path") {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    test::skip("no package dataset-fashion-mnist");
  }
  const DataSet test = read_dataset("fashion-mnist", {});
  CHECK(test.size() == 10'000);
  CHECK(test.shape == Shape{28, 28, 1});
  CHECK(test.classes == 10);
  CHECK(test.class_names[9] == "Ankle boot");
  CHECK(test.labels[0] == 9);  // the first test image is an ankle boot, the second a pullover
  CHECK(test.labels[1] == 2);
  const DataSet train = read_dataset("fashion-mnist", {.train = true, .offset = 59'990});
  CHECK(train.size() == 10);
}

TEST_CASE("a subset is the images in its range, with the classes of the whole") {
  const TemporaryFolder folder;
  write_idx_pair(folder / test_images, folder / test_labels, 5);
  const DataSet all = read_dataset("mnist:" + folder.path().string(), {});
  CHECK(all.size() == 5);
  CHECK(all.name == "mnist");
  CHECK(all.shape == Shape{2, 3, 1});
  const DataSet some = read_dataset("mnist:" + folder.path().string(), {false, 2, 2});
  CHECK(some.labels == std::vector<uint16_t>{7, 6});
  CHECK(some.image(1)[5] == 35);
  CHECK(content_hash(all) != content_hash(some));
  const std::string cifar = folder / "records";
  test::write_bytes(cifar, cifar_record(3) + cifar_record(17) + cifar_record(5));
  CHECK(read_dataset("cifar:" + cifar, {false, 0, 1}).classes == 18);
}

TEST_CASE("a subset that is empty or beyond the end is refused") {
  const TemporaryFolder folder;
  write_idx_pair(folder / test_images, folder / test_labels, 5);
  const std::string name = "mnist:" + folder.path().string();
  for (const Subset& bad : {Subset{false, 5, -1}, Subset{false, 0, 6}, Subset{false, -1, 2},
                            Subset{false, 3, 0}, Subset{false, 2147483647, 2147483647}}) {
    CHECK_THROWS_AS(read_dataset(name, bad), InputError);
  }
  CHECK_THROWS_WITH(read_dataset(name, {.train = true}), Catch::Contains("no train-images"));
}

TEST_CASE("CIFAR planes become channels of a pixel") {
  const TemporaryFolder folder;
  test::write_bytes(folder / "test_batch.bin", cifar_record(2) + cifar_record(9));
  const DataSet data = read_dataset("cifar10:" + folder.path().string(), {});
  CHECK(data.shape == Shape{32, 32, 3});
  CHECK(data.labels == std::vector<uint16_t>{2, 9});
  CHECK(data.class_names[4] == "deer");
  const uint8_t* pixel = data.image(1) + (2 * 32 + 5) * 3;  // row 2, column 5
  CHECK(pixel[0] == 2 * 32 + 5);
  CHECK(pixel[1] == 100);
  CHECK(pixel[2] == 209);
}

TEST_CASE("packed files are recognised by their bytes, under any name") {
  const TemporaryFolder folder;
  write_idx_pair(folder / "images", folder / "labels", 3);
  const std::string images = test::read_bytes(folder / "images");
  const std::string labels = test::read_bytes(folder / "labels");
  const DataSet expected = [&] {
    test::write_bytes(folder / test_images, images);
    test::write_bytes(folder / test_labels, labels);
    return read_dataset("mnist:" + folder.path().string(), {});
  }();
  test::write_bytes(folder / test_images, xz(images));
  test::write_bytes(folder / test_labels, gzip(labels, folder / "scratch"));
  CHECK(content_hash(read_dataset("mnist:" + folder.path().string(), {})) ==
        content_hash(expected));
  std::filesystem::remove(folder / test_images);
  // Two members one after the other are one file, for gzip and for xz.
  test::write_bytes(folder / (std::string(test_images) + ".xz"),
                    xz(images.substr(0, 20)) + xz(images.substr(20)));
  test::write_bytes(folder / test_labels, gzip(labels.substr(0, 5), folder / "scratch") +
                                              gzip(labels.substr(5), folder / "scratch"));
  CHECK(content_hash(read_dataset("mnist:" + folder.path().string(), {})) ==
        content_hash(expected));
}

TEST_CASE("names, paths and labels that cannot be are refused in one line") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(read_dataset("fashion-mnits", {}),
                    Catch::Contains("did you mean 'fashion-mnist'?"));
  CHECK_THROWS_WITH(read_dataset("mnist", {}), Catch::Contains("no path"));
  CHECK_THROWS_AS(read_dataset("mnist:", {}), InputError);
  CHECK_THROWS_AS(read_dataset("mnist:" + (folder / "nowhere"), {}), InputError);
  CHECK_THROWS_AS(read_dataset("cifar:" + folder.path().string(), {}), InputError);
  CHECK_THROWS_AS(read_dataset("cifar:" + std::string(10'000, 'x'), {}), InputError);
  CHECK_THROWS_AS(read_dataset("mnist:" + std::string(10'000, 'x'), {}), InputError);
  test::write_bytes(folder / "f", cifar_record(10));
  CHECK_THROWS_WITH(read_dataset("cifar10:" + (folder / "f"), {}),
                    Catch::Contains("label 10, expected 0 to 9"));
  test::write_bytes(folder / "f", cifar_record(1) + "x");
  CHECK_THROWS_AS(read_dataset("cifar10:" + (folder / "f"), {}), InputError);
  test::write_bytes(folder / "f", "");
  CHECK_THROWS_AS(read_dataset("cifar10:" + (folder / "f"), {}), InputError);
}

TEST_CASE("an IDX file whose extents and length differ is refused, whatever it claims") {
  const TemporaryFolder folder;
  const std::string name = "mnist:" + folder.path().string();
  const auto refused = [&](const std::string& images, const std::string& labels) {
    test::write_bytes(folder / test_images, images);
    test::write_bytes(folder / test_labels, labels);
    CHECK_THROWS_AS(read_dataset(name, {}), InputError);
  };
  const std::string six = "abcdef";
  const std::string one_label = idx({1}, std::string(1, 1));
  refused(idx({1, 2, 3}, "abcde"), one_label);
  refused(idx({1, 2, 3}, "abcdefg"), one_label);
  refused(idx({2, 2, 3}, six + six), one_label);
  refused(idx({1, 2, 3}, six), idx({1}, "\x0a"));
  refused(idx({1, 6}, six), one_label);
  refused(idx({0xffffffff, 0xffffffff, 0xffffffff}, six), one_label);
  refused(idx({0x80000000, 0x80000000, 4}, ""), idx({0x80000000}, ""));
  refused(idx({0, 0xffffffff, 1}, ""), idx({0}, ""));
  refused(idx({0, 2, 3}, ""), idx({0}, ""));
  refused(idx({1, 2, 3}, six).substr(0, 7), one_label);
  refused("", one_label);
}

TEST_CASE("a damaged data set gives images or an InputError, never a crash") {
  const TemporaryFolder folder;
  write_idx_pair(folder / test_images, folder / test_labels, 5);
  const std::string images = test::read_bytes(folder / test_images);
  const std::string labels = test::read_bytes(folder / test_labels);
  const std::string records = cifar_record(3) + cifar_record(7);
  const std::vector<std::string> image_files = {images, gzip(images, folder / "scratch"),
                                                xz(images)};
  const std::vector<std::string> record_files = {records, gzip(records, folder / "scratch"),
                                                 xz(records)};
  std::mt19937_64 random(2);
  const auto read = [](const std::string& name) {
    try {
      const DataSet data = read_dataset(name, {});
      CHECK(data.pixels.size() ==
            static_cast<size_t>(data.size()) * static_cast<size_t>(data.shape.size()));
      for (const uint16_t label : data.labels) CHECK(label < data.classes);
    } catch (const InputError&) {
    }
  };
  for (size_t trial = 0; trial < 900; ++trial) {
    INFO("trial " << trial);
    test::write_bytes(folder / test_images, test::damaged(image_files[trial % 3], random));
    if (trial % 7 == 0) test::write_bytes(folder / test_labels, test::damaged(labels, random));
    if (trial % 7 == 1) test::write_bytes(folder / test_labels, labels);
    read("mnist:" + folder.path().string());
    test::write_bytes(folder / "records", test::damaged(record_files[trial % 3], random));
    read("cifar:" + (folder / "records"));
    read("cifar10:" + (folder / "records"));
  }
}

TEST_CASE("an image is centred, repeated over channels, and read in the format of the input") {
  const Network cnv = zoo_network("cnv-w1a1", {.width = 0.02});
  DataSet data;
  data.name = "test";
  data.shape = {28, 28, 1};
  data.classes = 10;
  data.labels = {0};
  data.pixels.assign(28 * 28, 255);
  const Tensor image = input_tensor(cnv, data, 0);
  CHECK(image.shape == cnv.input());
  CHECK(image.values.size() == 32 * 32 * 3);
  for (int c = 0; c < 3; ++c) {
    CHECK(image.at(1, 16, c) == -128);
    CHECK(image.at(2, 2, c) == 127);
    CHECK(image.at(29, 29, c) == 127);
    CHECK(image.at(30, 29, c) == -128);
  }
  const Network tfc = zoo_network("tfc-w1a2");
  data.pixels[0] = 127;
  data.pixels[1] = 128;
  const Tensor bits = input_tensor(tfc, data, 0);
  CHECK(bits.values[0] == -1);
  CHECK(bits.values[1] == 1);

  CHECK_THROWS_AS(input_tensor(cnv, data, 1), InputError);
  CHECK_THROWS_AS(input_tensor(cnv, data, -1), InputError);
  CHECK_THROWS_AS(input_tensor({20, 28, 1}, binary_format, data.image(0), data.shape, "test"),
                  InputError);
  CHECK_THROWS_AS(input_tensor({28, 28, 1}, signed_format(2), data.image(0), data.shape, "test"),
                  InputError);
  CHECK_THROWS_AS(input_tensor({28, 28, 1}, binary_format, data.image(0), {9, 9, 3}, "test"),
                  InputError);
}

TEST_CASE("real MNIST, CIFAR-10 and traffic signs are read as they were published") {
  const std::string mnist = test::shared_data("mnist");
  const std::string cifar10 = test::shared_data("cifar10/test_exact_first1017.bin.xz");
  const std::string gtsrb = test::shared_data("gtsrb");
  const DataSet digits = read_dataset("mnist:" + mnist, {});
  CHECK(digits.size() == 10'000);
  CHECK(digits.labels[0] == 7);
  CHECK(read_dataset("mnist:" + mnist, {.train = true}).size() == 60'000);
  const DataSet things = read_dataset("cifar10:" + cifar10, {});
  CHECK(things.size() == 1017);
  CHECK(things.labels[0] == 3);  // the cat that opens the test set
  const DataSet signs = read_dataset("gtsrb:" + gtsrb, {});
  CHECK(signs.size() == 12'630);
  CHECK(signs.classes == 43);
  CHECK(std::set<uint16_t>(signs.labels.begin(), signs.labels.end()).size() == 43);
}

TEST_CASE("images that are spread over a set are of all its classes, where the first are of one") {
  DataSet data;
  data.name = "sorted";
  data.shape = {1, 2, 1};
  data.classes = 10;
  for (int i = 0; i < 1000; ++i) {
    data.labels.push_back(static_cast<uint16_t>(i / 100));
    data.pixels.push_back(static_cast<uint8_t>(i / 4));
    data.pixels.push_back(static_cast<uint8_t>(i % 4));
  }
  data.is_raw = data.is_signed = true;
  const DataSet some = spread_images(data, 30);
  REQUIRE(some.size() == 30);
  CHECK(some.is_raw);
  CHECK(some.is_signed);
  for (int i = 0; i < 30; ++i) {
    CHECK(some.labels[static_cast<size_t>(i)] == i / 3);
    CHECK(some.image(i)[0] * 4 + some.image(i)[1] == i * 1000 / 30);
  }
  const DataSet all = spread_images(data, 1000);
  CHECK(all.pixels == data.pixels);
  CHECK(all.labels == data.labels);
}
