// AXI4-Stream pins at the ends of stamped streams: RTL takes the place of any part between two
// streams. Cycle k is what ends with the k-th rising edge (k = 0, 1, ...) at which aresetn is high:
//
//   stream -> pins   tvalid in cycle k  <=>  a word with visible() <= k is in front
//                    handshake at edge k  =  pop(k)
//   pins -> stream   tready in cycle k  <=>  a slot with slot_free() <= k is free
//                    handshake at edge k  =  push(k)
//
// so the RTL sees a FIFO with registered flags: a word is visible, and a slot free, one cycle after
// the edge that wrote or freed it. Pins change `clock_to_output` after the edge. By then all delta
// cycles of the edge are over, so no stamp of a cycle <= k can still come: what stamped stages do
// from now on depends on handshakes at later edges, and a stage stamps nothing earlier than what it
// waited for.
//
// In reset nothing is offered: tvalid and tready fall with aresetn, and tvalid rises no sooner than
// after the first edge at which aresetn is high again (AMBA AXI4-Stream, IHI 0051A, 2.7.2), so
// that a receiver that counts that edge to its reset misses no word.
#pragma once

#include <cstdint>
#include <string>
#include <systemc>

#include "sim/kernel/stream.h"

namespace stuckat::cosim {

struct PinParams {
  int64_t words_per_packet = 0;  ///< tlast is high in the last word of a packet; 0: never
  sc_core::sc_time clock_to_output = sc_core::sc_time(1, sc_core::SC_NS);  ///< > 0, < a period
};

/// The pins of a stream of up to `width` bits; width is a multiple of 8, as AXI4-Stream wants it.
/// Bits beyond the word are 0.
template <int width>
struct AxiStreamSignals {
  explicit AxiStreamSignals(const std::string& name)
      : tvalid((name + "_tvalid").c_str()),
        tready((name + "_tready").c_str()),
        tlast((name + "_tlast").c_str()),
        tdata((name + "_tdata").c_str()) {}

  /// In a scope of their own: "s.tvalid".
  void trace(sc_core::sc_trace_file* file) const {
    const std::string full = tvalid.name();
    const std::string scope = full.substr(0, full.rfind("_tvalid")) + ".";
    sc_core::sc_trace(file, tvalid, scope + "tvalid");
    sc_core::sc_trace(file, tready, scope + "tready");
    sc_core::sc_trace(file, tlast, scope + "tlast");
    sc_core::sc_trace(file, tdata, scope + "tdata");
  }

  sc_core::sc_signal<bool> tvalid, tready, tlast;
  sc_core::sc_signal<sc_dt::sc_bv<width>> tdata;
};

/// What both directions share: the edges, and when the pins change.
class AxiStreamEnd : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> aclk;
  sc_core::sc_in<bool> aresetn;

  /// Handshakes so far.
  int64_t words() const { return words_; }
  /// The cycle that the next edge ends.
  int64_t cycle() const { return cycle_; }
  /// What RTL did against the protocol, first of all; "" if nothing.
  const std::string& violation() const { return violation_; }
  /// Counters, for a waveform beside the pins.
  void trace(sc_core::sc_trace_file* file) const {
    sc_core::sc_trace(file, cycle_, std::string(name()) + ".cycle");
    sc_core::sc_trace(file, words_, std::string(name()) + ".words");
  }
  /// "layer1_in waits for tready in cycle 120, word 36", for the watchdog.
  virtual std::string explain() const = 0;

 protected:
  AxiStreamEnd(const sc_core::sc_module_name& name, kernel::Stream& stream, int width,
               const PinParams& params);

  virtual void handshake() = 0;
  virtual void drive() = 0;
  /// aresetn is low.
  virtual void reset() {}
  /// aresetn is low, or no edge has come since it was.
  bool held() const { return held_; }
  bool last(int64_t word) const {
    return params_.words_per_packet > 0 && (word + 1) % params_.words_per_packet == 0;
  }
  void violate(const std::string& what);

  kernel::Stream& stream_;
  PinParams params_;
  int64_t cycle_ = 0;
  int64_t words_ = 0;

 private:
  void on_edge();
  void settle();

  bool held_ = false;
  sc_core::sc_event settled_;
  sc_core::sc_time settles_;  // after the last edge
  std::string violation_;
};

