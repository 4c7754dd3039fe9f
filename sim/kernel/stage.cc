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
  progress_ = advance();
  if (progress_ == Progress::needs_input) in_->consumer_waits();
  if (progress_ == Progress::needs_output) out_->producer_waits();
}

void Stage::resume(int64_t cycle) {
  idle_until(cycle);
  progress_ = Progress::needs_input;
  wake_.notify(sc_core::SC_ZERO_TIME);
}

std::string Stage::explain() const {
  if (progress_ == Progress::done) return std::string(basename()) + " is done";
  const bool input = progress_ == Progress::needs_input;
  const Stream& stream = input ? *in_ : *out_;
  return std::string(basename()) + " waits for " +
         (input ? "word " + std::to_string(stream.popped())
                : "a slot for word " + std::to_string(stream.pushed())) +
         " of " + stream.basename() + " (depth " + std::to_string(stream.depth()) + ", holds " +
         std::to_string(stream.pushed() - stream.popped()) + ")";
}

}  // namespace stuckat::kernel
