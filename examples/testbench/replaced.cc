// RTL in the place of a part: popcount_mvtu.sv, verilated, is "layer1/mvtu" of a dataflow
// accelerator, healthy or with a stuck accumulator bit, beside an accelerator that is all
// stuckat's. Both have the same fault; what leaves the layer is compared word by word, and the
// scores of every image with the reference under the effects that the fault is lowered to.
//   replaced [FAULT], like: replaced "layer1/mvtu/pe[5]/accumulator[3]=1"
#include <Vpopcount_mvtu.h>
#include <verilated.h>

#include <cstdio>
#include <fstream>
#include <systemc>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/cosim/axi_stream_module.h"
#include "models/cosim/stream_comparison.h"
#include "models/cosim/watchdog_module.h"
#include "models/dataflow/elaboration_module.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/words.h"
#include "random_parameters.h"
#include "workloads/errors.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

constexpr int pe = 8, simd = 16, threshold_bits = 8;  // as in popcount_mvtu.sv
constexpr int image_count = 5;
const char* const part = "layer1/mvtu";

/// One line for $readmemh, the highest bit first; bits are whole nibbles.
std::string hex(const std::vector<uint64_t>& word, int bits) {
  std::string line;
  for (int bit = bits - 4; bit >= 0; bit -= 4) {
    line += "0123456789abcdef"[dataflow::get_bits(word.data(), bit, 4)];
  }
  return line + "\n";
}

/// weights.hex and thresholds.hex, named to Verilator.
void write_memories(const Layer& layer) {
  std::ofstream weights("weights.hex"), thresholds("thresholds.hex");
  for (int nf = 0; nf < layer.rows() / pe; ++nf) {
    for (int sf = 0; sf < layer.columns() / simd; ++sf) {
      std::vector<uint64_t> word(dataflow::limbs_for(pe * simd));
      for (int i = 0; i < pe * simd; ++i) {
        const int weight = layer.weight_row(nf * pe + i / simd)[sf * simd + i % simd];
        dataflow::put_bits(word.data(), i, 1, layer.weight_format.code(weight));
      }
      weights << hex(word, pe * simd);
    }
    std::vector<uint64_t> word(dataflow::limbs_for(pe * threshold_bits));
    for (int i = 0; i < pe; ++i) {
      dataflow::put_bits(word.data(), i * threshold_bits, threshold_bits,
                         static_cast<uint32_t>(*layer.threshold_row(nf * pe + i)));
    }
    thresholds << hex(word, pe * threshold_bits);
  }
  const char* arguments[] = {"replaced", "+weights=weights.hex", "+thresholds=thresholds.hex"};
  Verilated::commandArgs(3, arguments);
}

/// An accelerator below a name of its own, so that there may be two.
struct Accelerator : sc_core::sc_module {
  dataflow::ElaboratedChain parts;

  Accelerator(const sc_core::sc_module_name& name, const dataflow::Chain& chain,
              const dataflow::DataflowAccelerator& accelerator, const Network& network,
              const Placement& placement, const std::vector<std::vector<uint64_t>>& images,
              const std::vector<size_t>& left_out)
      : sc_module(name), parts(chain, accelerator, network, placement, images, left_out) {}
};

/// The RTL with its pins, clock and reset: cycle 0 ends with the first edge after the reset.
struct Rtl : sc_core::sc_module {
  sc_core::sc_clock clock{"aclk", 10, sc_core::SC_NS, 0.5, 10, sc_core::SC_NS, true};
  sc_core::sc_signal<bool> resetn{"aresetn"};
  cosim::AxiStreamSignals<simd> s{"s_axis"};
  cosim::AxiStreamSignals<pe> m{"m_axis"};
  sc_core::sc_signal<bool> fault_armed{"fault_armed"}, fault_one{"fault_one"};
  sc_core::sc_signal<sc_dt::sc_bv<16>> fault_pe{"fault_pe"}, fault_bit{"fault_bit"};
  cosim::StreamToPins<simd> to_pins;
  cosim::PinsToStream<pe> from_pins;
  Vpopcount_mvtu mvtu{"mvtu"};

  Rtl(const sc_core::sc_module_name& name, kernel::Stream& in, kernel::Stream& out,
      int64_t words_per_image)
      : sc_module(name), to_pins("to_pins", in), from_pins("from_pins", out, {words_per_image}) {
    to_pins.bind(s);
    from_pins.bind(m);
    to_pins.aclk(clock), to_pins.aresetn(resetn);
    from_pins.aclk(clock), from_pins.aresetn(resetn);
    mvtu.aclk(clock), mvtu.aresetn(resetn);
    mvtu.fault_armed(fault_armed), mvtu.fault_one(fault_one);
    mvtu.fault_pe(fault_pe), mvtu.fault_bit(fault_bit);
    mvtu.s_axis_tdata(s.tdata), mvtu.s_axis_tvalid(s.tvalid), mvtu.s_axis_tready(s.tready);
    mvtu.m_axis_tdata(m.tdata), mvtu.m_axis_tvalid(m.tvalid), mvtu.m_axis_tready(m.tready);
    mvtu.m_axis_tlast(m.tlast);
    SC_HAS_PROCESS(Rtl);
    SC_THREAD(release);
  }
  void release() {
    wait(25, sc_core::SC_NS);
    resetn.write(true);
  }
  void arm(const Fault& fault) {
    fault_armed.write(true);
    fault_pe.write(fault.coordinates[0]);
    fault_bit.write(fault.coordinates[1]);
    fault_one.write(fault.value != 0);
  }
};

