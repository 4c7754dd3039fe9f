#include "sim/campaign/worker_pool.h"

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "sim/fast/parallel.h"

namespace stuckat::campaign {
namespace {

/// The units of neighbouring blocks, whose faults are prepared together, that are not done yet. A
/// thread takes a chunk of images and then block by block of it.
class BlocksRun {
 public:
  BlocksRun(Work& work, int64_t first_block)
      : work_(work),
        first_(first_block),
        end_(std::min(first_block + work.plan.prepared_blocks(), work.plan.blocks())) {
    for (int64_t c = 0; c < work.plan.chunks(); ++c) {
      for (int64_t b = first_; b < end_; ++b) {
        if (is_done(b, c)) continue;
        chunks_.push_back(c);
        break;
      }
    }
  }

  bool run() {
    if (chunks_.empty()) return true;
    const auto faults = work_.prepared.prepare(effects(), work_.threads);
    const auto threads = std::min<size_t>(static_cast<size_t>(work_.threads), chunks_.size());
    std::vector<std::thread> others;
    try {
      for (size_t t = 1; t < threads; ++t) others.emplace_back([&] { run_thread(*faults); });
    } catch (const std::system_error&) {
      // No more threads to be had: those there are do the work.
    }
    run_thread(*faults);
    for (std::thread& thread : others) thread.join();
    if (error_) std::rethrow_exception(error_);
    return !stopped_;
  }

 private:
  /// Of the blocks' faults. Throws for the first of them that is refused.
  std::vector<Effects> effects() const {
    const int64_t first = work_.plan.block_first(first_);
    const int64_t size = work_.plan.block_first(end_ - 1) + work_.plan.block_size(end_ - 1) - first;
    std::vector<Effects> effects(static_cast<size_t>(size));
    fast::for_each_index(size, work_.threads, [&](int64_t f) {
      effects[static_cast<size_t>(f)] = work_.faults.effects(first + f);
    });
    return effects;
  }

  int64_t unit(int64_t block, int64_t chunk) const { return block * work_.plan.chunks() + chunk; }
  bool is_done(int64_t block, int64_t chunk) const {
    return work_.done[static_cast<size_t>(unit(block, chunk))];
  }

  void run_thread(const PreparedFaults& faults) {
    try {
      Thread thread{faults.simulator(), {}, {}};
      for (size_t next = next_++; next < chunks_.size(); next = next_++) {
        for (int64_t block = first_; block < end_; ++block) {
          if (is_done(block, chunks_[next])) continue;
          if (!run_unit(block, chunks_[next], thread)) return;
          const std::lock_guard lock(mutex_);
          if (stopped_) return;
          work_.unit_done(unit(block, chunks_[next]), thread.counts);
        }
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stopped_ = true;
    }
  }

  /// What a thread works with.
  struct Thread {
    std::unique_ptr<Simulator> simulator;
    std::vector<Verdict> verdicts;
    Counts counts;
    int64_t image = -1;  // that is loaded
    int golden = 0;      // prediction
  };

  /// False if the run was stopped before the end of the unit.
  bool run_unit(int64_t block, int64_t chunk, Thread& thread) {
    const Plan& plan = work_.plan;
    const int64_t size = plan.block_size(block);
    thread.verdicts.assign(static_cast<size_t>(size), {});
    if (thread.counts.faults == size) {
      thread.counts.clear();
    } else {
      thread.counts = Counts(size, work_.network.classes(), work_.network.tensors());
    }
    const int64_t first = plan.shard_first + plan.chunk_first(chunk);
    for (int64_t i = first; i < first + plan.chunk_size(chunk); ++i) {
      if (stopped_) return false;
      const auto index = static_cast<int>(plan.first_image + i);
      if (thread.image != i) {
        const Tensor image = input_tensor(work_.network, work_.data, index);
        thread.golden = thread.simulator->load(image, i);
        thread.image = i;
      }
      thread.simulator->simulate(plan.block_first(block) - plan.block_first(first_),
                                 thread.verdicts);
      thread.counts.add(work_.data.labels[static_cast<size_t>(index)], thread.golden,
                        thread.verdicts);
      const std::lock_guard lock(mutex_);
      if (!stopped_ && !work_.image_done(size)) stopped_ = true;
    }
    return true;
  }

  Work& work_;
  int64_t first_;  // block
  int64_t end_;
  std::vector<int64_t> chunks_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;          // of the callbacks and of error_
  std::exception_ptr error_;  // the first one
};

}  // namespace

bool work_off(Work& work) {
  for (int64_t b = 0; b < work.plan.blocks(); b += work.plan.prepared_blocks()) {
    if (!BlocksRun(work, b).run()) return false;
  }
  return true;
}

}  // namespace stuckat::campaign
