#include "sim/kernel/stage.h"

namespace stuckat::kernel {

Stage::Stage(const sc_core::sc_module_name& name, Stream* in, Stream* out)
    : sc_module(name), in_(in), out_(out) {
  if (in_ != nullptr) in_->bind_consumer(wake_);
  if (out_ != nullptr) out_->bind_producer(wake_);
  SC_HAS_PROCESS(Stage);
  SC_METHOD(activate);
  sensitive << wake_;
}

void Stage::activate() {
  status_ = advance();
  if (status_ == StepStatus::needs_input) in_->consumer_waits();
  if (status_ == StepStatus::needs_output) out_->producer_waits();
}

void Stage::resume(int64_t cycle) {
  idle_until(cycle);
  status_ = StepStatus::needs_input;
  wake_.notify(sc_core::SC_ZERO_TIME);
}

std::string Stage::explain() const {
  if (status_ == StepStatus::done) return std::string(basename()) + " is done";
  const bool input = status_ == StepStatus::needs_input;
  const Stream& stream = input ? *in_ : *out_;
  return std::string(basename()) + " waits for " +
         (input ? "word " + std::to_string(stream.popped())
                : "a slot for word " + std::to_string(stream.pushed())) +
         " of " + stream.basename() + " (depth " + std::to_string(stream.depth()) + ", holds " +
         std::to_string(stream.pushed() - stream.popped()) + ")";
}

}  // namespace stuckat::kernel
