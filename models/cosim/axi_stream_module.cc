#include "models/cosim/axi_stream_module.h"

#include "workloads/errors.h"

namespace stuckat::cosim {

AxiStreamEnd::AxiStreamEnd(const sc_core::sc_module_name& name, kernel::Stream& stream, int width,
                           const PinParams& params)
    : sc_module(name), aclk("aclk"), aresetn("aresetn"), stream_(stream), params_(params) {
  const int bits = (stream.word_bits() + 7) / 8 * 8;
  if (width != bits) {
    throw InputError(sc_module::name(), "pins of " + std::to_string(width) + " bits",
                     std::to_string(bits) + " for the words of " + stream.basename());
  }
  if (params.clock_to_output == sc_core::SC_ZERO_TIME) {
    throw InputError(sc_module::name(), "clock_to_output 0", "a time above 0");
  }
  SC_HAS_PROCESS(AxiStreamEnd);
  SC_METHOD(on_edge);
  sensitive << aclk.pos();
  dont_initialize();
  SC_METHOD(settle);
  sensitive << settled_ << aresetn.value_changed();
}

void AxiStreamEnd::on_edge() {
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  if (settles_ > sc_core::SC_ZERO_TIME && now <= settles_) {
    throw InputError(name(), "clock_to_output " + params_.clock_to_output.to_string(),
                     "less than a period of aclk");
  }
  settles_ = now + params_.clock_to_output;
  if (aresetn.read()) {
    handshake();
    ++cycle_;
    held_ = false;
  } else {
    held_ = true;
    reset();
  }
  settled_.notify(params_.clock_to_output);
}

/// Behind an edge, and when aresetn changes, at an edge or not.
void AxiStreamEnd::settle() {
  if (!aresetn.read()) {
    held_ = true;
    reset();
  }
  drive();
}

void AxiStreamEnd::violate(const std::string& what) {
  if (!violation_.empty()) return;
  violation_ = std::string(name()) + ": " + what + ", cycle " + std::to_string(cycle_) + ", word " +
               std::to_string(words_);
}

}  // namespace stuckat::cosim
