// A systolic array, register by register and cycle by cycle: the slow, obvious oracle.
//
// Every PE has input registers a, b, d, valid and propagate, which hold in cycle t what its
// neighbour (or the edge) sent in cycle t-1, and w[0], w[1]: weights (weight-stationary) or
// accumulators (output-stationary) in turn. All registers of all PEs change together.
//
//   a          left to right       activation, or operand A
//   b          down                partial sum; 0 enters at row 0 (WS), or operand B (OS)
//   d          down                weights on their way in (WS), outputs on their way out (OS)
//   valid      down                this cycle's sum counts; without it nothing below hears of it
//   propagate  down                which of w[0], w[1] works
//
// Rows beyond K and columns beyond N of a tile are idle: a partial sum passes them as it is, and
// what is broken there does nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/systolic/gemm.h"

namespace stuckat::systolic::test {

enum class Register { a, b, d, w0, w1, valid, propagate, product };

/// Bits of one register of PE (row, column): read' = ((read & keep) | set); in cycle flip_cycle,
/// before it is read, the stored bits `flip` are inverted.
struct RegisterFault {
  Register where = Register::a;
  int row = 0;
  int column = 0;
  uint32_t keep = ~0u;
  uint32_t set = 0;
  uint32_t flip = 0;
  int64_t flip_cycle = -1;
};

struct Widths {
  int operand_bits = 8;
  int sum_bits = 32;
};

/// rows x columns values, row after row.
struct Matrix {
  int rows = 0;
  int columns = 0;
  std::vector<int32_t> values = {};

  Matrix(int r, int c) : rows(r), columns(c), values(static_cast<size_t>(r * c)) {}
  int32_t& at(int r, int c) { return values[static_cast<size_t>(r * columns + c)]; }
  int32_t at(int r, int c) const { return values[static_cast<size_t>(r * columns + c)]; }
  bool operator==(const Matrix&) const = default;
};

struct TickedResult {
  Matrix outputs;
  int64_t cycles = 0;
  int64_t faulty_reads = 0;  ///< reads of a working PE that a fault changed
};

/// When a tile's weights begin to enter, and when PE (0, 0) works on its first vector.
enum class Loading { serial, overlapped, double_buffered };

class TickedArray {
 public:
  using Loading = test::Loading;

  TickedArray(int rows, int columns, Widths widths, std::vector<RegisterFault> faults = {})
      : rows_(rows),
        columns_(columns),
        widths_(widths),
        faults_(std::move(faults)),
        pes_(static_cast<size_t>(rows * columns)) {}

  /// ready: cycles from which on the weights of each tile may enter; empty: always.
  TickedResult weight_stationary(const Matrix& a, const Matrix& weights, Loading loading,
                                 const std::vector<int64_t>& ready = {});
  /// drain: outputs leave through the lower edge; else they are read where they are. ready: cycles
  /// from which on each tile may begin.
  TickedResult output_stationary(const Matrix& a, const Matrix& b, bool drain,
                                 const std::vector<int64_t>& ready = {});

 private:
  struct Pe {
    uint32_t a = 0, b = 0, d = 0, valid = 0, propagate = 0;
    uint32_t w[2] = {0, 0};
  };
  struct Tile {
    int k = 0, n = 0;           ///< first row and column (OS: first row of A in k)
    int rows = 0, columns = 0;  ///< in use
    int64_t load = 0, start = 0;
    int parity = 0;
  };

