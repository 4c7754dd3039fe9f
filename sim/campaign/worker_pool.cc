#include "sim/campaign/worker_pool.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "sim/fast/parallel.h"

namespace stuckat::campaign {
namespace {

/// All chunks of one block of faults that are not done yet.
class BlockRun {
 public:
  BlockRun(Work& work, int64_t block) : work_(work), block_(block) {
    for (int64_t c = 0; c < work.plan.chunks(); ++c) {
      if (!work.done[static_cast<size_t>(unit(c))]) chunks_.push_back(c);
    }
  }

  bool run(const PreparedNetwork& network) {
    if (chunks_.empty()) return true;
    const auto faults = network.prepare(effects(), work_.threads);
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
  /// Of the block's faults. Throws for the first of them that is refused.
  std::vector<Effects> effects() const {
    const int64_t first = work_.plan.block_first(block_);
    const int64_t size = work_.plan.block_size(block_);
    std::vector<Effects> effects(static_cast<size_t>(size));
    fast::for_each_index(size, work_.threads, [&](int64_t f) {
      effects[static_cast<size_t>(f)] = work_.faults.effects(first + f);
    });
    return effects;
  }

  int64_t unit(int64_t chunk) const { return block_ * work_.plan.chunks() + chunk; }

  void run_thread(const PreparedFaults& faults) {
    try {
      const auto simulator = faults.simulator();
      const int64_t size = work_.plan.block_size(block_);
      std::vector<Verdict> verdicts(static_cast<size_t>(size));
      Counts counts(size, work_.network.classes(), work_.network.tensors());
      for (size_t next = next_++; next < chunks_.size() && !stopped_; next = next_++) {
        counts.clear();
        if (!run_chunk(chunks_[next], *simulator, verdicts, counts)) return;
        const std::lock_guard lock(mutex_);
        if (stopped_) return;
        work_.unit_done(unit(chunks_[next]), counts);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stopped_ = true;
    }
  }

  /// False if the run was stopped before the end of the chunk.
  bool run_chunk(int64_t chunk, Simulator& simulator, std::vector<Verdict>& verdicts,
                 Counts& counts) {
    const Plan& plan = work_.plan;
    const int64_t first = plan.shard_first + plan.chunk_first(chunk);
    for (int64_t i = first; i < first + plan.chunk_size(chunk); ++i) {
      if (stopped_) return false;
      const auto index = static_cast<int>(plan.first_image + i);
      const Tensor image = input_tensor(work_.network, work_.data, index);
      const int golden = simulator.simulate(image, i, verdicts);
      counts.add(work_.data.labels[static_cast<size_t>(index)], golden, verdicts);
      const std::lock_guard lock(mutex_);
      if (!stopped_ && !work_.image_done(plan.block_size(block_))) stopped_ = true;
    }
    return true;
  }

  Work& work_;
  int64_t block_;
  std::vector<int64_t> chunks_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;          // of the callbacks and of error_
  std::exception_ptr error_;  // the first one
};

}  // namespace

bool work_off(Work& work) {
  const auto network = work.engine(work.network);
  for (int64_t block = 0; block < work.plan.blocks(); ++block) {
    if (!BlockRun(work, block).run(*network)) return false;
  }
  return true;
}

}  // namespace stuckat::campaign
