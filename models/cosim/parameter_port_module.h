// The parameter memory of an accelerator that keeps its weights, as a bus sees it: byte-addressed,
// any length; layout: parameter_memory.h. Direct access unless a cell is broken.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <systemc>
#include <tlm>

#include "models/cosim/parameter_memory.h"

namespace stuckat::cosim {

class ParameterPortModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<ParameterPortModule> socket{"socket"};

  /// period: of a word of 4 bytes. may_write: asked before each write; false: it is refused.
  ParameterPortModule(const sc_core::sc_module_name& name, ParameterMemory& memory,
                      const sc_core::sc_time& period, std::function<bool()> may_write);

 private:
  void access(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);
  unsigned debug(tlm::tlm_generic_payload& transaction);
  bool direct(tlm::tlm_generic_payload& transaction, tlm::tlm_dmi& region);

  ParameterMemory& memory_;
  sc_core::sc_time period_;
  std::function<bool()> may_write_;
};

}  // namespace stuckat::cosim
