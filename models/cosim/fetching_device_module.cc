#include "models/cosim/fetching_device_module.h"

#include "models/cosim/blank_parameters.h"
#include "models/memory/stored_tensor.h"
#include "workloads/errors.h"

namespace stuckat::cosim {

FetchingDeviceModule::FetchingDeviceModule(const sc_core::sc_module_name& name, DeviceKind kind,
                                           const DeviceParams& params, const Network& network)
    : DeviceModule(name, kind, params, sc_core::sc_time(10, sc_core::SC_NS)),
      network_(with_parameters(without_parameters(network))) {}

memory::FetchParams FetchingDeviceModule::fetch_params(const memory::MemoryParams& memory,
                                                       const DeviceParams& params) const {
  const auto protocol =
      params.non_blocking_memory ? memory::Protocol::non_blocking : memory::Protocol::blocking;
  return {memory, period(), protocol, true, params.whole_bursts};
}

void FetchingDeviceModule::connect(memory::FetchModule& fetch, size_t tiles) {
  fetch_ = &fetch;
  fetched_.resize(tiles);
  fetch.on_error = [this] { drop(DeviceError::memory); };
  fetch.on_served = [this](const memory::Transfer& transfer, int64_t, int64_t) {
    moved();
    if (dropped()) return;
    count(transfer.store.empty() ? Register::bytes_read : Register::bytes_written,
          static_cast<uint64_t>(transfer.bytes));
  };
  SC_HAS_PROCESS(FetchingDeviceModule);
  SC_THREAD(run_all);
}

void FetchingDeviceModule::run_all() {
  for (;;) {
    const Run run = next_run();
    memory::Job job;
    job.images = run.images;
    job.start = fetch_->cycle_of(sc_core::sc_time_stamp());
    if (origin_ < 0) origin_ = job.start;
    job.origin = origin_;
    job.tiles_at = run.parameter_address;
    job.images_at = run.image_address;
    job.results_at = run.result_address;
    const int64_t end = run_job(job);
    // The host sees the end when it happens, whatever the quantum.
    if (!dropped()) pass(fetch_->offset_of(end));
    end_run(end - job.start);
  }
}

void FetchingDeviceModule::stage(size_t tile, int layer, const std::vector<uint8_t>& bytes,
                                 const Put& put) {
  if (dropped() || fetched_[tile] == bytes) return;  // dropped: not what memory holds
  Layer& changed = network_.layers[static_cast<size_t>(layer)];
  if (staged_.empty()) before_ = changed;
  staged_layer_ = layer;
  staged_.emplace_back(tile, bytes);
  put(bytes, changed);
}

void FetchingDeviceModule::commit(const std::function<void(const Layer&)>& reload) {
  if (staged_.empty()) return;
  Layer& layer = network_.layers[static_cast<size_t>(staged_layer_)];
  const auto staged = std::exchange(staged_, {});
  try {
    stuckat::validate(network_, network_.name);
  } catch (const InputError&) {
    layer = std::move(before_);
    return drop(DeviceError::parameters);
  }
  reload(layer);
  for (const auto& [tile, bytes] : staged) fetched_[tile] = bytes;
}

Tensor FetchingDeviceModule::image_of(const std::vector<uint8_t>& bytes, int tensor) {
  ++entered_;
  return memory::loaded_tensor(network_, tensor, bytes);
}

void FetchingDeviceModule::image_stored(int64_t image, int64_t cycles, int64_t waiting) {
  if (dropped()) return;
  if (image == 0) count(Register::first_image_cycles, static_cast<uint64_t>(cycles));
  count(Register::waiting_cycles, static_cast<uint64_t>(waiting));
  count(Register::images_done, 1);
}

DeviceModule::Activity FetchingDeviceModule::activity() const {
  Activity now;
  now.transfer = fetch_->unanswered();
  now.since = fetch_->unanswered_since();
  now.computes = fetch_->is_ahead();
  now.waits = " waits for its controller";
  return now;
}

}  // namespace stuckat::cosim
