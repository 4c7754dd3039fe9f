#include "models/cosim/loopback_device_module.h"

#include <utility>

#include "models/loopback/placement.h"
#include "models/loopback/stored_tiles.h"

namespace stuckat::cosim {

constexpr DeviceKind loopback_device{.number = 1, .fetches_parameters = true};

LoopbackDeviceModule::LoopbackDeviceModule(const sc_core::sc_module_name& name,
                                           const Network& network,
                                           const loopback::LoopbackAccelerator& accelerator,
                                           FaultMap faults, const DeviceParams& params)
    : FetchingDeviceModule(name, loopback_device, params, network),
      accelerator_(accelerator),
      placement_(loopback::place(accelerator_, network_)),
      plan_(loopback::make_plan(accelerator_, network_)),
      faults_(std::move(faults)) {
  validate(faults_, placement_, network_, placement_.accelerator);
  loopback::ControllerModule::Hooks hooks;
  hooks.input = [this](int64_t, const std::vector<uint8_t>& bytes) {
    return image_of(bytes, plan_.input_tensor);
  };
  hooks.stored = [this](int64_t image, const loopback::ImageCycles& cycles) {
    int64_t waiting = 0;
    for (const loopback::LayerCycles& layer : cycles.layers) waiting += layer.waiting;
    image_stored(image, cycles.total(), waiting);
  };
  hooks.stopped = [this] { return dropped(); };
  parts_ = std::make_unique<loopback::ElaboratedArray>(
      network_, accelerator_, placement_, plan_, faults_, fetch_params(accelerator_.memory, params),
      std::move(hooks));
  parts_->array.load = [this](int index, const loopback::WeightTile& tile,
                              const std::vector<uint8_t>& bytes) { load_tile(index, tile, bytes); };
  size_t tiles = 0;
  for (const loopback::LayerPlan& layer : plan_.layers) tiles += layer.tiles.size();
  connect(parts_->fetch, tiles);
  set_sizes(plan_.input_bytes, plan_.output_bytes, plan_.weight_bytes());
}

int64_t LoopbackDeviceModule::run_job(const memory::Job& job) {
  parts_->restart();
  return parts_->controller.run(job);
}

void LoopbackDeviceModule::load_tile(int index, const loopback::WeightTile& tile,
                                     const std::vector<uint8_t>& bytes) {
  const auto at = static_cast<size_t>(index);
  const loopback::LayerPlan& plan = plan_.layers[at];
  size_t number = static_cast<size_t>(&tile - plan.tiles.data());
  for (size_t i = 0; i < at; ++i) number += plan_.layers[i].tiles.size();
  stage(number, plan.layer, bytes, [&](const std::vector<uint8_t>& read, Layer& layer) {
    loopback::load_tile(plan, tile, placement_.arrays.front().uses[at],
                        static_cast<int>(accelerator_.simd), read, layer);
  });
  commit([&](const Layer& layer) { parts_->load(index, layer); });
}

}  // namespace stuckat::cosim
