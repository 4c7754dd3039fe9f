#include "models/dataflow/pool_module.h"

namespace stuckat::dataflow {

using kernel::StepStatus;

PoolParams pool_params(const Layer& layer, int words_per_pixel) {
  PoolParams params;
  const int64_t row = int64_t{layer.input.width} * words_per_pixel;
  params.words_read_per_row = layer.kernel.height * row;
  params.words_written_per_row = int64_t{layer.output.width} * words_per_pixel;
  params.rows = layer.output.height;
  params.words_dropped = (layer.input.height - layer.kernel.height * layer.output.height) * row;
  return params;
}

PoolParams window_pool_params(const Layer& layer, int words_per_pixel) {
  PoolParams params;
  params.words_read_per_row = int64_t{layer.kernel.height} * layer.kernel.width;
  params.words_written_per_row = 0;
  params.rows = layer.output.pixels() * words_per_pixel;
  params.gives_with_last = true;
  return params;
}

template <typename Core>
PoolModule<Core>::PoolModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                             kernel::Stream& sink, const PoolParams& params, Core core)
    : Stage(name, &source, &sink),
      params_(params),
      core_(std::move(core)),
      pipeline_(params.latency_steps, params.discipline, &sink) {}

template <typename Core>
StepStatus PoolModule<Core>::advance() {
  for (; image_ < *params_.images; ++image_, row_ = 0, dropped_ = 0) {
    for (; row_ < params_.rows; ++row_, read_ = 0, written_ = 0) {
      for (; read_ < params_.words_read_per_row; ++read_) {
        if (const StepStatus p = pipeline_.step(0, this->in()); p != StepStatus::done) return p;
        core_.settle(pipeline_.start());
        core_.write(this->in()->front());
        this->in()->pop(pipeline_.start());
        if (params_.gives_with_last && read_ + 1 == params_.words_read_per_row) {
          core_.read(pipeline_.emit());
        }
      }
      for (; written_ < params_.words_written_per_row; ++written_) {
        if (const StepStatus p = pipeline_.step(0, nullptr); p != StepStatus::done) return p;
        core_.settle(pipeline_.start());
        core_.read(pipeline_.emit());
      }
    }
    for (; dropped_ < params_.words_dropped; ++dropped_) {
      if (const StepStatus p = pipeline_.step(0, this->in()); p != StepStatus::done) return p;
      this->in()->pop(pipeline_.start());
    }
    core_.begin_image();
  }
  return pipeline_.drain();
}

template class PoolModule<MaxPool>;
template class PoolModule<SumPool>;

}  // namespace stuckat::dataflow
