// add: what the tables make of the values of each input, added element by element. The gradient
// passes a table as its mean slope (straight through).
#include <algorithm>

#include "trainer/graph/operation.h"

namespace stuckat::trainer {
namespace {

/// A table by value, and its mean slope.
struct Addend {
  int least = 0;
  std::vector<int32_t> by_value;  // [value - least]
  bool is_line = true;
  int32_t rise = 0;  // of a line, from one value to the next
  float slope = 1;   // by a real value
};

Addend addend_of(const CodeTable& table) {
  const NumberFormat format = table.format;
  Addend a;
  a.least = format.min_value();
  const int greatest = format.max_level();
  for (int v = a.least; v <= greatest; ++v) {
    const bool is_value = format.kind != FormatKind::binary || v != 0;
    // Dropout's 0 has no code in binary: half way.
    a.by_value.push_back(is_value ? table.values[format.code(v)]
                                  : (table.values[0] + table.values[1]) / 2);
  }
  const auto first = static_cast<size_t>(format.min_level() - a.least);
  const auto span = static_cast<float>(greatest - format.min_level());
  a.slope = static_cast<float>(a.by_value.back() - a.by_value[first]) / span *
            static_cast<float>(greatest);
  a.rise = a.by_value[1] - a.by_value[0];
  for (size_t i = 1; i < a.by_value.size(); ++i) {
    a.is_line = a.is_line && a.by_value[i] - a.by_value[i - 1] == a.rise;
  }
  return a;
}

class Add : public Operation {
 public:
  explicit Add(const Layer& layer) : shape_(layer.output) {
    for (const CodeTable& table : layer.tables) addends_.push_back(addend_of(table));
  }

  void sums(const OperationBatch& batch, int32_t* sums) const override { add(batch, sums); }
  void sums(const OperationBatch& batch, float* sums) const override { add(batch, sums); }

  void input_gradients(const OperationBatch& batch, const float* gradient) const override {
    const size_t size = block_elements(shape_);
    batch.workers.run(block_count(batch.samples), [&](int block) {
      const float* from = gradient + block * size;
      for (size_t k = 0; k < batch.inputs.size(); ++k) {
        const OperationInput& input = batch.inputs[k];
        if (input.gradient == nullptr) continue;
        float* to = input.gradient + block * size;
        const float slope = addends_[k].slope * static_cast<float>(input.unit_scale);
        if (input.add) {
          for (size_t i = 0; i < size; ++i) to[i] += slope * from[i];
        } else {
          for (size_t i = 0; i < size; ++i) to[i] = slope * from[i];
        }
      }
    });
  }

 private:
  template <class Sum>
  void add(const OperationBatch& batch, Sum* sums) const {
    const size_t size = block_elements(shape_);
    batch.workers.run(block_count(batch.samples), [&](int block) {
      Sum* out = sums + block * size;
      std::fill_n(out, size, Sum{0});
      for (size_t k = 0; k < addends_.size(); ++k) {
        const Addend& a = addends_[k];
        const int16_t* in = batch.inputs[k].values + block * size;
        const auto scale = static_cast<Sum>(batch.inputs[k].unit_scale);
        if (a.is_line) {
          const int32_t rise = a.rise;
          const int32_t offset = a.by_value.front() - rise * a.least;
          for (size_t i = 0; i < size; ++i)
            out[i] += scale * static_cast<Sum>(rise * in[i] + offset);
        } else {
          const int32_t* table = a.by_value.data() - a.least;
          for (size_t i = 0; i < size; ++i) out[i] += scale * static_cast<Sum>(table[in[i]]);
        }
      }
      const int present = batch.samples - block * lanes;
      if (present >= lanes) return;
      for (size_t i = 0; i < size; ++i) {
        if (static_cast<int>(i % lanes) >= present) out[i] = 0;
      }
    });
  }

  Shape shape_;
  std::vector<Addend> addends_;
};

}  // namespace

std::unique_ptr<Operation> make_add(const Layer& layer) { return std::make_unique<Add>(layer); }

}  // namespace stuckat::trainer
