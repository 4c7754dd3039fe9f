#include "models/common/packed_rows.h"

#include <algorithm>
#include <bit>

#include "models/common/bit_products.h"

namespace stuckat {

namespace {

constexpr int pairs_of_planes = 12;  // from which on values are multiplied

}  // namespace

AffineCode::AffineCode(NumberFormat format) : bits(format.bits), offset(format.value(0)) {
  for (int k = 0; k < bits; ++k) factor[k] = format.value(1u << k) - offset;
}

PackedRows::PackedRows(NumberFormat weight_format, NumberFormat input_format, int rows, int columns)
    : weight_format_(weight_format),
      input_format_(input_format),
      weight_(weight_format),
      input_(input_format),
      by_values_(weight_.bits * input_.bits >= pairs_of_planes),
      columns_(columns),
      words_((columns + 63) / 64),
      padded_((columns + values_at_once - 1) / values_at_once * values_at_once),
      weighted_ones_(static_cast<size_t>(rows)) {
  const auto count = static_cast<size_t>(rows);
  if (by_values_)
    values_.resize(count * static_cast<size_t>(padded_));
  else
    planes_.resize(count * static_cast<size_t>(weight_.bits) * static_cast<size_t>(words_));
}

void PackedRows::set_row(int row, const int8_t* values) {
  if (by_values_) {
    std::copy_n(values, columns_, values_.begin() + std::ptrdiff_t{row} * padded_);
    return;
  }
  weighted_ones_[static_cast<size_t>(row)] = 0;
  for (int k = 0; k < weight_.bits; ++k) {
    uint64_t* words = planes_.data() + plane_at(row, k);
    std::fill(words, words + words_, 0);
    for (int i = 0; i < columns_; ++i) {
      const uint64_t bit = (weight_format_.code(values[i]) >> k) & 1u;
      words[i / 64] |= bit << (i % 64);
      weighted_ones_[static_cast<size_t>(row)] += static_cast<int32_t>(bit) * weight_.factor[k];
    }
  }
}

void PackedRows::pack(const int32_t* values, PackedVector& packed) const {
  if (by_values_) {
    packed.values.resize(static_cast<size_t>(padded_));
    for (int i = 0; i < columns_; ++i) {
      packed.values[static_cast<size_t>(i)] = static_cast<int16_t>(values[i]);
    }
    return;
  }
  packed.planes.resize(static_cast<size_t>(input_.bits) * static_cast<size_t>(words_));
  packed.weighted_ones = 0;
  // The stored code's bit k: the sign for binary (code 1 is +1), else bit k of the value and its
  // zero point.
  const bool binary = input_format_.kind == FormatKind::binary;
  for (int k = 0; k < input_.bits; ++k) {
    int ones = 0;
    for (int w = 0; w < words_; ++w) {
      const int32_t* first = values + w * 64;
      const int count = std::min(64, columns_ - w * 64);
      uint64_t word = 0;
      for (int i = 0; i < count; ++i) {
        const auto code = static_cast<uint32_t>(first[i] + input_format_.zero);
        const uint64_t bit = binary ? first[i] > 0 : code >> k & 1u;
        word |= bit << i;
      }
      packed.planes[static_cast<size_t>(k * words_ + w)] = word;
      ones += std::popcount(word);
    }
    packed.weighted_ones += ones * input_.factor[k];
  }
}

void PackedRows::pack_codes(const uint64_t* codes, PackedVector& packed) const {
  packed.planes.assign(codes, codes + words_);
  if (columns_ % 64 != 0) packed.planes.back() &= (uint64_t{1} << (columns_ % 64)) - 1;
  int ones = 0;
  for (const uint64_t word : packed.planes) ones += std::popcount(word);
  packed.weighted_ones = ones * input_.factor[0];
}

void PackedRows::multiply(const PackedVector& window, int first, int last, int32_t* sums) const {
  if (by_values_) {
    std::fill_n(sums, last - first, 0);
    add_products(values_.data() + std::ptrdiff_t{first} * padded_, window.values.data(), padded_,
                 last - first, sums);
    return;
  }
  const int32_t constant =
      columns_ * weight_.offset * input_.offset + weight_.offset * window.weighted_ones;
  for (int row = first; row < last; ++row) {
    sums[row - first] = constant + input_.offset * weighted_ones_[static_cast<size_t>(row)];
  }
  BitProducts products{planes_.data() + plane_at(first, 0),
                       window.planes.data(),
                       words_,
                       weight_.bits,
                       input_.bits,
                       {}};
  for (int j = 0; j < weight_.bits; ++j) {
    for (int k = 0; k < input_.bits; ++k) {
      products.factors[j][k] = weight_.factor[j] * input_.factor[k];
    }
  }
  add_products(products, last - first, sums);
}

}  // namespace stuckat
