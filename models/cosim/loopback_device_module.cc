#include "models/cosim/loopback_device_module.h"

#include <utility>

#include "models/cosim/blank_parameters.h"
#include "models/loopback/placement.h"
#include "models/loopback/stored_tensor.h"
#include "models/loopback/stored_tiles.h"
#include "workloads/errors.h"

namespace stuckat::cosim {

constexpr DeviceKind loopback_device{.number = 1, .fetches_parameters = true};

using sc_core::sc_time_stamp;

LoopbackDeviceModule::LoopbackDeviceModule(const sc_core::sc_module_name& name,
                                           const Network& network,
                                           const loopback::LoopbackAccelerator& accelerator,
                                           FaultMap faults, const DeviceParams& params)
    : DeviceModule(name, loopback_device, params, sc_core::sc_time(10, sc_core::SC_NS)),
      network_(with_parameters(without_parameters(network))),
      accelerator_(accelerator),
      placement_(loopback::place(accelerator_, network_)),
      plan_(loopback::make_plan(accelerator_, network_)),
      faults_(std::move(faults)) {
  validate(faults_, placement_, network_, placement_.accelerator);
  loopback::ControllerModule::Hooks hooks;
  hooks.input = [this](int64_t, const std::vector<uint8_t>& bytes) {
    ++entered_;
    return loopback::loaded_tensor(network_, plan_.input_tensor, bytes);
  };
  hooks.stored = [this](int64_t image, const loopback::ImageCycles& cycles) {
    image_stored(image, cycles);
  };
  hooks.stopped = [this] { return dropped(); };
  const auto protocol =
      params.non_blocking_memory ? loopback::Protocol::non_blocking : loopback::Protocol::blocking;
  parts_ = std::make_unique<loopback::ElaboratedArray>(
      network_, accelerator_, placement_, plan_, faults_,
      loopback::FetchParams{accelerator_.memory, period(), protocol, true, params.whole_bursts},
      std::move(hooks));
  for (const loopback::LayerPlan& layer : plan_.layers) {
    fetched_.resize(fetched_.size() + layer.tiles.size());
  }
  parts_->array.load = [this](int index, const loopback::WeightTile& tile,
                              const std::vector<uint8_t>& bytes) { load_tile(index, tile, bytes); };
  parts_->fetch.on_error = [this] { drop(DeviceError::memory); };
  parts_->fetch.on_served = [this](const loopback::Transfer& transfer, int64_t, int64_t) {
    moved();
    if (dropped()) return;
    count(transfer.store.empty() ? Register::bytes_read : Register::bytes_written,
          static_cast<uint64_t>(transfer.bytes));
  };
  set_sizes(plan_.input_bytes, plan_.output_bytes, plan_.weight_bytes());
  SC_HAS_PROCESS(LoopbackDeviceModule);
  SC_THREAD(run_all);
}

void LoopbackDeviceModule::run_all() {
  for (;;) {
    const Run run = next_run();
    loopback::Job job;
    job.images = run.images;
    job.start = parts_->fetch.cycle_of(sc_time_stamp());
    if (origin_ < 0) origin_ = job.start;
    job.origin = origin_;
    job.tiles_at = run.parameter_address;
    job.images_at = run.image_address;
    job.results_at = run.result_address;
    parts_->restart();
    const int64_t end = parts_->controller.run(job);
    // The host sees the end when it happens, whatever the quantum.
    if (!dropped()) pass(parts_->fetch.offset_of(end));
    end_run(end - job.start);
  }
}

/// Memory does not change often: a tile that is as it was is in its core already.
void LoopbackDeviceModule::load_tile(int index, const loopback::WeightTile& tile,
                                     const std::vector<uint8_t>& bytes) {
  if (dropped()) return;  // not what memory holds
  const auto at = static_cast<size_t>(index);
  const loopback::LayerPlan& plan = plan_.layers[at];
  size_t number = static_cast<size_t>(&tile - plan.tiles.data());
  for (size_t i = 0; i < at; ++i) number += plan_.layers[i].tiles.size();
  if (fetched_[number] == bytes) return;
  const ArrayUse& use = placement_.arrays.front().uses[at];
  Layer& layer = network_.layers[static_cast<size_t>(plan.layer)];
  const Layer before = layer;
  try {
    loopback::load_tile(plan, tile, use, static_cast<int>(accelerator_.simd), bytes, layer);
    stuckat::validate(network_, network_.name);
  } catch (const InputError&) {
    layer = before;
    return drop(DeviceError::parameters);
  }
  parts_->load(index, layer);
  fetched_[number] = bytes;
}

void LoopbackDeviceModule::image_stored(int64_t image, const loopback::ImageCycles& cycles) {
  if (dropped()) return;
  if (image == 0) count(Register::first_image_cycles, static_cast<uint64_t>(cycles.total()));
  for (const loopback::LayerCycles& layer : cycles.layers) {
    count(Register::waiting_cycles, static_cast<uint64_t>(layer.waiting));
  }
  count(Register::images_done, 1);
}

DeviceModule::Activity LoopbackDeviceModule::activity() const {
  Activity now;
  now.transfer = parts_->fetch.unanswered();
  now.since = parts_->fetch.unanswered_since();
  now.computes = parts_->fetch.is_ahead();
  now.waits = " waits for its controller";
  return now;
}

}  // namespace stuckat::cosim
