// SVHN's MATLAB files and folders of JPEG and PNG: small files in the true formats, and damaged
// ones.
#include <matio.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "tests/support/catch.h"
#include "tests/support/picture_files.h"
#include "tests/support/temporary_folder.h"
#include "workloads/dataset.h"
#include "workloads/decode_ahead.h"
#include "workloads/errors.h"
#include "workloads/mat_reader.h"
#include "workloads/picture.h"
#include "workloads/zoo.h"

using namespace stuckat;
using test::TemporaryFolder;
using test::two_colours;
using test::write_jpeg;
using test::write_png;

namespace {

/// X[row][column][channel][image] = a function of all four, as MATLAB stores it; labels in y.
uint8_t svhn_pixel(int row, int column, int channel, int image) {
  return static_cast<uint8_t>(row * 7 + column * 3 + channel * 50 + image * 11);
}

void write_svhn(const std::string& path, const std::vector<double>& labels, size_t images,
                matio_compression packing, int channels = 3) {
  mat_t* file = Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5);
  REQUIRE(file != nullptr);
  std::vector<uint8_t> x;
  for (int n = 0; n < static_cast<int>(images); ++n) {
    for (int c = 0; c < channels; ++c) {
      for (int column = 0; column < 32; ++column) {
        for (int row = 0; row < 32; ++row) x.push_back(svhn_pixel(row, column, c, n));
      }
    }
  }
  size_t extents[4] = {32, 32, static_cast<size_t>(channels), images};
  matvar_t* variable = Mat_VarCreate("X", MAT_C_UINT8, MAT_T_UINT8, 4, extents, x.data(), 0);
  Mat_VarWrite(file, variable, packing);
  Mat_VarFree(variable);
  size_t column[2] = {labels.size(), 1};
  std::vector<double> y = labels;
  variable = Mat_VarCreate("y", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, column, y.data(), 0);
  Mat_VarWrite(file, variable, packing);
  Mat_VarFree(variable);
  Mat_Close(file);
}

/// train/ and test/ with two classes: b has two pictures, a has one.
void write_folder(const TemporaryFolder& folder, int height = 8, int width = 8) {
  for (const char* half : {"train", "test"}) {
    for (const char* name : {"a", "b"}) {
      std::filesystem::create_directories(folder.path() / half / name);
    }
    const std::string base = folder / half;
    write_jpeg(base + "/a/0000.jpg", two_colours(height, width, 10, 10));
    write_png(base + "/b/0000.png", two_colours(height, width, 20, 220));
    write_jpeg(base + "/b/0001.JPEG", two_colours(height, width, 90, 90), true);
    test::write_bytes(base + "/b/readme.txt", "no picture");
  }
}

}  // namespace

TEST_CASE("SVHN: MATLAB's column order becomes rows, label 10 is digit 0") {
  const TemporaryFolder folder;
  const std::vector<double> labels = {10, 1, 9};
  for (const auto packing : {MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB}) {
    write_svhn(folder / "test_32x32.mat", labels, 3, packing);
    const DataSet data = read_dataset("svhn:" + folder.path().string(), {});
    CHECK(data.labels == std::vector<uint16_t>{0, 1, 9});
    CHECK(data.shape == Shape{32, 32, 3});
    for (int row = 0; row < 32; ++row) {
      for (int column = 0; column < 32; ++column) {
        for (int c = 0; c < 3; ++c) {
          REQUIRE(data.image(2)[(row * 32 + column) * 3 + c] == svhn_pixel(row, column, c, 2));
        }
      }
    }
    const DataSet one = read_dataset("svhn:" + (folder / "test_32x32.mat"), {false, 1, 1});
    CHECK(one.labels == std::vector<uint16_t>{1});
    CHECK(one.image(0)[0] == svhn_pixel(0, 0, 0, 1));
  }
}

TEST_CASE("SVHN files that are damaged or something else are refused") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.mat";
  CHECK_THROWS_AS(read_dataset("svhn:" + folder.path().string(), {}), InputError);
  CHECK_THROWS_AS(read_mat_images(path), InputError);
  test::write_bytes(path, "no MAT file at all, and rather short");
  CHECK_THROWS_AS(read_mat_images(path), InputError);
  write_svhn(path, {1, 2}, 3, MAT_COMPRESSION_NONE);
  CHECK_THROWS_AS(read_mat_images(path), InputError);
  write_svhn(path, {1, 2, 2.5}, 3, MAT_COMPRESSION_NONE);
  CHECK_THROWS_AS(read_mat_images(path), InputError);
  write_svhn(path, {1, 2, 11}, 3, MAT_COMPRESSION_NONE);
  CHECK_THROWS_AS(read_dataset("svhn:" + path, {}), InputError);
  write_svhn(path, {1, 2, 3}, 3, MAT_COMPRESSION_ZLIB);
  const std::string whole = test::read_bytes(path);
  for (const size_t size : {whole.size() / 2, whole.size() - 20, size_t{130}}) {
    test::write_bytes(path, whole.substr(0, size));
    CHECK_THROWS_AS(read_mat_images(path), InputError);
  }
}

