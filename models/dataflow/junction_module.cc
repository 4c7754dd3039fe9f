#include "models/dataflow/junction_module.h"

namespace stuckat::dataflow {

using kernel::StepStatus;

JunctionModule::JunctionModule(const sc_core::sc_module_name& name,
                               std::vector<kernel::Stream*> sources,
                               std::vector<kernel::Stream*> sinks, const Params& params,
                               std::unique_ptr<Junction> core)
    : Stage(name, sources, sinks),
      params_(params),
      core_(std::move(core)),
      pipeline_(params.latency_steps, params.discipline, {sinks.begin(), sinks.end()}),
      fifos_(sources.begin(), sources.end()) {}

StepStatus JunctionModule::advance() {
  for (; image_ < *params_.images; ++image_, word_ = 0) {
    for (; word_ < params_.words_per_image; ++word_) {
      const bool turns = !params_.turns.empty();
      const std::span<kernel::StampedFifo* const> all = fifos_;
      const StepStatus p = pipeline_.step(turns ? all.subspan(turn_, 1) : all);
      if (p != StepStatus::done) return p;
      core_->settle(pipeline_.start());
      for (size_t i = turns ? turn_ : 0; i < (turns ? turn_ + 1 : fifos_.size()); ++i) {
        core_->take(i, fifos_[i]->front());
        fifos_[i]->pop(pipeline_.start());
      }
      core_->give(pipeline_.emit());
      if (!turns || ++in_turn_ < params_.turns[turn_]) continue;
      in_turn_ = 0;
      if (++turn_ == fifos_.size()) turn_ = 0;
    }
    core_->begin_image();
  }
  return pipeline_.drain();
}

}  // namespace stuckat::dataflow
