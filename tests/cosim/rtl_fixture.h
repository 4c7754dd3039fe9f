// What the RTL tests share: parameter files, the ports that inject a stuck-at, clock and reset, and
// RTL between the pins of two streams.
#pragma once

#include <verilated.h>

#include <fstream>
#include <functional>
#include <string>
#include <systemc>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "models/cosim/axi_stream_module.h"
#include "models/cosim/watchdog_module.h"
#include "models/dataflow/words.h"
#include "tests/support/temporary_folder.h"

namespace stuckat::test {

inline constexpr int period_ns = 10;

/// Bits as a line for $readmemh, highest first.
inline std::string hex_line(const std::vector<uint64_t>& word, int bits) {
  std::string line;
  for (int nibble = (bits + 3) / 4 - 1; nibble >= 0; --nibble) {
    const uint64_t limb = word[static_cast<size_t>(nibble / 16)];
    line += "0123456789abcdef"[limb >> (nibble % 16 * 4) & 15u];
  }
  return line + "\n";
}

/// The memories of the MVTU of a binary layer as rtl/mvtu.sv reads them, named to Verilator.
inline void give_parameters(const TemporaryFolder& folder, const Layer& layer,
                            const PeArray& array) {
  const ArrayUse& use = array.uses.front();
  const int synapse_fold = use.columns / array.simd;
  std::ofstream weights(folder / "weights.hex"), thresholds(folder / "thresholds.hex");
  for (int nf = 0; nf < use.rows / array.pe; ++nf) {
    for (int sf = 0; sf < synapse_fold; ++sf) {
      std::vector<uint64_t> word(8);
      for (int pe = 0; pe < array.pe; ++pe) {
        for (int lane = 0; lane < array.simd; ++lane) {
          const int weight = layer.weight_row(nf * array.pe + pe)[sf * array.simd + lane];
          dataflow::put_bits(word.data(), pe * array.simd + lane, 1,
                             layer.weight_format.code(weight));
        }
      }
      weights << hex_line(word, array.pe * array.simd);
    }
    std::vector<uint64_t> word(8);
    for (int pe = 0; pe < array.pe; ++pe) {
      const int32_t threshold = layer.thresholds[static_cast<size_t>(nf * array.pe + pe)];
      dataflow::put_bits(word.data(), pe * use.threshold_bits, use.threshold_bits,
                         static_cast<uint32_t>(threshold));
    }
    thresholds << hex_line(word, array.pe * use.threshold_bits);
  }
  const std::string arguments[] = {"test", "+weights=" + folder / "weights.hex",
                                   "+thresholds=" + folder / "thresholds.hex"};
  const char* argv[] = {arguments[0].c_str(), arguments[1].c_str(), arguments[2].c_str()};
  Verilated::commandArgs(3, argv);
}

/// The stuck-at ports of rtl/mvtu.sv.
struct FaultPorts {
  sc_core::sc_signal<sc_dt::sc_bv<4>> kind;
  sc_core::sc_signal<sc_dt::sc_bv<16>> pe, address, index;
  sc_core::sc_signal<bool> one;

  /// Kinds in the order of rtl/mvtu.sv.
  static const std::vector<SiteKind>& kinds() {
    static const std::vector<SiteKind> all = {SiteKind::pe_input,     SiteKind::pe_weight,
                                              SiteKind::pe_product,   SiteKind::pe_accumulator,
                                              SiteKind::pe_threshold, SiteKind::pe_comparator,
                                              SiteKind::pe_output};
    return all;
  }

  void set(const Fault& fault) {
    const auto& [at_pe, second, third, fourth] = fault.coordinates;
    for (size_t i = 0; i < kinds().size(); ++i) {
      if (kinds()[i] == fault.kind) kind.write(static_cast<int>(i) + 1);
    }
    const bool memory = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::pe_threshold;
    pe.write(at_pe);
    address.write(memory ? second : 0);
    // A weight's lane, a threshold's bit; else a lane or a bit.
    index.write(fault.kind == SiteKind::pe_weight      ? third
                : fault.kind == SiteKind::pe_threshold ? fourth
                                                       : second);
    one.write(fault.value != 0);
  }