TEST_CASE("a folder of pictures: classes by name, taken in turn") {
  const TemporaryFolder folder;
  write_folder(folder);
  const DataSet data = read_dataset("images:" + folder.path().string(), {});
  CHECK(data.class_names == std::vector<std::string>{"a", "b"});
  CHECK(data.labels == std::vector<uint16_t>{0, 1, 1});
  CHECK(data.shape == Shape{8, 8, 3});
  CHECK(data.image(1)[0] == 20);           // PNG loses nothing
  CHECK(data.image(1)[7 * 3 + 2] == 220);  // last pixel of the first row
  CHECK(std::abs(data.image(0)[0] - 10) <= 2);
  CHECK(std::abs(data.image(2)[5] - 90) <= 2);  // grey becomes three channels
  CHECK(read_dataset("images:" + folder.path().string(), {true, 1, 1}).labels[0] == 1);
}

TEST_CASE("a class has the same number in both halves") {
  const TemporaryFolder folder;
  write_folder(folder);
  const std::string name = "images:" + folder.path().string();
  std::filesystem::remove_all(folder.path() / "test/a");
  const DataSet only_b = read_dataset(name, {});
  CHECK(only_b.class_names == std::vector<std::string>{"a", "b"});
  CHECK(only_b.labels == std::vector<uint16_t>{1, 1});
  std::filesystem::rename(folder.path() / "test/b", folder.path() / "test/c");
  CHECK_THROWS_WITH(read_dataset(name, {}), Catch::Contains("test/c"));
  std::filesystem::remove_all(folder.path() / "train");
  CHECK(read_dataset(name, {}).class_names == std::vector<std::string>{"c"});
}

TEST_CASE("pictures are resized by their shorter side, and the middle is taken") {
  const Picture wide = two_colours(20, 60, 40, 200);
  const Picture small = resized(wide, 10, 10);
  CHECK(small.height == 10);
  CHECK(small.width == 10);
  CHECK(small.pixels[0] == 40);       // 5 pixels left of the middle
  CHECK(small.pixels[9 * 3] == 200);  // 4 to the right
  for (int i = 1; i < 10; ++i) {
    CHECK(small.pixels[static_cast<size_t>(i) * 3] >= small.pixels[static_cast<size_t>(i - 1) * 3]);
  }
  CHECK(resized(wide, 20, 20).pixels[0] == 40);
  const Picture large = resized(two_colours(5, 5, 7, 7), 40, 32);
  CHECK(large.pixels == std::vector<uint8_t>(32 * 32 * 3, 7));
  const TemporaryFolder folder;
  write_folder(folder, 30, 44);
  CHECK(read_dataset("images@12:" + folder.path().string(), {}).shape == Shape{12, 12, 3});
  CHECK(read_dataset("imagenet:" + folder.path().string(), {}).shape == Shape{224, 224, 3});
  CHECK_THROWS_AS(read_dataset("images@0:" + folder.path().string(), {}), InputError);
  CHECK_THROWS_AS(read_dataset("images@x:" + folder.path().string(), {}), InputError);
}

TEST_CASE("pictures that are damaged, of other sizes or missing are refused by name") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(read_dataset("images:" + folder.path().string(), {}), InputError);
  write_folder(folder);
  const std::string name = "images:" + folder.path().string();
  const std::string jpeg = folder / "test/a/0000.jpg";
  const std::string png = folder / "test/b/0000.png";
  for (const std::string& path : {jpeg, png}) {
    const std::string whole = test::read_bytes(path);
    for (const size_t size : {whole.size() / 2, size_t{30}, size_t{3}, size_t{0}}) {
      test::write_bytes(path, whole.substr(0, size));
      CHECK_THROWS_WITH(read_dataset(name, {}), Catch::Contains(path));
    }
    test::write_bytes(path, whole);
  }
  CHECK(read_dataset(name, {}).size() == 3);
  write_png(png, two_colours(8, 9, 1, 2));
  CHECK_THROWS_WITH(read_dataset(name, {}), Catch::Contains("8x9"));
  CHECK(read_dataset("images@8" + name.substr(6), {}).size() == 3);
}

