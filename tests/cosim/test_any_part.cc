// Any part of an accelerator behind pins: a clocked twin takes its place, and nothing in the chain
// can tell.

#include "models/cosim/watchdog_module.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "tests/cosim/pipeline.h"
#include "tests/cosim/ticked_pins.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/refusal.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using test::uniform;

namespace {

/// All that can be seen of a stream.
struct Recorder : kernel::WordProbe {
  explicit Recorder(kernel::Stream& stream) : limbs(static_cast<size_t>(stream.limbs())) {
    stream.set_probe(this);
  }
  void on_push(int64_t, int64_t cycle, const uint64_t* word) override {
    pushes.push_back(cycle);
    words.insert(words.end(), word, word + limbs);
  }
  void on_pop(int64_t, int64_t cycle) override { pops.push_back(cycle); }
  size_t limbs;
  std::vector<int64_t> pushes, pops;
  std::vector<uint64_t> words;
};

struct Scene {
  Network network;
  DataflowAccelerator accelerator;
  Chain chain;
  size_t stage = 0;  // that pins replace
};

/// A stage of a kind, with words that fit the adaptors of the test.
Scene random_scene(test::Random& random, StageKind kind, bool rtl = false) {
  for (;;) {
    Scene s;
    s.network = test::random_network(random);
    s.accelerator = test::random_timed_dataflow(random, s.network);
    if (rtl) test::draw_rtl_parts(random, s.network, s.accelerator);
    for (LayerParams& p : s.accelerator.layers) {  // pins have no wires
      p.out_depth = std::max(1, p.out_depth);
      p.inner_depth = std::max(1, p.inner_depth);
    }
    s.chain = build_chain(s.accelerator, s.network);
    const auto stages = static_cast<int>(s.chain.stages.size());
    s.stage = static_cast<size_t>(uniform(random, 1, stages - 2));
    const auto fits = [](const StreamSpec& stream) { return stream.word_bits() <= 64; };
    if (s.chain.stages[s.stage].kind == kind && fits(s.chain.streams[s.stage - 1]) &&
        fits(s.chain.streams[s.stage])) {
      return s;
    }
  }
}

std::string run(test::Random& random, StageKind kind, bool rtl) {
  const Scene s = random_scene(random, kind, rtl);
  const Placement placement = place(s.accelerator, s.network);
  const int images = uniform(random, 1, 3);
  std::vector<std::vector<uint64_t>> words;
  for (int i = 0; i < images; ++i) {
    words.push_back(
        image_words(test::random_image(random, s.network), s.network.layers.front().input_format,
                    s.chain.streams[0].words_per_image, s.chain.streams[0].word_bits()));
  }
  test::Pipeline ours("ours", s.chain, s.accelerator, s.network, placement, words, {});
  test::Pipeline other("other", s.chain, s.accelerator, s.network, placement, words, {s.stage});
  std::vector<std::unique_ptr<Recorder>> expected, got;
  for (size_t i = 0; i < s.chain.streams.size(); ++i) {
    expected.push_back(std::make_unique<Recorder>(ours.parts.stream(i)));
    got.push_back(std::make_unique<Recorder>(other.parts.stream(i)));
  }

  const StreamSpec& out_spec = s.chain.streams[s.stage];
  test::PinnedStream in = test::pinned_by_width<cosim::StreamToPins>(
      "s", other.parts.stream(s.stage - 1), {s.chain.streams[s.stage - 1].words_per_image});
  test::PinnedStream out = test::pinned_by_width<cosim::PinsToStream>(
      "m", other.parts.stream(s.stage), {out_spec.words_per_image});
  // Ours has run to its end before the first edge: it needs no clock.
  test::TickedPins part("part",
                        test::ticked_part(s.chain, s.stage, s.accelerator, s.network, images), in,
                        out, expected[s.stage]->words, out_spec.words_per_image);
  sc_core::sc_clock clock("clock", 10, sc_core::SC_NS, 0.5, 10, sc_core::SC_NS, true);
  sc_core::sc_signal<bool> resetn("resetn", true);
  part.aclk(clock);
  for (cosim::AxiStreamEnd* end : {in.end.get(), out.end.get()}) {
    end->aclk(clock);
    end->aresetn(resetn);
  }
  int spare_edges = 0;
  cosim::WatchdogModule watchdog(
      "watchdog", 20'000,
      {[&] {
         // The part may have words to move after the last result: padding that no window reads.
         const bool complete =
             static_cast<int>(other.parts.writer().arrivals().size()) == images &&
             out.end->words() == static_cast<int64_t>(expected[s.stage]->pushes.size()) &&
             in.end->words() == static_cast<int64_t>(expected[s.stage - 1]->pops.size());
         return complete && ++spare_edges > 2;  // what this edge has moved may move on
       },
       [&] { return in.end->words() + out.end->words(); },
       [&] { return in.end->explain() + "; " + out.end->explain(); }});
  watchdog.aclk(clock);
  sc_core::sc_start();

  const std::string where = s.chain.stages[s.stage].name + ": ";
  if (!watchdog.verdict().empty()) return where + watchdog.verdict();
  for (const auto* end : {in.end.get(), out.end.get()}) {
    if (!end->violation().empty()) return where + end->violation();
  }
  for (size_t i = 0; i < s.chain.streams.size(); ++i) {
    const std::string stream = where + s.chain.streams[i].name;
    if (got[i]->words.size() != expected[i]->words.size()) return stream + " has other words";
    if (got[i]->words != expected[i]->words) return stream + " has other bits";
    if (got[i]->pushes != expected[i]->pushes) return stream + " is written in other cycles";
    if (got[i]->pops != expected[i]->pops) return stream + " is read in other cycles";
  }
  // What reached the part are the words before it, unless it leaves some of them there.
  std::vector<uint64_t> read = expected[s.stage - 1]->words;
  read.resize(expected[s.stage - 1]->pops.size());
  if (part.received() != read) return where + "pins carry other words";
  return other.parts.writer().words() == ours.parts.writer().words() ? "" : where + "other results";
}

}  // namespace

