// The modules and streams of one accelerator, built from its chain.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/memory_module.h"
#include "models/dataflow/mvtu.h"
#include "models/dataflow/part_program.h"
#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

class RtlMvuModule;

class ElaboratedChain {
 public:
  /// images: [image] memory words, kept by reference. Stages `left_out` are not built: others
  /// (models/cosim, RTL after pin adaptors) read the stream before them and write the next one.
  ElaboratedChain(const Chain& chain, const DataflowAccelerator& accelerator,
                  const Network& network, const Placement& placement,
                  const std::vector<std::vector<uint64_t>>& images,
                  const std::vector<size_t>& left_out = {});

  /// Arms a validated fault on the part it names. Throws InputError if no part claims it.
  void arm(const Fault& fault);

  /// At rest, after a run: `count` more images will pass, from `cycle` on.
  void admit(int64_t count, int64_t cycle);
  /// The last `count` images of the run will not come: none of their words has been written.
  void withdraw(int64_t count);
  /// Images of all runs so far.
  const int64_t& run_length() const { return run_length_; }
  /// The first cycle in which every stage could do its next step.
  int64_t free_cycle() const;
  /// At rest: the parameters of another network of the same layers; armed faults stay armed.
  void load(const Network& network);

  /// A stream that a stage reads or writes. Throws InputError if there is none: it is inside what
  /// was left out, or beyond an end of the chain.
  kernel::Stream& stream(size_t index);
  /// Those that were built.
  std::vector<kernel::Stage*> stages() const;
  /// What comparators said, of all PEs.
  std::vector<ErrorReport> reports() const;
  /// Unless it was left out.
  const MemoryWriterModule& writer() const { return *writer_; }
  MemoryWriterModule& writer() { return *writer_; }

 private:
  std::string stage_of(const Fault& fault) const;
  void arm_register(RtlMvuModule& mvu, const Fault& fault) const;
  std::vector<kernel::Stream*> read_by(size_t stage) const;
  std::vector<kernel::Stream*> written_by(size_t stage) const;
  std::unique_ptr<kernel::Stage> build(size_t index);
  std::unique_ptr<kernel::Stage> build_loop(size_t index, const LoopProgram& program);

  const Chain& chain_;
  const DataflowAccelerator& accelerator_;
  const Network& network_;
  const Placement& placement_;
  const std::vector<std::vector<uint64_t>>& images_;
  std::vector<PartProgram> programs_;  // [chain.stages]
  std::vector<bool> built_;            // [chain.stages]
  int64_t run_length_;                 // images so far; the stages look at it
  std::vector<Fault> armed_;
  std::vector<std::unique_ptr<kernel::Stream>> streams_;
  std::vector<std::unique_ptr<Mvtu>> mvtus_;  // [network.layers], null for pools
  std::vector<std::unique_ptr<kernel::Stage>> stages_;
  MemoryWriterModule* writer_ = nullptr;
};

}  // namespace stuckat::dataflow
