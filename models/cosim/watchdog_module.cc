#include "models/cosim/watchdog_module.h"

#include <utility>

namespace stuckat::cosim {

WatchdogModule::WatchdogModule(const sc_core::sc_module_name& name, int64_t patience_cycles,
                               Hooks hooks)
    : sc_module(name), patience_(patience_cycles), hooks_(std::move(hooks)) {
  SC_HAS_PROCESS(WatchdogModule);
  SC_METHOD(on_edge);
  sensitive << aclk.pos();
  dont_initialize();
}

void WatchdogModule::on_edge() {
  if (hooks_.done()) return sc_core::sc_pause();
  const int64_t moved = hooks_.moved();
  quiet_ = moved == moved_ ? quiet_ + 1 : 0;
  moved_ = moved;
  if (quiet_ < patience_) return;
  verdict_ = "nothing moved for " + std::to_string(patience_) + " cycles: " + hooks_.explain();
  sc_core::sc_pause();
}

}  // namespace stuckat::cosim
