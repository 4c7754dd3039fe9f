#include "trainer/tables.h"

#include <algorithm>

#include "trainer/vectors.h"

namespace stuckat::trainer {
namespace {

/// Entry 0 of a group is min * (sum of its vectors); adding step * vector i raises digit i by one.
template <class T, int pieces>
STUCKAT_INLINE void build(const Digits& digits, const T* vectors, ptrdiff_t stride, int values,
                          T* table) {
  const int entries = digits.entries();
  const T low = static_cast<T>(digits.min);
  const T step = static_cast<T>(digits.step);
  for (int first = 0; first < values; first += digits.group) {
    const int members = std::min(digits.group, values - first);
    for (int j = 0; j < pieces; ++j) {
      const auto entry = [&](int e) -> Vector<T>& {
        return *reinterpret_cast<Vector<T>*>(table + e * lanes + j * per_vector<T>);
      };
      Vector<T> sum = {};
      for (int i = 0; i < members; ++i) {
        sum +=
            *reinterpret_cast<const Vector<T>*>(vectors + (first + i) * stride + j * per_vector<T>);
      }
      entry(0) = sum * low;
      int size = 1;
      for (int i = 0; i < members; ++i) {
        const Vector<T> raise = step * *reinterpret_cast<const Vector<T>*>(
                                           vectors + (first + i) * stride + j * per_vector<T>);
        for (int e = size; e < size * digits.radix; ++e) entry(e) = entry(e - size) + raise;
        size *= digits.radix;
      }
    }
    table += static_cast<ptrdiff_t>(entries) * lanes;
  }
}

template <class T, int pieces, int outputs>
STUCKAT_INLINE void add_some(const char* table, ptrdiff_t group_bytes, int groups,
                             const uint16_t* index, ptrdiff_t index_stride, T* out) {
  Vector<T> sum[outputs][pieces];
  for (int o = 0; o < outputs; ++o) {
    for (int j = 0; j < pieces; ++j) {
      sum[o][j] = *reinterpret_cast<const Vector<T>*>(out + o * lanes + j * per_vector<T>);
    }
  }
  for (int g = 0; g < groups; ++g) {
    for (int o = 0; o < outputs; ++o) {
      const char* entry = table + index[o * index_stride + g];
      for (ptrdiff_t j = 0; j < pieces; ++j) {
        sum[o][j] += *reinterpret_cast<const Vector<T>*>(entry + j * 32);
      }
    }
    table += group_bytes;
  }
  for (int o = 0; o < outputs; ++o) {
    for (int j = 0; j < pieces; ++j) {
      *reinterpret_cast<Vector<T>*>(out + o * lanes + j * per_vector<T>) = sum[o][j];
    }
  }
}

template <class T, int pieces, int outputs>
STUCKAT_INLINE void add(const T* table, int group_entries, int groups, const uint16_t* index,
                        ptrdiff_t index_stride, T* out, int count) {
  const auto* bytes = reinterpret_cast<const char*>(table);
  const auto group_bytes = static_cast<ptrdiff_t>(sizeof(T)) * group_entries * lanes;
  int o = 0;
  for (; o + outputs <= count; o += outputs) {
    add_some<T, pieces, outputs>(bytes, group_bytes, groups, index + o * index_stride, index_stride,
                                 out + o * lanes);
  }
  for (; o < count; ++o) {
    add_some<T, pieces, 1>(bytes, group_bytes, groups, index + o * index_stride, index_stride,
                           out + o * lanes);
  }
}

}  // namespace

int Digits::entries() const {
  int entries = 1;
  for (int i = 0; i < group; ++i) entries *= radix;
  return entries;
}

Digits digits_for(NumberFormat format, Values values) {
  if (format.bits > 4) return {0, 1, 0, 0};
  if (format.kind == FormatKind::binary && values != Values::levels_and_zero) return {-1, 2, 2, 4};
  const int min = values == Values::codes ? format.min_value() : format.min_level();
  const int radix = format.max_level() - min + 1;
  return {min, 1, radix, radix <= 3 ? 3 : radix <= 4 ? 2 : 1};
}

int groups_at_once(const Digits& digits, int entry_bytes) {
  return std::max(1, table_bytes / (digits.entries() * entry_bytes));
}

STUCKAT_MULTIVERSION void build_tables(const Digits& digits, const float* vectors, ptrdiff_t stride,
                                       int values, int used, float* table) {
  if (used <= 8) {
    build<float, 1>(digits, vectors, stride, values, table);
  } else {
    build<float, 2>(digits, vectors, stride, values, table);
  }
}

STUCKAT_MULTIVERSION void build_tables(const Digits& digits, const int16_t* vectors, int values,
                                       int16_t* table) {
  build<int16_t, 1>(digits, vectors, lanes, values, table);
}

STUCKAT_MULTIVERSION void build_tables(const Digits& digits, const int32_t* vectors, int values,
                                       int32_t* table) {
  build<int32_t, 2>(digits, vectors, lanes, values, table);
}

STUCKAT_MULTIVERSION void add_entries(const float* table, int group_entries, int groups,
                                      const uint16_t* index, ptrdiff_t index_stride, float* out,
                                      int count, int used) {
  if (used <= 8) {
    add<float, 1, 8>(table, group_entries, groups, index, index_stride, out, count);
  } else {
    add<float, 2, 4>(table, group_entries, groups, index, index_stride, out, count);
  }
}

STUCKAT_MULTIVERSION void add_entries(const int16_t* table, int group_entries, int groups,
                                      const uint16_t* index, ptrdiff_t index_stride, int16_t* out,
                                      int count) {
  add<int16_t, 1, 8>(table, group_entries, groups, index, index_stride, out, count);
}

STUCKAT_MULTIVERSION void add_entries(const int32_t* table, int group_entries, int groups,
                                      const uint16_t* index, ptrdiff_t index_stride, int32_t* out,
                                      int count) {
  add<int32_t, 2, 4>(table, group_entries, groups, index, index_stride, out, count);
}

}  // namespace stuckat::trainer