TEST_CASE("a_clocked_part_behind_pins_takes_the_place_of_any_part_and_no_cycle_changes") {
  for (const StageKind kind :
       {StageKind::width_converter, StageKind::padding, StageKind::sliding_window, StageKind::mvtu,
        StageKind::thresholding, StageKind::max_pool}) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const bool rtl = seed % 2 == 1 || kind == StageKind::thresholding;
      INFO("kind " << static_cast<int>(kind) << " seed " << seed);
      REQUIRE(test::in_child([&] {
                test::Random random(100 * static_cast<uint64_t>(kind) + seed);
                return run(random, kind, rtl);
              }) == "");
    }
  }
}

TEST_CASE("a_stream_that_was_left_out_or_is_beyond_the_chain_is_refused") {
  CHECK(test::in_child([]() -> std::string {
          test::Random random(4);
          const Scene s = random_scene(random, StageKind::mvtu);
          const Placement placement = place(s.accelerator, s.network);
          const std::vector<std::vector<uint64_t>> images;
          const std::vector<size_t> cut = {0, 1, 2};
          ElaboratedChain parts(s.chain, s.accelerator, s.network, placement, images, cut);
          const std::string where = placement.accelerator + ": ";
          const std::string expected = ", expected a stream that a stage reads or writes";
          const auto refused = [&](size_t index, const std::string& what) {
            const std::string text = test::refusal([&] { parts.stream(index); });
            return text == where + what + expected ? "" : text;
          };
          return refused(0, s.chain.streams[0].name + " is left out") +
                 refused(1, s.chain.streams[1].name + " is left out") +
                 refused(cut.front() - 1, "no stream there") +
                 refused(s.chain.streams.size(), "no stream there") +
                 (parts.stream(cut.back()).basename() == s.chain.streams[2].name ? "" : "another");
        }) == "");
}