  Pe& pe(int r, int c) { return pes_[static_cast<size_t>(r * columns_ + c)]; }
  bool hit(const RegisterFault& fault, Register where, int r, int c) const {
    return fault.where == where && fault.row == r && fault.column == c;
  }
  uint32_t read(Register where, int r, int c, uint32_t stored) {
    uint32_t value = stored;
    for (const auto& f : faults_) {
      if (hit(f, where, r, c)) value = (value & f.keep) | f.set;
    }
    if (value != stored) ++faulty_reads_;
    return value;
  }
  int32_t wide(uint32_t code, int bits) const {
    const int shift = 32 - bits;
    return static_cast<int32_t>(code << shift) >> shift;
  }
  int32_t operand(uint32_t code) const { return wide(code, widths_.operand_bits); }
  uint32_t operand_code(int32_t value) const {
    return static_cast<uint32_t>(value) & ((1u << widths_.operand_bits) - 1);
  }
  uint32_t sum_code(uint32_t sum) const {
    return static_cast<uint32_t>(wide(sum, widths_.sum_bits));
  }
  /// The array idled before cycle 0: what is stuck has come as far as it comes.
  void settle() {
    const int64_t counted = faulty_reads_;
    for (int r = 0; r < rows_; ++r) {
      for (int c = 0; c < columns_; ++c) {
        const Pe& p = pe(r, c);
        if (c + 1 < columns_) pe(r, c + 1).a = read(Register::a, r, c, p.a);
        if (r + 1 == rows_) continue;
        pe(r + 1, c).b = read(Register::b, r, c, p.b);
        pe(r + 1, c).valid = read(Register::valid, r, c, p.valid) & 1;
        pe(r + 1, c).propagate = read(Register::propagate, r, c, p.propagate) & 1;
      }
    }
    faulty_reads_ = counted;
  }
  /// idle(r, c): what moves through that PE now is no operand of a tile.
  template <typename Idle>
  void flip(int64_t cycle, Idle idle) {
    for (const auto& f : faults_) {
      if (f.flip_cycle != cycle) continue;
      const bool moves = f.where != Register::w0 && f.where != Register::w1;
      if (moves && idle(f.where, f.row, f.column)) continue;
      Pe& p = pe(f.row, f.column);
      switch (f.where) {
        case Register::a:
          p.a ^= f.flip;
          break;
        case Register::b:
          p.b ^= f.flip;
          break;
        case Register::d:
          p.d ^= f.flip;
          break;
        case Register::w0:
          p.w[0] ^= f.flip;
          break;
        case Register::w1:
          p.w[1] ^= f.flip;
          break;
        case Register::valid:
          p.valid ^= f.flip;
          break;
        case Register::propagate:
          p.propagate ^= f.flip;
          break;
        case Register::product:
          break;  // a wire: the row of the array flips it where it is used
      }
    }
  }
  uint32_t product(int r, int c, int32_t x, int32_t y, int64_t cycle) {
    uint32_t value = static_cast<uint32_t>(x * y);
    for (const auto& f : faults_) {
      if (f.flip_cycle == cycle && hit(f, Register::product, r, c)) value ^= f.flip;
    }
    return static_cast<uint32_t>(
        wide(read(Register::product, r, c, value), 2 * widths_.operand_bits));
  }