  template <typename Rtl>
  void bind(Rtl& rtl) {
    rtl.fault_kind(kind);
    rtl.fault_pe(pe);
    rtl.fault_address(address);
    rtl.fault_index(index);
    rtl.fault_one(one);
  }
};

/// A clock whose first edge is that of a reset; cycle 0 ends with the third.
class ClockAndReset : public sc_core::sc_module {
 public:
  sc_core::sc_clock clock{"aclk", period_ns, sc_core::SC_NS, 0.5, period_ns, sc_core::SC_NS, true};
  sc_core::sc_signal<bool> resetn{"aresetn"};

  explicit ClockAndReset(const sc_core::sc_module_name& name) : sc_module(name) {
    SC_HAS_PROCESS(ClockAndReset);
    SC_THREAD(release);
  }

 private:
  void release() {
    wait(2.5 * period_ns, sc_core::SC_NS);
    resetn.write(true);
  }
};

/// RTL of one of rtl/*.sv in the place of what is between two streams.
template <typename Rtl, int in_width, int out_width>
struct RtlBench {
  ClockAndReset time{"time"};
  cosim::AxiStreamSignals<in_width> s{"s_axis"};
  cosim::AxiStreamSignals<out_width> m{"m_axis"};
  cosim::StreamToPins<in_width> to_pins;
  cosim::PinsToStream<out_width> from_pins;
  Rtl rtl{"v"};
  sc_core::sc_signal<bool> stalling;
  sc_core::sc_signal<sc_dt::sc_bv<32>> count;  ///< of what the RTL's loop runs over
  FaultPorts fault;
  cosim::WatchdogModule watchdog;

  /// bind_count binds `count` to the port of rtl that has it; done: when the simulation pauses.
  RtlBench(kernel::Stream& in, kernel::Stream& out, int64_t words_per_packet,
           kernel::Discipline discipline, int64_t loop_count, int64_t patience_cycles,
           const std::function<void(Rtl&, sc_core::sc_signal<sc_dt::sc_bv<32>>&)>& bind_count,
           const std::function<bool()>& done)
      : to_pins("to_pins", in),
        from_pins("from_pins", out, {words_per_packet}),
        watchdog("watchdog", patience_cycles,
                 {done, [this] { return to_pins.words() + from_pins.words(); },
                  [this] { return to_pins.explain() + "; " + from_pins.explain(); }}) {
    to_pins.bind(s);
    from_pins.bind(m);
    for (cosim::AxiStreamEnd* end : {static_cast<cosim::AxiStreamEnd*>(&to_pins),
                                     static_cast<cosim::AxiStreamEnd*>(&from_pins)}) {
      end->aclk(time.clock);
      end->aresetn(time.resetn);
    }
    watchdog.aclk(time.clock);
    rtl.aclk(time.clock);
    rtl.aresetn(time.resetn);
    rtl.stalling(stalling);
    bind_count(rtl, count);
    fault.bind(rtl);
    rtl.s_axis_tdata(s.tdata);
    rtl.s_axis_tvalid(s.tvalid);
    rtl.s_axis_tready(s.tready);
    rtl.m_axis_tdata(m.tdata);
    rtl.m_axis_tlast(m.tlast);
    rtl.m_axis_tvalid(m.tvalid);
    rtl.m_axis_tready(m.tready);
    stalling.write(discipline == kernel::Discipline::stalling);
    count.write(static_cast<int>(loop_count));
  }

  /// "" if the run ended by itself and RTL kept to the protocol.
  std::string run() {
    sc_core::sc_start();
    return watchdog.verdict().empty() ? from_pins.violation() : watchdog.verdict();
  }
};

}  // namespace stuckat::test
