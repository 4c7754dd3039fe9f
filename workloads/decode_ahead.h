// Pictures decoded in the background, ahead of their use.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "workloads/image_folder.h"

namespace stuckat {

/// Decodes the images of `order` on threads of its own, in batches that are taken in that order. At
/// most `batches_held` of them are in memory; which thread decodes what changes no byte.
class DecodeAhead {
 public:
  DecodeAhead(const PictureFolder& folder, std::vector<int> order, int batch, int threads);
  ~DecodeAhead();
  DecodeAhead(const DecodeAhead&) = delete;
  DecodeAhead& operator=(const DecodeAhead&) = delete;

  /// The next batch, [image][height][width][3], valid until the next call; waits for it. Throws the
  /// InputError of the first image of the batch that could not be decoded.
  const uint8_t* next();

  static constexpr int batches_held = 3;  ///< the one in use, the next, and one that is begun

 private:
  struct Slot {
    std::vector<uint8_t> pixels;
    int done = 0;       // images, failed ones as well
    size_t failed = 0;  // item of `failure`
    std::exception_ptr failure;
  };

  void decode();
  size_t batch_end(size_t batch) const;

  const PictureFolder& folder_;
  const std::vector<int> order_;
  const size_t batch_;
  std::vector<Slot> slots_;  // batch b in slot b mod batches_held
  std::mutex mutex_;
  std::condition_variable room_;     // for decoders: a slot was freed
  std::condition_variable decoded_;  // for next()
  size_t next_item_ = 0;
  size_t first_held_ = 0;  // batches before it are gone
  size_t next_batch_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace stuckat