  int rows_;
  int columns_;
  Widths widths_;
  std::vector<RegisterFault> faults_;
  std::vector<Pe> pes_;
  int64_t faulty_reads_ = 0;
};

inline TickedResult TickedArray::weight_stationary(const Matrix& a, const Matrix& weights,
                                                   Loading loading,
                                                   const std::vector<int64_t>& ready) {
  const int m = a.rows, k = weights.rows, n = weights.columns;
  std::vector<Tile> tiles;
  for (int n0 = 0; n0 < n; n0 += columns_) {
    for (int k0 = 0; k0 < k; k0 += rows_) {
      Tile tile{k0, n0, std::min(rows_, k - k0), std::min(columns_, n - n0), 0, 0, 0};
      tile.parity = static_cast<int>(tiles.size() % 2);
      if (!tiles.empty()) {
        const Tile& last = tiles.back();
        tile.load = loading == Loading::serial       ? last.start + m + rows_ + columns_ - 2
                    : loading == Loading::overlapped ? last.start + m
                                                     : last.start;
      }
      if (!ready.empty()) tile.load = std::max(tile.load, ready[tiles.size()]);
      tile.start = tile.load + rows_;
      if (loading == Loading::double_buffered && !tiles.empty()) {
        tile.start = std::max(tile.start, tiles.back().start + m);
      }
      tiles.push_back(tile);
    }
  }
  const int64_t issue = loading == Loading::double_buffered ? std::max(m, rows_) : m;
  const int64_t cycles = tiles.back().start + issue + rows_ + columns_ - 2;
  Matrix outputs(m, n);
  // The tile whose vector PE (r, c) may work on, with the vector's number; nullptr: none.
  const auto at = [&](int64_t cycle, int64_t delay, int64_t& vector) -> const Tile* {
    for (const Tile& tile : tiles) {
      vector = cycle - tile.start - delay;
      if (vector >= 0 && vector < m) return &tile;
    }
    return nullptr;
  };
  int64_t vector = 0;
  for (int64_t t = 0; t < cycles; ++t) {
    // The edges send what the registers of row 0 and column 0 hold in this cycle.
    for (int r = 0; r < rows_; ++r) {
      const Tile* tile = at(t, r, vector);
      pe(r, 0).a =
          tile && r < tile->rows ? operand_code(a.at(static_cast<int>(vector), tile->k + r)) : 0;
    }
    for (int c = 0; c < columns_; ++c) {
      const Tile* tile = at(t, c, vector);
      pe(0, c).valid = tile != nullptr;
      if (tile) pe(0, c).propagate = static_cast<uint32_t>(tile->parity);
      pe(0, c).b = 0;
      for (const Tile& loaded : tiles) {
        const int64_t row = rows_ - 1 - (t - loaded.load - c);
        if (row < 0 || row >= rows_) continue;
        pe(0, c).d = row < loaded.rows && c < loaded.columns
                         ? operand_code(weights.at(loaded.k + static_cast<int>(row), loaded.n + c))
                         : 0;
      }
    }
    flip(t, [&](Register where, int r, int c) {
      int64_t unused = 0;
      const Tile* tile = at(t, r + c, unused);
      if (where == Register::d) {
        tile = nullptr;
        for (const Tile& loaded : tiles) {
          const int64_t step = t - loaded.load - c;
          if (step >= 0 && step < rows_) tile = &loaded;
        }
      }
      return tile && (r >= tile->rows || c >= tile->columns);
    });
    std::vector<Pe> next = pes_;
    const auto to = [&](int r, int c) -> Pe& {
      return next[static_cast<size_t>(r * columns_ + c)];
    };
    for (int r = 0; r < rows_; ++r) {
      for (int c = 0; c < columns_; ++c) {
        const Pe& p = pe(r, c);
        const Tile* tile = at(t, r + c, vector);
        const bool idle = tile && (r >= tile->rows || c >= tile->columns);
        const uint32_t valid = idle ? p.valid : read(Register::valid, r, c, p.valid) & 1;
        const uint32_t works =
            idle ? p.propagate : read(Register::propagate, r, c, p.propagate) & 1;
        const uint32_t sent = idle ? p.a : read(Register::a, r, c, p.a);
        uint32_t sum = p.b;
        if (valid && !idle) {
          const uint32_t w = read(works ? Register::w1 : Register::w0, r, c, p.w[works]);
          const uint32_t b = sum_code(read(Register::b, r, c, p.b));
          sum = sum_code(b + product(r, c, operand(sent), operand(w), t));
        }
        if (c + 1 < columns_) to(r, c + 1).a = sent;
        if (r + 1 < rows_) {
          to(r + 1, c).valid = valid;
          to(r + 1, c).propagate = works;
          if (valid) to(r + 1, c).b = sum;  // else it is frozen
        } else if (tile && valid && c < tile->columns) {
          outputs.at(static_cast<int>(vector), tile->n + c) += static_cast<int32_t>(sum);
        }
        // The load chain of a column moves in the R cycles of a load and is taken at its end.
        for (const Tile& loaded : tiles) {
          const int64_t step = t - loaded.load - c;
          if (step < 0 || step >= rows_) continue;
          const uint32_t d =
              r < loaded.rows && c < loaded.columns ? read(Register::d, r, c, p.d) : p.d;
          if (r + 1 < rows_) to(r + 1, c).d = d;
          if (step == rows_ - 1) to(r, c).w[loaded.parity] = d;
        }
      }
    }
    pes_ = next;
  }
  return {outputs, cycles, faulty_reads_};
}

inline TickedResult TickedArray::output_stationary(const Matrix& a, const Matrix& b, bool drain,
                                                   const std::vector<int64_t>& ready) {
  const int m = a.rows, k = a.columns, n = b.columns;
  const int64_t period = k + rows_ + columns_ - 2 + (drain ? rows_ : 0);
  Matrix outputs(m, n);
  int64_t start = 0;
  int parity = 0;
  size_t tile = 0;
  // Until its weights are there a tile does not begin: cycles of the one before go on.
  const auto begin_of = [&](size_t number, int64_t earliest) {
    return number < ready.size() ? std::max(earliest, ready[number]) : earliest;
  };
  settle();
  for (int n0 = 0; n0 < n; n0 += columns_) {
    for (int m0 = 0; m0 < m; m0 += rows_, parity ^= 1, ++tile) {
      if (tile == 0) start = begin_of(0, 0);
      const int rows = std::min(rows_, m - m0), columns = std::min(columns_, n - n0);
      for (auto& p : pes_) p.w[parity] = 0;
      const int64_t end = begin_of(tile + 1, start + period);
      for (int64_t t = 0; t < end - start; ++t) {
        for (int r = 0; r < rows_; ++r) {
          const int64_t step = t - r;
          pe(r, 0).a = step >= 0 && step < k && r < rows
                           ? operand_code(a.at(m0 + r, static_cast<int>(step)))
                           : 0;
        }
        for (int c = 0; c < columns_; ++c) {
          const int64_t step = t - c;
          const bool on = step >= 0 && step < k;
          pe(0, c).valid = on;
          if (on) pe(0, c).propagate = static_cast<uint32_t>(parity);
          pe(0, c).b = on && c < columns ? operand_code(b.at(static_cast<int>(step), n0 + c)) : 0;
        }
        flip(start + t, [&](Register, int r, int c) { return r >= rows || c >= columns; });
        // Outputs leave one row a cycle, the lowest first, once the last PE is done.
        const int64_t drained = t - (k + rows_ + columns_ - 2);
        if (drain && drained == 0) {
          for (int r = 0; r < rows_; ++r) {
            for (int c = 0; c < columns_; ++c) {
              const bool used = r < rows && c < columns;
              const Register w = parity ? Register::w1 : Register::w0;
              const uint32_t held = pe(r, c).w[parity];
              pe(r, c).d = used ? read(w, r, c, held) : held;
            }
          }
        }
        std::vector<Pe> next = pes_;
        const auto to = [&](int r, int c) -> Pe& {
          return next[static_cast<size_t>(r * columns_ + c)];
        };
        for (int r = 0; r < rows_; ++r) {
          for (int c = 0; c < columns_; ++c) {
            const Pe& p = pe(r, c);
            const bool idle = r >= rows || c >= columns;
            const uint32_t valid = idle ? p.valid : read(Register::valid, r, c, p.valid) & 1;
            const uint32_t works =
                idle ? p.propagate : read(Register::propagate, r, c, p.propagate) & 1;
            const uint32_t x = idle ? p.a : read(Register::a, r, c, p.a);
            const uint32_t y = idle ? p.b : read(Register::b, r, c, p.b);
            if (valid && !idle) {
              const Register w = works ? Register::w1 : Register::w0;
              const uint32_t held = sum_code(read(w, r, c, p.w[works]));
              const uint32_t sum = held + product(r, c, operand(x), operand(y), start + t);
              to(r, c).w[works] = sum_code(read(w, r, c, sum_code(sum)));
            }
            if (c + 1 < columns_) to(r, c + 1).a = x;
            if (r + 1 < rows_) {
              to(r + 1, c).b = y;
              to(r + 1, c).valid = valid;
              to(r + 1, c).propagate = works;
            }
            if (drain && drained >= 0) {
              const uint32_t d = idle ? p.d : read(Register::d, r, c, p.d);
              if (r + 1 < rows_) to(r + 1, c).d = d;
              const int64_t row = rows_ - 1 - drained;
              if (r == rows_ - 1 && row >= 0 && row < rows && c < columns) {
                outputs.at(m0 + static_cast<int>(row), n0 + c) = wide(d, widths_.sum_bits);
              }
            }
          }
        }
        pes_ = next;
        if (drain || t + 1 != period) continue;
        for (int r = 0; r < rows; ++r) {
          for (int c = 0; c < columns; ++c) {
            const Register w = parity ? Register::w1 : Register::w0;
            outputs.at(m0 + r, n0 + c) = wide(read(w, r, c, pe(r, c).w[parity]), widths_.sum_bits);
          }
        }
      }
      start = end;
    }
  }
  return {outputs, start, faulty_reads_};
}

}  // namespace stuckat::systolic::test
