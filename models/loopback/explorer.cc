#include "models/loopback/explorer.h"

#include "models/explore/array_explorer.h"
#include "models/loopback/family.h"
#include "models/loopback/timing.h"

namespace stuckat::loopback {
namespace {

class LoopbackExplorer final : public explore::ArrayExplorer<Loopback, LoopbackAccelerator> {
 public:
  LoopbackExplorer(const explore::SweepValues& values, const Network& network)
      : ArrayExplorer(values, network), bandwidths_(values.numbers<int64_t>("bandwidth", 1, 4096)) {
    for (const auto& shape : values.list("arrays")) add(parse_loopback("loopback:" + shape));
  }

 private:
  std::vector<LoopbackAccelerator> variants(const LoopbackAccelerator& array) const override {
    if (bandwidths_.empty()) return {array};
    std::vector<LoopbackAccelerator> result;
    for (const int64_t bytes : bandwidths_) {
      result.push_back(array);
      result.back().memory.bytes_per_cycle = bytes;
    }
    return result;
  }
  int64_t bytes_per_cycle(const LoopbackAccelerator& array) const override {
    return array.memory.bytes_per_cycle;
  }
  explore::DesignTiming timing(const LoopbackAccelerator& a) const override {
    const auto plan = make_plan(a, network());
    const ImageCycles image = cycles_for(plan, a, 1).front();
    int64_t waiting = image.load + image.store;
    int64_t computing = 0;
    for (const LayerCycles& layer : image.layers) {
      waiting += layer.waiting;
      computing += layer.steps;
    }
    return {image.total(), steady_interval(plan, a), 1, waiting > computing ? "memory" : "array"};
  }

  std::vector<int64_t> bandwidths_;  // empty: each array's own
};

}  // namespace

std::vector<explore::SweepOption> sweep_options() {
  return {{"arrays", "LIST", "loopback: array shapes, such as 16x16,32x64"},
          {"bandwidth", "LIST", "loopback: bytes of off-chip memory per cycle", {}, {}, true}};
}

std::unique_ptr<explore::Explorer> explorer(const explore::SweepValues& values,
                                            const Network& network) {
  return std::make_unique<LoopbackExplorer>(values, network);
}

}  // namespace stuckat::loopback