/// Stamped stream -> pins: drives the slave port of RTL.
template <int width>
class StreamToPins : public AxiStreamEnd {
 public:
  sc_core::sc_out<bool> tvalid{"tvalid"};
  sc_core::sc_in<bool> tready{"tready"};
  sc_core::sc_out<bool> tlast{"tlast"};
  sc_core::sc_out<sc_dt::sc_bv<width>> tdata{"tdata"};

  StreamToPins(const sc_core::sc_module_name& name, kernel::Stream& stream,
               const PinParams& params = {})
      : AxiStreamEnd(name, stream, width, params) {}

  void bind(AxiStreamSignals<width>& pins) {
    tvalid(pins.tvalid);
    tready(pins.tready);
    tlast(pins.tlast);
    tdata(pins.tdata);
  }
  std::string explain() const override {
    const char* const waits = tvalid.read() ? " waits for tready" : " has no word to send";
    return std::string(name()) + (aresetn.read() ? waits : " is in reset") + " in cycle " +
           std::to_string(cycle_) + ", word " + std::to_string(words_);
  }

 private:
  void handshake() override {
    if (!tvalid.read() || !tready.read()) return;
    stream_.pop(cycle_);
    ++words_;
  }
  void drive() override {
    const bool valid = !held() && stream_.can_pop() && stream_.visible() <= cycle_;
    tvalid.write(valid);
    if (!valid) return;
    sc_dt::sc_bv<width> data;
    for (int limb = 0; limb < stream_.limbs(); ++limb) {
      for (int half = 0; half < 2; ++half) {
        const int word = 2 * limb + half;
        if (word >= data.size()) break;
        data.set_word(word, static_cast<sc_dt::sc_digit>(stream_.front()[limb] >> (32 * half)));
      }
    }
    tdata.write(data);
    tlast.write(last(words_));
  }
};

/// Pins -> stamped stream: takes what the master port of RTL sends, and watches the protocol:
/// tvalid stays until the handshake, tdata and tlast do not change before it, tlast comes where a
/// packet ends. A reset ends an offer.
template <int width>
class PinsToStream : public AxiStreamEnd {
 public:
  sc_core::sc_in<bool> tvalid{"tvalid"};
  sc_core::sc_out<bool> tready{"tready"};
  sc_core::sc_in<bool> tlast{"tlast"};
  sc_core::sc_in<sc_dt::sc_bv<width>> tdata{"tdata"};

  PinsToStream(const sc_core::sc_module_name& name, kernel::Stream& stream,
               const PinParams& params = {})
      : AxiStreamEnd(name, stream, width, params), word_(static_cast<size_t>(stream.limbs())) {}

  void bind(AxiStreamSignals<width>& pins) {
    tvalid(pins.tvalid);
    tready(pins.tready);
    tlast(pins.tlast);
    tdata(pins.tdata);
  }
  std::string explain() const override {
    const char* const waits = tready.read() ? " waits for tvalid" : " has no free slot";
    return std::string(name()) + (aresetn.read() ? waits : " is in reset") + " in cycle " +
           std::to_string(cycle_) + ", word " + std::to_string(words_);
  }

 private:
  void handshake() override {
    const bool offered = offered_;
    offered_ = tvalid.read() && !tready.read();
    if (offered && !tvalid.read()) violate("tvalid fell without a handshake");
    if (offered && tvalid.read() && (tdata.read() != data_ || tlast.read() != last_)) {
      violate("tdata or tlast changed before the handshake");
    }
    data_ = tdata.read();
    last_ = tlast.read();
    if (!tvalid.read() || !tready.read()) return;
    if (params_.words_per_packet > 0 && last_ != last(words_)) {
      violate(last_ ? "tlast inside a packet" : "no tlast at the end of a packet");
    }
    for (size_t limb = 0; limb < word_.size(); ++limb) {
      const int low = static_cast<int>(2 * limb);
      word_[limb] = data_.get_word(low);
      if (low + 1 < data_.size()) word_[limb] |= uint64_t{data_.get_word(low + 1)} << 32;
    }
    const int used = stream_.word_bits() % 64;
    if (used != 0) word_.back() &= (uint64_t{1} << used) - 1;
    stream_.push(cycle_, word_.data());
    ++words_;
  }
  void reset() override { offered_ = false; }
  void drive() override {
    tready.write(aresetn.read() && stream_.can_push() && stream_.slot_free() <= cycle_);
  }

  std::vector<uint64_t> word_;
  sc_dt::sc_bv<width> data_;  // at the last edge
  bool last_ = false;
  bool offered_ = false;  // a word was offered at the last edge, and not taken
};

}  // namespace stuckat::cosim