/// The scores of image `i` out of the words that left the chain.
std::vector<int32_t> scores(const dataflow::ElaboratedChain& parts, const dataflow::Chain& chain,
                            const Network& network, int64_t i) {
  const dataflow::StreamSpec& stream = chain.streams.back();
  const int limbs = dataflow::limbs_for(stream.word_bits());
  const auto code = dataflow::lane_code(network, stream.tensor, stream.lane_bits);
  const uint64_t* words = parts.writer().words().data() + i * stream.words_per_image * limbs;
  std::vector<int32_t> result;
  for (int c = 0; c < network.classes(); ++c) {
    result.push_back(code.value(dataflow::get_bits(
        words + c / stream.lanes * limbs, c % stream.lanes * stream.lane_bits, stream.lane_bits)));
  }
  return result;
}

int run(const std::string& fault_name) {
  // A network, an accelerator for it in which layer 1 is folded as the RTL is, and images.
  std::mt19937 random(7);
  Network network = zoo_network("tfc-w1a1");
  for (Layer& layer : network.layers) fill_randomly(layer, random);
  dataflow::DataflowAccelerator accelerator = dataflow::auto_dataflow(network, 1000);
  accelerator.layers[1].pe = pe;
  accelerator.layers[1].simd = simd;
  accelerator.discipline = kernel::Discipline::flushing;  // a result leaves as soon as it is there
  validate(accelerator, network);
  const Placement placement = dataflow::place(accelerator, network);
  const dataflow::Chain chain = dataflow::build_chain(accelerator, network);
  write_memories(network.layers[1]);
  std::vector<Tensor> images;
  std::vector<std::vector<uint64_t>> words;
  for (int i = 0; i < image_count; ++i) {
    images.push_back({network.input(), {}});
    for (int j = 0; j < network.input().size(); ++j) {
      images[i].values.push_back(random() % 2 == 0 ? 1 : -1);
    }
    words.push_back(dataflow::image_words(images[i], network.layers.front().input_format,
                                          chain.streams[0].words_per_image,
                                          chain.streams[0].word_bits()));
  }
  FaultMap map{placement.accelerator, {}};
  if (!fault_name.empty()) map.faults = {parse_fault(fault_name, placement, network, "fault")};
  validate(map, placement, network, "fault");
  for (const Fault& fault : map.faults) {
    if (fault.kind == SiteKind::pe_accumulator && fault.part == part && !fault.is_flip()) continue;
    throw InputError("fault", fault_name,
                     std::string(part) + "/pe[P]/accumulator[B]=V: the RTL has no others");
  }

  // Both accelerators, and RTL between the two streams of the one that lacks the part.
  const auto cut = dataflow::stages_between(chain, part, part);
  Accelerator ours("ours", chain, accelerator, network, placement, words, {});
  Accelerator theirs("theirs", chain, accelerator, network, placement, words, cut);
  const dataflow::StreamSpec& behind = chain.streams[cut.back()];
  Rtl rtl("rtl", theirs.parts.stream(cut.front() - 1), theirs.parts.stream(cut.back()),
          behind.words_per_image);
  for (const Fault& fault : map.faults) {
    ours.parts.arm(fault);
    rtl.arm(fault);
  }
  cosim::StreamComparison comparison(behind.name, behind.lane_bits, ours.parts.stream(cut.back()),
                                     theirs.parts.stream(cut.back()), cosim::Compared::values);
  cosim::WatchdogModule watchdog(
      "watchdog", 1000,
      {[&] { return theirs.parts.writer().arrivals().size() == images.size(); },
       [&] { return rtl.to_pins.words() + rtl.from_pins.words(); },
       [&] { return rtl.to_pins.explain() + "; " + rtl.from_pins.explain(); }});
  watchdog.aclk(rtl.clock);
  sc_core::sc_start();
  for (const std::string& failure :
       {watchdog.verdict(), rtl.from_pins.violation(), comparison.difference()}) {
    if (failure.empty()) continue;
    std::printf("%s\n", failure.c_str());
    return 1;
  }

  // Against the reference, which has neither hardware nor cycles.
  const Effects effects = lower(map, placement, network);
  for (const auto& effect : describe(effects, network)) std::printf("%s\n", effect.c_str());
  int changed = 0, wrong = 0;
  for (int i = 0; i < image_count; ++i) {
    const auto got = scores(theirs.parts, chain, network, i);
    wrong += got == reference::run(network, images[i], effects, i).back().values ? 0 : 1;
    changed += got == reference::run(network, images[i]).back().values ? 0 : 1;
  }
  std::printf("%s: %s\n", behind.name.c_str(), comparison.summary().text().c_str());
  std::printf(
      "%d images: %d with other scores than without a fault, %d not as the reference says\n",
      image_count, changed, wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  try {
    return run(argc > 1 ? argv[1] : "");
  } catch (const InputError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