namespace {

/// One row of 16-bit samples, 8-bit ones, or bits, with what else a PNG may say.
void write_raw_png(const std::string& path, int colour, int depth, const std::string& row,
                   const std::function<void(png_structp, png_infop)>& more = {}) {
  FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  const int samples = colour == PNG_COLOR_TYPE_RGB          ? 3
                      : colour == PNG_COLOR_TYPE_RGBA       ? 4
                      : colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                            : 1;
  const auto width =
      static_cast<png_uint_32>(8 * row.size() / static_cast<size_t>(samples * depth));
  png_set_IHDR(png, info, width, 1, depth, colour, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (more) more(png, info);
  png_write_info(png, info);
  std::string bytes = row;
  png_write_row(png, reinterpret_cast<png_bytep>(bytes.data()));
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

std::vector<int> pixels_of(const std::string& path) {
  const Picture p = read_picture(path);
  return {p.pixels.begin(), p.pixels.end()};
}

}  // namespace

TEST_CASE("PNG gives the stored samples: the upper byte, no gamma, no alpha, no transparency") {
  const TemporaryFolder folder;
  const std::string path = folder / "p.png";
  write_raw_png(path, PNG_COLOR_TYPE_GRAY, 16, std::string("\x13\xff\x80\x00", 4));
  CHECK(pixels_of(path) == std::vector<int>{19, 19, 19, 128, 128, 128});
  write_raw_png(path, PNG_COLOR_TYPE_RGB, 16, std::string("\x01\xff\x02\xff\x03\xff", 6));
  CHECK(pixels_of(path) == std::vector<int>{1, 2, 3});
  write_raw_png(path, PNG_COLOR_TYPE_RGB, 8, std::string("\x10\x20\x30", 3),
                [](png_structp png, png_infop info) { png_set_gAMA(png, info, 1.0); });
  CHECK(pixels_of(path) == std::vector<int>{16, 32, 48});
  write_raw_png(path, PNG_COLOR_TYPE_RGBA, 8, std::string("\x10\x20\x30\x00", 4));
  CHECK(pixels_of(path) == std::vector<int>{16, 32, 48});
  write_raw_png(path, PNG_COLOR_TYPE_GRAY_ALPHA, 8, std::string("\x40\x00", 2));
  CHECK(pixels_of(path) == std::vector<int>{64, 64, 64});
  write_raw_png(path, PNG_COLOR_TYPE_RGB, 8, std::string("\x10\x20\x30", 3),
                [](png_structp png, png_infop info) {
                  const png_color_16 clear = {0, 0x10, 0x20, 0x30, 0};
                  png_set_tRNS(png, info, nullptr, 0, &clear);
                });
  CHECK(pixels_of(path) == std::vector<int>{16, 32, 48});
  write_raw_png(path, PNG_COLOR_TYPE_PALETTE, 8, std::string("\x01\x00", 2),
                [](png_structp png, png_infop info) {
                  const png_color colours[] = {{1, 2, 3}, {4, 5, 6}};
                  png_byte alpha[] = {0, 0};
                  png_set_PLTE(png, info, colours, 2);
                  png_set_tRNS(png, info, alpha, 2, nullptr);
                });
  CHECK(pixels_of(path) == std::vector<int>{4, 5, 6, 1, 2, 3});
  write_raw_png(path, PNG_COLOR_TYPE_GRAY, 4, std::string("\x1f", 1));
  CHECK(pixels_of(path) == std::vector<int>{17, 17, 17, 255, 255, 255});
}

TEST_CASE(
    "a class's folder may hold folders, and Tiny-ImageNet's list says the classes of one folder") {
  const TemporaryFolder folder;
  const auto picture = [&](const std::string& path, uint8_t value) {
    std::filesystem::create_directories(std::filesystem::path(folder / path).parent_path());
    write_png(folder / path, two_colours(4, 4, value, value));
  };
  picture("train/n1/images/n1_0.png", 1);
  picture("train/n2/images/n2_0.png", 2);
  picture("val/images/val_0.png", 12);
  picture("val/images/val_1.png", 11);
  picture("test/images/test_0.png", 99);
  test::write_bytes(folder / "val/val_annotations.txt",
                    "val_0.png\tn2\t0\t0\t9\t9\nval_1.png\tn1\t0\t0\t9\t9\n");
  const std::string name = "images:" + folder.path().string();
  const DataSet train = read_dataset(name, {true});
  CHECK(train.class_names == std::vector<std::string>{"n1", "n2"});
  CHECK(train.labels == std::vector<uint16_t>{0, 1});
  CHECK(train.image(1)[0] == 2);
  const DataSet val = read_dataset(name, {});
  CHECK(val.labels == std::vector<uint16_t>{0, 1});
  CHECK(val.image(0)[0] == 11);
  CHECK(val.image(1)[0] == 12);
  test::write_bytes(folder / "val/val_annotations.txt", "val_0.png\tn9\n");
  CHECK_THROWS_WITH(read_dataset(name, {}), Catch::Contains("line 1: class 'n9'"));
  std::filesystem::remove_all(folder.path() / "train/n1/images");
  std::filesystem::remove_all(folder.path() / "train/n2/images");
  CHECK_THROWS_WITH(read_dataset(name, {true}), Catch::Contains("holds no pictures"));
}

TEST_CASE("pictures smaller than the input are refused, with the name that resizes them") {
  const TemporaryFolder folder;
  write_folder(folder, 24, 24);
  const Network network = zoo_network("cnv-w1a1", {.classes = 2});
  const DataSet small = read_dataset("images:" + folder.path().string(), {});
  CHECK_THROWS_WITH(check_same_data(network, small, "m.h5"), Catch::Contains("images@32:PATH"));
  CHECK_NOTHROW(
      check_same_data(network, read_dataset("images@32:" + folder.path().string(), {}), "m.h5"));
}

TEST_CASE("a MAT file whose checksum is wrong is refused, wherever a bit is flipped") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.mat";
  write_svhn(path, {1, 2, 3}, 3, MAT_COMPRESSION_ZLIB);
  const std::string good = test::read_bytes(path);
  int refused = 0, trials = 0;
  for (size_t at = 140; at < good.size(); at += 1 + good.size() / 60) {
    std::string bad = good;
    bad[at] ^= 4;
    test::write_bytes(path, bad);
    ++trials;
    try {
      const DataSet data = read_dataset("svhn:" + path, {});
      write_svhn(path, {1, 2, 3}, 3, MAT_COMPRESSION_ZLIB);
      CHECK(content_hash(data) == content_hash(read_dataset("svhn:" + path, {})));
    } catch (const InputError&) {
      ++refused;
    }
  }
  CHECK(trials > 40);
  CHECK(refused == trials);
}

TEST_CASE("pictures decoded ahead: every byte, in the order asked for, on any number of threads") {
  const TemporaryFolder folder;
  for (int n = 0; n < 23; ++n) {
    const std::string name = folder / ("train/" + std::string(n % 2 == 0 ? "a" : "b"));
    std::filesystem::create_directories(name);
    write_png(name + "/" + std::to_string(100 + n) + ".png",
              two_colours(6 + n % 3, 7, static_cast<uint8_t>(n), static_cast<uint8_t>(255 - n)));
  }
  const std::string name = "images@5:" + folder.path().string();
  const DataSet whole = read_dataset(name, {true});
  const DataSet listed = open_dataset(name, {true}, 100);
  REQUIRE(listed.folder != nullptr);
  CHECK(listed.pixels.empty());
  CHECK(listed.labels == whole.labels);
  CHECK(listed.shape == whole.shape);
  CHECK(open_dataset(name, {true}, 23 * 75).folder == nullptr);
  CHECK(first_images(listed, 4).pixels == first_images(whole, 4).pixels);
  std::vector<int> order;
  for (int i = 0; i < 40; ++i) order.push_back(i * 5 % 23);
  for (const int threads : {1, 2, 5}) {
    DecodeAhead ahead(*listed.folder, order, 7, threads);
    for (size_t first = 0; first < order.size(); first += 7) {
      const uint8_t* pixels = ahead.next();
      for (size_t i = first; i < std::min(order.size(), first + 7); ++i, pixels += 75) {
        REQUIRE(std::equal(pixels, pixels + 75, whole.image(order[i])));
      }
    }
  }
  const DecodeAhead unused(*listed.folder, order, 7, 2);  // ends without being asked
}

TEST_CASE("a damaged picture is told by name when its batch is asked for: the first in the order") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "train/a");
  for (int n = 0; n < 12; ++n) {
    write_png(folder / ("train/a/" + std::to_string(10 + n) + ".png"), two_colours(4, 4, 1, 2));
  }
  const DataSet listed = open_dataset("images:" + folder.path().string(), {true}, 0);
  test::write_bytes(folder / "train/a/17.png", "nothing");
  test::write_bytes(folder / "train/a/16.png", "nothing");
  std::vector<int> order = {0, 1, 2, 3, 4, 5, 8, 7, 6, 9, 10, 11};
  for (const int threads : {1, 4}) {
    DecodeAhead ahead(*listed.folder, order, 3, threads);
    CHECK_NOTHROW(ahead.next());
    CHECK_NOTHROW(ahead.next());
    CHECK_THROWS_WITH(ahead.next(), Catch::Contains("train/a/17.png"));
  }
}
