// The modules and streams of one accelerator, built from its chain.
#pragma once

#include <memory>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/memory_module.h"
#include "models/dataflow/mvtu.h"
#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

class ElaboratedChain {
 public:
  /// images: [image] memory words, kept by reference.
  ElaboratedChain(const Chain& chain, const DataflowAccelerator& accelerator,
                  const Network& network, const Placement& placement,
                  const std::vector<std::vector<uint64_t>>& images);

  /// Arms a validated fault on the part it names. Throws InputError if no part claims it.
  void arm(const Fault& fault);

  kernel::Stream& stream(size_t index) { return *streams_[index]; }
  std::vector<kernel::Stage*> stages() const;
  const MemoryWriterModule& writer() const { return *writer_; }

 private:
  std::unique_ptr<kernel::Stage> build(size_t index);

  const Chain& chain_;
  const DataflowAccelerator& accelerator_;
  const Network& network_;
  const Placement& placement_;
  const std::vector<std::vector<uint64_t>>& images_;
  std::vector<std::unique_ptr<kernel::Stream>> streams_;
  std::vector<std::unique_ptr<Mvtu>> mvtus_;  // [network.layers], null for pools
  std::vector<std::unique_ptr<kernel::Stage>> stages_;
  const MemoryWriterModule* writer_ = nullptr;
};

}  // namespace stuckat::dataflow
