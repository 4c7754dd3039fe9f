// The timeline of a run, worked out when a transient asks for it first.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "faultmaps/timeline.h"

namespace stuckat {

class LateTimeline : public Timeline {
 public:
  using Make = std::function<std::unique_ptr<Timeline>()>;
  LateTimeline(int64_t images, Make make) : images_(images), make_(std::move(make)) {}

  int64_t images() const override { return images_; }
  int64_t cycles() const override { return get().cycles(); }
  std::optional<ArrayStep> next_step(const std::string& array, int64_t cycle) const override {
    return get().next_step(array, cycle);
  }
  std::optional<int64_t> word_in(const std::string& stream, int slot,
                                 int64_t cycle) const override {
    return get().word_in(stream, slot, cycle);
  }
  std::optional<int64_t> word_written(const std::string& stream, int64_t cycle) const override {
    return get().word_written(stream, cycle);
  }
  std::optional<CellReads> cell_reads(const std::string& window, int slot, int column, int word,
                                      int64_t cycle) const override {
    return get().cell_reads(window, slot, column, word, cycle);
  }
  std::optional<PoolStep> pool_cell(const std::string& pool, int column, int word,
                                    int64_t cycle) const override {
    return get().pool_cell(pool, column, word, cycle);
  }
  std::optional<PoolStep> pool_step(const std::string& pool, int64_t cycle) const override {
    return get().pool_step(pool, cycle);
  }
  std::optional<CellReads> ring_reads(const std::string& ring, int slot,
                                      int64_t cycle) const override {
    return get().ring_reads(ring, slot, cycle);
  }
  std::optional<ReplayReads> replay_reads(const std::string& buffer, int slot,
                                          int64_t cycle) const override {
    return get().replay_reads(buffer, slot, cycle);
  }
  std::optional<FoldResult> result_in(const std::string& registers, int which,
                                      int64_t cycle) const override {
    return get().result_in(registers, which, cycle);
  }
  std::vector<FoldResult> results_that_wait(const std::string& registers) const override {
    return get().results_that_wait(registers);
  }
  std::optional<BufferedImage> buffered(int64_t cycle) const override {
    return get().buffered(cycle);
  }
  std::optional<SystolicProduct> systolic_product(const std::string& array,
                                                  int64_t cycle) const override {
    return get().systolic_product(array, cycle);
  }

 private:
  const Timeline& get() const {
    std::call_once(once_, [this] { timeline_ = make_(); });
    return *timeline_;
  }

  int64_t images_;
  Make make_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<Timeline> timeline_;
};

}  // namespace stuckat
