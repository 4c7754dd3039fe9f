// A ticked twin of a part (tests/models/dataflow/ticked_part.h) with AXI4-Stream pins: what RTL of
// any part looks like from outside, without its arithmetic. The words it sends are given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/cosim/axi_stream_module.h"
#include "tests/models/dataflow/ticked_rtl.h"
#include "workloads/errors.h"

namespace stuckat::test {

/// The pins of one stream, whatever their width, and the adaptor at their other end.
struct PinnedStream {
  sc_core::sc_signal<bool>* tvalid = nullptr;
  sc_core::sc_signal<bool>* tready = nullptr;
  sc_core::sc_signal<bool>* tlast = nullptr;
  std::function<void(uint64_t)> set_data;
  std::function<uint64_t()> data;
  std::unique_ptr<cosim::AxiStreamEnd> end;
  std::shared_ptr<void> pins;
};

template <typename End, int width>
PinnedStream pinned(const std::string& name, kernel::Stream& stream,
                    const cosim::PinParams& params) {
  auto pins = std::make_shared<cosim::AxiStreamSignals<width>>(name);
  auto end = std::make_unique<End>((name + "_end").c_str(), stream, params);
  end->bind(*pins);
  PinnedStream result{&pins->tvalid, &pins->tready, &pins->tlast, {}, {}, std::move(end), pins};
  result.set_data = [p = pins.get()](uint64_t word) {
    p->tdata.write(sc_dt::sc_bv<width>(sc_dt::sc_biguint<width>(word)));
  };
  result.data = [p = pins.get()] { return p->tdata.read().to_uint64(); };
  return result;
}

/// Adaptors for words of up to 64 bits, by the width of the stream.
template <template <int> class End, int width = 8>
PinnedStream pinned_by_width(const std::string& name, kernel::Stream& stream,
                             const cosim::PinParams& params = {}) {
  if (stream.word_bits() <= width) return pinned<End<width>, width>(name, stream, params);
  if constexpr (width < 64) return pinned_by_width<End, width + 8>(name, stream, params);
  throw InputError(name, "words of " + std::to_string(stream.word_bits()) + " bits", "at most 64");
}

/// Between the pins. tvalid and tready are what the part would do in the cycle that the next edge
/// ends: functions of its state and of the other pins, as in rtl/loop_pipeline.sv.
class TickedPins : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> aclk{"aclk"};

  /// words: what it sends, looked at when it is sent. words_per_packet: of tlast.
  TickedPins(const sc_core::sc_module_name& name, std::unique_ptr<TickedPart> part,
             PinnedStream& in, PinnedStream& out, const std::vector<uint64_t>& words,
             int64_t words_per_packet)
      : sc_module(name),
        part_(std::move(part)),
        in_(in),
        out_(out),
        words_(words),
        words_per_packet_(words_per_packet) {
    SC_HAS_PROCESS(TickedPins);
    SC_METHOD(on_edge);
    sensitive << aclk.pos();
    dont_initialize();
    SC_METHOD(drive);
    sensitive << settled_ << in_.tvalid->value_changed_event()
              << out_.tready->value_changed_event();
  }
  size_t sent() const { return sent_; }
  const std::vector<uint64_t>& received() const { return received_; }

 private:
  void on_edge() {
    const TickedPart::Moves m = part_->moves(in_.tvalid->read(), out_.tready->read());
    if (m.reads) received_.push_back(in_.data());
    if (m.writes) ++sent_;
    part_->apply(m, out_.tready->read());
    settled_.notify(sc_core::sc_time(1, sc_core::SC_NS));
  }
  void drive() {
    // A master does not wait for tready.
    const bool offers = part_->moves(in_.tvalid->read(), true).writes;
    out_.tvalid->write(offers);
    in_.tready->write(part_->moves(in_.tvalid->read(), out_.tready->read()).reads);
    if (!offers) return;
    out_.set_data(sent_ < words_.size() ? words_[sent_] : 0);
    out_.tlast->write((static_cast<int64_t>(sent_) + 1) % words_per_packet_ == 0);
  }

  std::unique_ptr<TickedPart> part_;
  PinnedStream& in_;
  PinnedStream& out_;
  const std::vector<uint64_t>& words_;
  int64_t words_per_packet_;
  size_t sent_ = 0;
  std::vector<uint64_t> received_;
  sc_core::sc_event settled_;
};

}  // namespace stuckat::test
