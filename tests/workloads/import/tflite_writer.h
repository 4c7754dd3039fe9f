// Small TFLite files for tests: a FlatBuffer written from the front, tables before what they refer
// to. Field numbers are those of TensorFlow Lite's published schema (version 3).
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace stuckat::test {

class FlatWriter {
 public:
  using Child = std::function<size_t()>;  // writes it, and says where
  /// Absent, a number of up to 32 bits, or what an offset leads to.
  struct Field {
    bool present = false;
    uint32_t number = 0;
    Child child = {};

    Field() = default;
    Field(int value) : present(true), number(static_cast<uint32_t>(value)) {}
    Field(Child to) : present(true), child(std::move(to)) {}
  };

  size_t table(const std::vector<Field>& fields) {
    while (bytes_.size() % 4 != 0) bytes_ += '\0';
    const size_t vtable = bytes_.size();
    put(4 + 2 * fields.size(), 2);
    put(4 + 4 * fields.size(), 2);
    for (size_t i = 0; i < fields.size(); ++i) put(fields[i].present ? 4 + 4 * i : 0, 2);
    while (bytes_.size() % 4 != 0) bytes_ += '\0';
    const size_t at = bytes_.size();
    put(at - vtable, 4);
    for (const Field& field : fields) put(field.number, 4);
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].child) point(at + 4 + 4 * i, fields[i].child());
    }
    return at;
  }
  template <typename T>
  Child numbers(const std::vector<T>& values) {
    return [this, values] {
      while (bytes_.size() % 4 != 0) bytes_ += '\0';
      const size_t at = bytes_.size();
      put(values.size(), 4);
      const auto* data = reinterpret_cast<const char*>(values.data());
      bytes_.append(data, values.size() * sizeof(T));
      return at;
    };
  }
  Child text(const std::string& text) {
    return numbers(std::vector<char>(text.begin(), text.end()));
  }
  Child tables(const std::vector<Child>& all) {
    return [this, all] {
      while (bytes_.size() % 4 != 0) bytes_ += '\0';
      const size_t at = bytes_.size();
      put(all.size(), 4);
      for (size_t i = 0; i < all.size(); ++i) put(0, 4);
      for (size_t i = 0; i < all.size(); ++i) point(at + 4 + 4 * i, all[i]());
      return at;
    };
  }
  Child child(const std::vector<Field>& fields) {
    return [this, fields] { return table(fields); };
  }
  std::string file(const char* identifier, const Child& root) {
    bytes_.assign(4, '\0');
    bytes_ += identifier;
    point(0, root());
    return bytes_;
  }

 private:
  void put(size_t value, size_t count) {
    for (size_t i = 0; i < count; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 255);
  }
  void point(size_t from, size_t to) {
    for (size_t i = 0; i < 4; ++i) bytes_[from + i] = static_cast<char>((to - from) >> (8 * i));
  }

  std::string bytes_;
};

/// Tensors and operators of one graph. Types: 0 float32, 2 int32, 9 int8.
class TfliteWriter {
 public:
  struct Quantization {
    float scale = 0;
    int64_t zero_point = 0;
  };
  int activation(const std::vector<int32_t>& shape, Quantization q, int type = 9) {
    return add(shape, type, {}, q);
  }
  int weights(const std::vector<int32_t>& shape, const std::vector<int8_t>& values, float scale) {
    std::vector<uint8_t> bytes(values.size());
    std::memcpy(bytes.data(), values.data(), values.size());
    return add(shape, 9, bytes, {scale, 0});
  }
  int integers(const std::vector<int32_t>& values) {
    std::vector<uint8_t> bytes(values.size() * 4);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return add({static_cast<int32_t>(values.size())}, 2, bytes, {});
  }
  /// options: of the operator's own table.
  void node(int code, const std::vector<int32_t>& inputs, int output,
            const std::vector<FlatWriter::Field>& options = {}) {
    operator_codes_.push_back(writer_.child({code, {}, 1, code}));
    operators_.push_back(
        writer_.child({static_cast<int>(operators_.size()), writer_.numbers(inputs),
                       writer_.numbers(std::vector<int32_t>{output}), 1, writer_.child(options)}));
  }
  std::string file(int input, int output) {
    const auto graph =
        writer_.child({writer_.tables(tensors_), writer_.numbers(std::vector<int32_t>{input}),
                       writer_.numbers(std::vector<int32_t>{output}), writer_.tables(operators_)});
    return writer_.file("TFL3", writer_.child({3,
                                               writer_.tables(operator_codes_),
                                               writer_.tables({graph}),
                                               {},
                                               writer_.tables(buffers_)}));
  }

 private:
  int add(const std::vector<int32_t>& shape, int type, const std::vector<uint8_t>& bytes,
          Quantization q) {
    const int buffer = static_cast<int>(buffers_.size());
    buffers_.push_back(bytes.empty() ? writer_.child({}) : writer_.child({writer_.numbers(bytes)}));
    const auto quantization = writer_.child({{},
                                             {},
                                             writer_.numbers(std::vector<float>{q.scale}),
                                             writer_.numbers(std::vector<int64_t>{q.zero_point})});
    tensors_.push_back(writer_.child(
        {writer_.numbers(shape), type, buffer, writer_.text("t" + std::to_string(tensors_.size())),
         q.scale > 0 ? FlatWriter::Field(quantization) : FlatWriter::Field()}));
    return static_cast<int>(tensors_.size()) - 1;
  }

  FlatWriter writer_;
  std::vector<FlatWriter::Child> tensors_, buffers_, operator_codes_, operators_;
};

}  // namespace stuckat::test
