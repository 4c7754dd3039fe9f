// Elaborated stages: one simulation per test case, each in its own process.

#include "sim/kernel/run.h"
#include "tests/support/catch.h"

using namespace stuckat::kernel;

namespace {

/// Sends `count` words, one per cycle.
class Source : public Stage {
 public:
  Source(const sc_core::sc_module_name& name, Stream& stream, int count)
      : Stage(name, nullptr, &stream), left_(count), pipeline_(1, Discipline::flushing, &stream) {}
  const StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }
  StepStatus advance() override {
    for (; left_ > 0; --left_) {
      if (const StepStatus p = pipeline_.step(0, nullptr); p != StepStatus::done) return p;
      *pipeline_.emit() = static_cast<uint64_t>(left_);
    }
    return pipeline_.drain();
  }
  int left_;
  Pipeline pipeline_;
};

/// Takes `count` words, one in `interval` cycles.
class Sink : public Stage {
 public:
  Sink(const sc_core::sc_module_name& name, Stream& stream, int count, int interval)
      : Stage(name, &stream, nullptr),
        left_(count),
        interval_(interval),
        pipeline_(1, Discipline::flushing, nullptr) {}
  const StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }
  int64_t last() const { return pipeline_.start(); }

 private:
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }
  StepStatus advance() override {
    for (; left_ > 0; --left_) {
      if (const StepStatus p = pipeline_.step(interval_ - 1, in()); p != StepStatus::done) return p;
      in()->pop(pipeline_.start());
    }
    return StepStatus::done;
  }
  int left_;
  int interval_;
  Pipeline pipeline_;
};

/// Sums of `width` words, all of which it wants to see before it takes the first.
class Gather : public Stage {
 public:
  Gather(const sc_core::sc_module_name& name, Stream& in, Stream& out, int width)
      : Stage(name, &in, &out), width_(width), pipeline_(1, Discipline::flushing, &out) {}
  const StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }
  const std::vector<uint64_t>& sums() const { return sums_; }

 private:
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }
  StepStatus advance() override {
    while (sums_.size() < 4) {
      if (taken_ == 0 && in()->pushed() - in()->popped() < width_) return StepStatus::needs_input;
      for (; taken_ < width_; ++taken_) {
        if (const StepStatus p = pipeline_.step(0, in()); p != StepStatus::done) return p;
        sum_ += *in()->front();
        in()->pop(pipeline_.start());
      }
      *pipeline_.emit() = sum_;
      sums_.push_back(sum_);
      taken_ = 0;
      sum_ = 0;
    }
    return pipeline_.drain();
  }
  int width_;
  int taken_ = 0;
  uint64_t sum_ = 0;
  std::vector<uint64_t> sums_;
  Pipeline pipeline_;
};

}  // namespace

TEST_CASE("a_slow_consumer_blocks_its_producer_for_exactly_the_difference") {
  REQUIRE(can_elaborate());
  Stream stream("words", 4, 32);
  Source source("source", stream, 100);
  Sink sink("sink", stream, 100, 5);
  CHECK(run_until_quiet({&source, &sink}).empty());
  CHECK(sink.last() == 5 * 100 - 1);
  CHECK(sink.cycles().busy == 500);
  CHECK(sink.cycles().starved == 0);
  // The slot of the last word, number 99, was freed when word 95 left in cycle 5*96 - 1.
  CHECK(source.cycles().busy + source.cycles().blocked == 5 * 96 + 1);
  CHECK(stream.high_water() == 4);
  CHECK(sc_core::sc_time_stamp() == sc_core::SC_ZERO_TIME);
  CHECK_FALSE(can_elaborate());
}

TEST_CASE("a_deadlock_names_the_stage_and_the_stream_it_waits_for") {
  Stream stream("words", 4, 32);
  Source source("source", stream, 10);
  Sink sink("sink", stream, 12, 1);
  CHECK(run_until_quiet({&source, &sink}) ==
        "sink waits for word 10 of words (depth 4, holds 0): no depth would do");
}

TEST_CASE("a_consumer_that_stops_leaves_its_producer_waiting_for_a_slot") {
  Stream stream("words", 4, 32);
  Source source("source", stream, 10);
  Sink sink("sink", stream, 3, 1);
  CHECK(run_until_quiet({&source, &sink}) ==
        "source waits for a slot for word 7 of words (depth 4, holds 4): a depth of 7 of words "
        "would do");
}

TEST_CASE("a_stage_that_needs_more_words_at_once_than_a_fifo_holds_is_told_the_depth") {
  Stream words("words", 4, 32), sums("sums", 1, 32);
  Source source("source", words, 24);
  Gather gather("gather", words, sums, 6);
  Sink sink("sink", sums, 4, 3);
  CHECK(
      run_until_quiet({&source, &gather, &sink}) ==
      "source waits for a slot for word 4 of words (depth 4, holds 4); gather waits for word 0 of "
      "words (depth 4, holds 4); sink waits for word 0 of sums (depth 1, holds 0): a depth of 6 "
      "of words would do");
  CHECK(gather.sums() == std::vector<uint64_t>{129, 93, 57, 21});  // 24 + .. + 19, ...
}

TEST_CASE("the_depth_that_a_deadlock_is_told_does") {
  Stream words("words", 6, 32), sums("sums", 1, 32);
  Source source("source", words, 24);
  Gather gather("gather", words, sums, 6);
  Sink sink("sink", sums, 4, 3);
  CHECK(run_until_quiet({&source, &gather, &sink}).empty());
  CHECK(gather.sums() == std::vector<uint64_t>{129, 93, 57, 21});
}

TEST_CASE("no_depth_helps_a_stage_that_needs_more_words_than_there_are") {
  Stream words("words", 4, 32), sums("sums", 1, 32);
  Source source("source", words, 20);
  Gather gather("gather", words, sums, 6);
  Sink sink("sink", sums, 4, 3);
  CHECK(
      run_until_quiet({&source, &gather, &sink}) ==
      "source waits for a slot for word 4 of words (depth 4, holds 4); gather waits for word 0 of "
      "words (depth 4, holds 4); sink waits for word 0 of sums (depth 1, holds 0): no depth would "
      "do: at any, gather waits for word 18 of words (depth 6, holds 2); sink waits for word 2 of "
      "sums (depth 1, holds 0)");
}
