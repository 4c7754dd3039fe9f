// Differential fault simulation, image-major: one golden pass of an image feeds all its faults.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/executor.h"
#include "sim/fast/fault_list.h"

namespace stuckat::fast {

/// What one fault does to one image. Exact: no engine and no option changes it.
struct Verdict {
  /// The last tensor in which any element differs from the fault-free run, -1 if none does
  /// (masked at injection); the network's last tensor: the logits differ.
  int16_t last_difference = -1;
  uint16_t prediction = 0;  ///< class that the faulty network predicts
  bool critical = false;    ///< it is not the class that the fault-free network predicts

  bool operator==(const Verdict&) const = default;
};

/// Which kernels do the work; the results are the same. For tests and for measuring break-evens.
enum class Path : uint8_t {
  automatic,     ///< whatever is fastest
  differential,  ///< from the changed elements, always, without tables for the first layer
  dense          ///< every element of every layer after the fault is computed afresh
};

/// Work done, for the distance to the machine's limits. Additions are int8 additions of one weight
/// to one row's difference.
struct WorkCount {
  int64_t fault_images = 0;
  int64_t additions = 0;
  int64_t changed_elements = 0;
  int64_t bit_products =
      0;  ///< bits whose conjunctions the dense path counts, golden pass included
};

/// One per thread.
class FaultSimulator {
 public:
  class Impl;

  explicit FaultSimulator(const FaultList& faults, Path path = Path::automatic);
  ~FaultSimulator();
  FaultSimulator(FaultSimulator&&) noexcept;

  /// Verdicts of all faults on image number `image_index` of the run; verdicts: [faults.size()].
  void simulate(const Tensor& image, int64_t image_index, std::span<Verdict> verdicts);

  /// The same of faults first .. first + verdicts.size() - 1 on the image of load(); the list's
  /// all, unless it is simulated fault by fault (PackedNetwork::fault_by_fault()).
  void simulate(int first, std::span<Verdict> verdicts);

  /// The fault-free pass of the last image.
  const Executor& golden() const;
  /// Since construction.
  const WorkCount& work() const;

  /// Every tensor of the last image of simulate() or load() under fault `fault`; and only one.
  std::vector<Tensor> tensors(int fault);
  Tensor tensor(int fault, int tensor);

  /// The fault-free pass of an image alone.
  void load(const Tensor& image, int64_t image_index);

 private:
  std::unique_ptr<Impl> impl_;
};

/// Every tensor of one image under `effects`; equal to the faulty reference.
std::vector<Tensor> run(const PackedNetwork& network, const Effects& effects, const Tensor& image,
                        int64_t image_index, Path path = Path::automatic);

}  // namespace stuckat::fast
