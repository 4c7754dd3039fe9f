#include "models/dataflow/mvtu_module.h"

namespace stuckat::dataflow {

using kernel::StepStatus;

MvtuModule::MvtuModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                       kernel::Stream& sink, const Params& params, Mvtu& core)
    : Stage(name, &source, &sink),
      params_(params),
      core_(core),
      pipeline_(params.latency_steps, params.discipline, &sink) {}

StepStatus MvtuModule::advance() {
  const int synapse_fold = core_.synapse_fold();
  const int neuron_fold = core_.neuron_fold();
  for (; window_ < *params_.images * params_.windows_per_image; ++window_, nf_ = 0, sf_ = 0) {
    for (; sf_ < synapse_fold; ++sf_) {
      if (const StepStatus p = pipeline_.step(0, in()); p != StepStatus::done) return p;
      core_.step_starts(sf_, pipeline_.start());
      core_.load(in()->front());
      in()->pop(pipeline_.start());
    }
    for (; nf_ < neuron_fold; ++nf_) {
      // nf = 0 has had its steps above; each further nf is SF steps on the buffered window.
      if (nf_ > 0 && !core_.has_flips()) {
        const StepStatus p = pipeline_.step(synapse_fold - 1, nullptr);
        if (p != StepStatus::done) return p;
      }
      for (; nf_ > 0 && core_.has_flips() && buffered_ < synapse_fold; ++buffered_) {
        if (const StepStatus p = pipeline_.step(0, nullptr); p != StepStatus::done) return p;
        core_.step_starts(buffered_, pipeline_.start());
      }
      buffered_ = 0;
      core_.store(nf_, pipeline_.emit());
    }
  }
  return pipeline_.drain();
}

}  // namespace stuckat::dataflow
