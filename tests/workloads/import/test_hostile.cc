// Damaged and hostile files: one line, no crash, no memory beyond the file's size.
#include <cstring>
#include <random>

#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/workloads/import/expected.h"
#include "workloads/compressed_file.h"
#include "workloads/export/onnx_writer.h"
#include "workloads/npy_reader.h"
#include "workloads/raw_reader.h"

using namespace stuckat;

namespace {

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Whatever the bytes are: a network that validate() accepts, or one line.
void check_refused_or_right(const std::string& path, const std::string& bytes) {
  write(path, bytes);
  const std::string message = test::refusal([&] { import_network(path, "", {}); });
  CHECK(std::count(message.begin(), message.end(), '\n') == 0);
}

/// Every prefix of a few lengths, and random bytes changed, set to their ends, or left out.
void check_damage(const std::string& name, const std::string& bytes, int count) {
  const test::TemporaryFolder folder;
  std::mt19937 random(7);
  const auto draw = [&](size_t below) {
    return std::uniform_int_distribution<size_t>(0, below - 1)(random);
  };
  for (int i = 0; i < count; ++i) {
    INFO(name << ", damage " << i);
    std::string damaged = bytes;
    switch (i % 4) {
      case 0:
        damaged.resize(draw(bytes.size()));
        break;
      case 1:
        damaged[draw(bytes.size())] = static_cast<char>(draw(256));
        break;
      case 2:
        for (int k = 0; k < 8; ++k) damaged[draw(bytes.size())] = static_cast<char>(draw(2) * 255);
        break;
      default:
        damaged.erase(draw(bytes.size()), 1 + draw(16));
    }
    check_refused_or_right(folder / name, damaged);
  }
}

OnnxWriter small_network() {
  OnnxWriter w;
  w.input("x", {1, 2, 4, 4}).scalar("s", 0.5F).scalar("zero", 0).scalar("bits", 4);
  w.floats("w", {2, 1, 3, 3}, std::vector<float>(18, 0.5F)).floats("b", {2}, {0.5F, -1});
  w.int64s("flat", {2}, {1, -1}).floats("t", {1, 3}, {-1, 0, 1});
  w.node("Quant", {"x", "s", "zero", "bits"}, "q", {.ints = {{"narrow", {1}}}});
  w.node("Quant", {"w", "s", "zero", "bits"}, "wq");
  w.node("Conv", {"q", "wq", "b"}, "c", {.ints = {{"pads", {1, 1, 1, 1}}, {"group", {2}}}});
  w.node("MultiThreshold", {"c", "t"}, "m", {.ints = {{"out_bias", {-2}}}});
  w.node("Add", {"m", "q"}, "a").node("Quant", {"a", "s", "zero", "bits"}, "r");
  w.node("MaxPool", {"r"}, "p", {.ints = {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}}});
  w.node("Reshape", {"p", "flat"}, "f").floats("v", {8, 3}, std::vector<float>(24, 1));
  w.node("MatMul", {"f", "v"}, "y").output("y", {1, 3});
  return w;
}

}  // namespace

TEST_CASE("damaged ONNX files are refused in one line or read") {
  check_damage("small.onnx", small_network().bytes(), sanitized ? 200 : 1000);
}

TEST_CASE("damaged TFLite files are refused in one line or read") {
  const std::string path = test::shared_data("networks/tflite-micro/micro_speech_quantized.tflite");
  const std::vector<uint8_t> bytes = read_plain_file(path);
  const std::string text(bytes.begin(), bytes.end());
  check_damage("a.tflite", text, sanitized ? 40 : 200);
  // The tables lie at both ends of the file, the weights between them.
  std::string tables = text.substr(0, 400);
  check_damage("b.tflite", tables, 200);
}

TEST_CASE("files that claim more than they hold are refused before memory is taken") {
  const test::TemporaryFolder folder;
  const auto message = [&](const std::string& name, const std::string& bytes) {
    write(folder / name, bytes);
    return test::refusal([&] { import_network(folder / name, "", {}); });
  };
  // A tensor of 2^28 elements without data.
  const std::string dims = OnnxWriter::key(1, 0) + OnnxWriter::varint(1 << 28);
  const std::string tensor =
      dims + OnnxWriter::key(2, 0) + OnnxWriter::varint(1) + OnnxWriter::field(8, "w");
  const std::string head = OnnxWriter::key(1, 0) + OnnxWriter::varint(8);
  CHECK_THAT(message("a.onnx", head + OnnxWriter::field(7, OnnxWriter::field(5, tensor))),
             Catch::Contains("tensor 'w' holds 0 of"));
  OnnxWriter huge;
  huge.input("x", {1, 65536, 65536, 65536}).output("x", {1});
  CHECK_THAT(message("b.onnx", huge.bytes()), Catch::Contains("has no sizes"));
  CHECK_THAT(message("c.onnx", head + OnnxWriter::key(7, 2) + OnnxWriter::varint(1 << 30)),
             Catch::Contains("a field beyond the end"));
  CHECK_THAT(message("d", "no network at all"), Catch::Contains("is of no known format"));
  CHECK_THAT(message("e.tflite", std::string("\x10\0\0\0TFL3", 8) + std::string(40, '\xff')),
             Catch::Contains("a whole TFLite file"));
  std::string loop = std::string("\x08\0\0\0TFL3", 8) + std::string(64, '\0');
  CHECK_THAT(message("f.tflite", loop), Catch::Contains("graphs, not 1"));
  CHECK_THAT(test::refusal([&] { import_network(folder / "d", "onx", {}); }),
             Catch::Contains("did you mean 'onnx'?"));
  CHECK_THAT(test::refusal([&] { import_network(folder / "none", "", {}); }),
             Catch::Contains("no such file"));
}

