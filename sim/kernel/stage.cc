#include "sim/kernel/stage.h"

namespace stuckat::kernel {

namespace {

std::vector<Stream*> one(Stream* stream) {
  return stream == nullptr ? std::vector<Stream*>{} : std::vector<Stream*>{stream};
}

}  // namespace

Stage::Stage(const sc_core::sc_module_name& name, Stream* in, Stream* out)
    : Stage(name, one(in), one(out)) {}

Stage::Stage(const sc_core::sc_module_name& name, std::vector<Stream*> ins,
             std::vector<Stream*> outs)
    : sc_module(name),
      ins_(std::move(ins)),
      outs_(std::move(outs)),
      in_(ins_.empty() ? nullptr : ins_.front()),
      out_(outs_.empty() ? nullptr : outs_.front()) {
  for (Stream* stream : ins_) stream->bind_consumer(wake_);
  for (Stream* stream : outs_) stream->bind_producer(wake_);
  SC_HAS_PROCESS(Stage);
  SC_METHOD(activate);
  sensitive << wake_;
}

// A stage of several streams may be woken by one that it does not wait for: it looks again, and
// says again what is missing.
void Stage::activate() {
  status_ = advance();
  if (status_ == StepStatus::needs_input) {
    for (Stream* stream : ins_) {
      if (ins_.size() == 1 || !stream->can_pop()) stream->consumer_waits();
    }
  } else if (status_ == StepStatus::needs_output) {
    for (Stream* stream : outs_) {
      if (outs_.size() == 1 || !stream->can_push()) stream->producer_waits();
    }
  }
}

/// A stream that it waits for: the first where there are several.
Stream* Stage::waits_for() const {
  const bool input = status_ == StepStatus::needs_input;
  const auto& streams = input ? ins_ : outs_;
  for (Stream* stream : streams) {
    if (!(input ? stream->can_pop() : stream->can_push())) return stream;
  }
  return streams.front();
}

void Stage::resume(int64_t cycle) {
  idle_until(cycle);
  status_ = StepStatus::needs_input;
  wake_.notify(sc_core::SC_ZERO_TIME);
}

std::string Stage::explain() const {
  if (status_ == StepStatus::done) return std::string(basename()) + " is done";
  const bool input = status_ == StepStatus::needs_input;
  const Stream& stream = *waits_for();
  return std::string(basename()) + " waits for " +
         (input ? "word " + std::to_string(stream.popped())
                : "a slot for word " + std::to_string(stream.pushed())) +
         " of " + stream.basename() + " (depth " + std::to_string(stream.depth()) + ", holds " +
         std::to_string(stream.pushed() - stream.popped()) + ")";
}

}  // namespace stuckat::kernel
