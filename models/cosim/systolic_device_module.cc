#include "models/cosim/systolic_device_module.h"

#include <utility>

#include "models/systolic/stored_tiles.h"

namespace stuckat::cosim {
namespace {

constexpr DeviceKind systolic_device{.number = 2, .fetches_parameters = true};

memory::MemoryParams memory_of(const systolic::SystolicAccelerator& accelerator,
                               const DeviceParams& params) {
  memory::MemoryParams at_once = memory::MemoryParams::at_once();
  at_once.burst_bytes = params.burst_bytes;
  return accelerator.memory.value_or(at_once);
}

}  // namespace

SystolicDeviceModule::SystolicDeviceModule(const sc_core::sc_module_name& name,
                                           const Network& network,
                                           const systolic::SystolicAccelerator& accelerator,
                                           FaultMap faults, const DeviceParams& params)
    : FetchingDeviceModule(name, systolic_device, params, network),
      accelerator_(accelerator),
      array_(systolic::array_of(accelerator_, network_)),
      plan_(systolic::make_plan(accelerator_, network_)),
      faults_(std::move(faults)),
      fetch_params_(fetch_params(memory_of(accelerator, params), params)) {
  const Placement placement = systolic::place(accelerator_, network_);
  validate(faults_, placement, network_, placement.accelerator);
  systolic::ControllerModule::Hooks hooks;
  hooks.input = [this](int64_t, const std::vector<uint8_t>& bytes) { return image_of(bytes, 0); };
  hooks.stored = [this](int64_t image, const systolic::ImageRun& run) {
    int64_t waiting = 0;
    for (const systolic::GemmCycles& layer : run.layers) waiting += layer.waiting;
    image_stored(image, run.total(), waiting);
  };
  hooks.stopped = [this] { return dropped(); };
  parts_ = std::make_unique<systolic::ElaboratedArray>(
      network_, accelerator_, array_, plan_, faults_, &fetch_params_, false, std::move(hooks));
  size_t tiles = 0;
  for (const systolic::LayerPlan& layer : plan_.layers) {
    first_tile_.push_back(tiles);
    tiles += layer.weights.size();
  }
  parts_->array.load = [this](int index, const systolic::WeightTile& tile,
                              const std::vector<uint8_t>& bytes) {
    const systolic::LayerPlan& plan = plan_.layers[static_cast<size_t>(index)];
    const auto of_layer = static_cast<size_t>(&tile - plan.weights.data());
    stage(first_tile_[static_cast<size_t>(index)] + of_layer, plan.layer, bytes,
          [&](const std::vector<uint8_t>& read, Layer& layer) {
            systolic::load_tile(tile, read, layer);
          });
  };
  parts_->array.loaded = [this](int index) {
    commit([&](const Layer& layer) { parts_->load(index, layer); });
  };
  connect(*parts_->fetch, tiles);
  set_sizes(plan_.input_bytes, plan_.output_bytes, plan_.weight_bytes());
}

int64_t SystolicDeviceModule::run_job(const memory::Job& job) {
  parts_->restart();
  return parts_->controller.run(job);
}

}  // namespace stuckat::cosim