TEST_CASE("a network of many layers that share one constant is bounded") {
  OnnxWriter w;
  w.input("x", {1, 64, 1, 1}).scalar("one", 1).scalar("zero", 0).scalar("eight", 8);
  w.floats("w", {64, 64, 1, 1}, std::vector<float>(64 * 64, 1)).scalar("s", 4096);
  w.node("Quant", {"x", "one", "zero", "eight"}, "t0");
  for (int i = 0; i < 1100; ++i) {
    const std::string n = std::to_string(i);
    w.node("Conv", {"t" + n, "w"}, "c" + n);
    w.node("Quant", {"c" + n, "s", "zero", "eight"}, "t" + std::to_string(i + 1),
           {.ints = {{"signed", {i % 2}}}});
  }
  w.output("t1100", {1, 64, 1, 1});
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "many.onnx", w.bytes());
  CHECK_THAT(test::refusal([&] { import_network(folder / "many.onnx", "", {}); }),
             Catch::Contains("more than 1000 layers") || Catch::Contains("2^26"));
}

TEST_CASE(".npy files with other types, orders and sizes are refused") {
  const test::TemporaryFolder folder;
  const auto npy = [&](const std::string& header, const std::string& data) {
    std::string bytes = std::string("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    write(folder / "x.npy", bytes + header + data);
    return test::refusal([&] { read_npy(folder / "x.npy"); });
  };
  const std::string good = "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 2), }";
  CHECK(npy(good, "abcd") == "accepted");
  CHECK(read_npy(folder / "x.npy").integers("x") == std::vector<int64_t>{97, 98, 99, 100});
  CHECK_THAT(npy(good, "abc"), Catch::Contains("3 bytes of data for 4"));
  CHECK_THAT(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "abcd"),
             Catch::Contains("type '>f4'"));
  CHECK_THAT(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", ""),
             Catch::Contains("type '|O'"));
  CHECK_THAT(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd"),
             Catch::Contains("Fortran"));
  CHECK_THAT(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), }", "abcd"),
             Catch::Contains("the shape"));
  CHECK_THAT(npy("{'descr': '<f4'", ""), Catch::Contains("fortran_order"));
}

TEST_CASE("raw data sets are integers with labels, in order") {
  const test::TemporaryFolder folder;
  const auto npy = [&](const std::string& name, const std::string& type, const std::string& shape,
                       const std::string& data) {
    const std::string header =
        "{'descr': '|" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
    std::string bytes = std::string("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    write(folder / name, bytes + header + data);
  };
  npy("x.npy", "i1", "(2, 2, 1, 2)", std::string("\x01\x02\x03\xff\x05\x06\x07\x80", 8));
  npy("labels.npy", "u1", "(2,)", std::string("\x02\x00", 2));
  const DataSet data = read_dataset("raw:" + folder / "x.npy", {});
  CHECK(data.shape == Shape{2, 1, 2});
  CHECK(data.is_signed);
  CHECK(data.labels == std::vector<uint16_t>{2, 0});
  CHECK(data.classes == 3);
  CHECK(data.pixels[3] == 255);
  const DataSet turned = read_dataset("raw-chw:" + folder / "x.npy", {.offset = 1});
  CHECK(turned.shape == Shape{1, 2, 2});
  CHECK(turned.pixels == std::vector<uint8_t>{5, 7, 6, 128});
  npy("labels.npy", "u1", "(1,)", std::string("\x02", 1));
  CHECK_THAT(test::refusal([&] { read_dataset("raw:" + folder / "x.npy", {}); }),
             Catch::Contains("1 labels"));
  write(folder / "y_labels.csv", "a.bin, 4, 3\nb.bin, 4, 0\n");
  write(folder / "a.bin", "\x01\xfe");
  write(folder / "b.bin", "\x03\x04");
  const DataSet listed = read_dataset("raw:" + folder.path().string(), {});
  CHECK(listed.classes == 4);
  CHECK(listed.pixels == std::vector<uint8_t>{1, 254, 3, 4});
  write(folder / "b.bin", "\x03");
  CHECK_THAT(test::refusal([&] { read_dataset("raw:" + folder.path().string(), {}); }),
             Catch::Contains("1 bytes"));
  write(folder / "y_labels.csv", "../a.bin, 4, 3\n");
  CHECK_THAT(test::refusal([&] { read_dataset("raw:" + folder.path().string(), {}); }),
             Catch::Contains("a file of this folder"));
}
