#include "trainer/graph/levels.h"

#include <algorithm>
#include <limits>

#include "trainer/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/graph/levels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "trainer/vectors-inl.h"

#ifndef STUCKAT_TRAINER_GRAPH_LEVELS_ONCE
#define STUCKAT_TRAINER_GRAPH_LEVELS_ONCE
namespace stuckat::trainer {

/// What a pass over one block needs to know.
template <class Sum>
struct LevelPass {
  const std::vector<Levels::Row<Sum>>& rows;
  const std::vector<int32_t>& sign;
  int count = 0;   // thresholds of a row
  int lowest = 0;  // level
  int height = 1;  // from one level to the next
  bool sorted = true;
  int pixels = 0;
  int samples = 0;
};

}  // namespace stuckat::trainer
#endif

HWY_BEFORE_NAMESPACE();
namespace stuckat::trainer::HWY_NAMESPACE {

constexpr int few = 16;  // thresholds that are looked at one by one

template <class Sum>
HWY_INLINE void levels_of(const LevelPass<Sum>& pass, const Sum* sums, int16_t* values) {
  const hn::CappedTag<Sum, lanes> d;
  const BlockInts ints;
  const BlockFloats floats;
  const hn::Rebind<int16_t, BlockInts> shorts;
  const auto one = hn::Set(ints, 1);
  const auto lowest = hn::Set(ints, pass.lowest);
  const auto height = hn::Set(ints, pass.height);
  const auto present = hn::Set(ints, std::min(pass.samples, lanes));
  const auto greatest = hn::Set(floats, static_cast<float>(pass.count));
  const bool one_by_one = pass.count <= few || !pass.sorted;
  for (int p = 0; p < pass.pixels; ++p) {
    for (size_t c = 0; c < pass.rows.size(); ++c) {
      const Levels::Row<Sum>& row = pass.rows[c];
      const auto sign = hn::Set(d, static_cast<Sum>(pass.sign[c]));
      for (int j = 0; j < lanes; j += lanes_of<BlockInts>) {
        const auto sum = hn::Mul(hn::LoadU(d, sums + j), sign);
        auto level = hn::Zero(ints);
        if (one_by_one) {
          for (int k = 1; k <= pass.count; ++k) {
            const auto above = hn::RebindMask(ints, hn::Gt(sum, hn::Set(d, row.t[k])));
            level = hn::Add(level, hn::IfThenElseZero(above, one));
          }
        } else {
          const auto real = load_floats(floats, sums + j);
          const auto signed_sum = hn::Mul(real, hn::Set(floats, static_cast<float>(pass.sign[c])));
          const auto guess =
              hn::Mul(hn::Sub(signed_sum, hn::Set(floats, row.first)), hn::Set(floats, row.slope));
          // A NaN becomes 0.
          const auto cut = hn::Min(hn::Max(guess, hn::Zero(floats)), greatest);
          level = hn::NearestInt(hn::IfThenElseZero(hn::Eq(cut, cut), cut));
          while (true) {
            const auto below = hn::GatherIndex(d, row.t, level);
            const auto above = hn::GatherIndex(d, row.t + 1, level);
            const auto up = hn::RebindMask(ints, hn::Gt(sum, above));
            const auto stays = hn::RebindMask(ints, hn::Gt(sum, below));
            const auto lowered = hn::And(hn::Not(stays), hn::Gt(level, hn::Zero(ints)));
            if (hn::AllFalse(ints, hn::Or(up, lowered))) break;
            level = hn::Add(level, hn::IfThenElseZero(up, one));
            level = hn::Sub(level, hn::IfThenElseZero(lowered, one));
          }
        }
        const auto value = hn::Add(lowest, hn::Mul(level, height));
        const auto in_batch = hn::Lt(hn::Iota(ints, j), present);
        hn::StoreU(hn::DemoteTo(shorts, hn::IfThenElseZero(in_batch, value)), shorts, values + j);
      }
      sums += lanes;
      values += lanes;
    }
  }
}

void levels_of_whole(const LevelPass<int32_t>& pass, const int32_t* sums, int16_t* values) {
  levels_of(pass, sums, values);
}
void levels_of_real(const LevelPass<float>& pass, const float* sums, int16_t* values) {
  levels_of(pass, sums, values);
}

}  // namespace stuckat::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::trainer {

HWY_EXPORT(levels_of_whole);
HWY_EXPORT(levels_of_real);

Levels::Levels(const MultiThreshold& steps)
    : count_(steps.format.thresholds()),
      lowest_(steps.format.level(0)),
      height_(steps.format.kind == FormatKind::binary ? 2 : 1),
      sign_(steps.sign) {
  if (steps.edges.empty()) {
    fill(steps.thresholds, INT32_MIN, INT32_MAX, whole_);
  } else {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    fill(steps.edges, -infinity, infinity, real_);
  }
}

template <class Sum>
void Levels::fill(const std::vector<Sum>& thresholds, Sum lowest, Sum greatest, Table<Sum>& table) {
  const auto count = static_cast<size_t>(count_);
  for (size_t c = 0; c < sign_.size(); ++c) {
    const auto first = thresholds.begin() + static_cast<ptrdiff_t>(c * count);
    const auto last = first + count_;
    sorted_ = sorted_ && std::is_sorted(first, last);
    table.thresholds.push_back(lowest);
    table.thresholds.insert(table.thresholds.end(), first, last);
    table.thresholds.push_back(greatest);
  }
  for (size_t c = 0; c < sign_.size(); ++c) {
    const Sum* t = table.thresholds.data() + c * (count + 2);
    Row<Sum> row{t, 0, 0};
    const double width = static_cast<double>(t[count]) - static_cast<double>(t[1]);
    if (count > 1 && width > 0 && width < 1e30) {
      // Level k lies around the middle of t[k] and t[k + 1].
      row.slope = static_cast<float>(static_cast<double>(count - 1) / width);
      row.first =
          static_cast<float>(static_cast<double>(t[1]) - 0.5 / static_cast<double>(row.slope));
    }
    table.rows.push_back(row);
  }
}

void Levels::apply(const int32_t* sums, int pixels, int samples, int16_t* values) const {
  const LevelPass<int32_t> pass{whole_.rows, sign_,   count_, lowest_,
                                height_,     sorted_, pixels, samples};
  HWY_DYNAMIC_DISPATCH(levels_of_whole)(pass, sums, values);
}

void Levels::apply(const float* sums, int pixels, int samples, int16_t* values) const {
  const LevelPass<float> pass{real_.rows, sign_,   count_, lowest_,
                              height_,    sorted_, pixels, samples};
  HWY_DYNAMIC_DISPATCH(levels_of_real)(pass, sums, values);
}

}  // namespace stuckat::trainer
#endif
