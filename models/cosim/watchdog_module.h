// Pauses a simulation that has a clock: when everything is done, or when nothing has moved for some
// cycles, and then says who waits for what.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <systemc>
#include <vector>

namespace stuckat::cosim {

class WatchdogModule : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> aclk{"aclk"};

  /// done: whether the run is over; moved: any number that grows while something moves; explain:
  /// one line for each thing that waits.
  struct Hooks {
    std::function<bool()> done;
    std::function<int64_t()> moved;
    std::function<std::string()> explain;
  };
  WatchdogModule(const sc_core::sc_module_name& name, int64_t patience_cycles, Hooks hooks);

  /// "" if the run was done; else who waits, after `patience_cycles` in which nothing moved.
  const std::string& verdict() const { return verdict_; }

 private:
  void on_edge();

  int64_t patience_;
  Hooks hooks_;
  int64_t moved_ = -1;
  int64_t quiet_ = 0;  // cycles
  std::string verdict_;
};

}  // namespace stuckat::cosim
