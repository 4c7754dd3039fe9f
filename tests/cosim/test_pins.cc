// Pin adaptors without RTL: wires, a part that breaks the protocol, one that never takes a word.

#include "models/cosim/axi_stream_module.h"
#include "models/cosim/stream_comparison.h"
#include "models/cosim/watchdog_module.h"
#include "tests/cosim/stalling_ends.h"
#include "tests/cosim/well_formed_vcd.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::cosim;
using test::uniform;

namespace {

constexpr int word_bits = 70;  // three bytes of a second limb, the last one with six bits
constexpr int width = 72;

/// Source, stream, pins, stream, sink; what is between the pins is up to the test.
struct PinBench {
  kernel::Stream in, out;
  test::StallingSource source;
  test::StallingSink sink;
  sc_core::sc_clock clock{"clock", 10, sc_core::SC_NS, 0.5, 10, sc_core::SC_NS, true};
  sc_core::sc_signal<bool> resetn{"resetn", true};
  AxiStreamSignals<width> s{"s"}, m{"m"};
  StreamToPins<width> to_pins;
  PinsToStream<width> from_pins;
  WatchdogModule watchdog;

  PinBench(int in_depth, int out_depth, const std::vector<uint64_t>& words,
           const test::Stalls& source_stalls, const test::Stalls& sink_stalls,
           int64_t words_per_packet = 0)
      : in("in", in_depth, word_bits),
        out("out", out_depth, word_bits),
        source("source", in, words, source_stalls),
        sink("sink", out, sink_stalls),
        to_pins("to_pins", in, {words_per_packet}),
        from_pins("from_pins", out, {words_per_packet}),
        watchdog("watchdog", 100,
                 {[this] { return sink.status() == kernel::StepStatus::done; },
                  [this] { return to_pins.words() + from_pins.words(); },
                  [this] { return to_pins.explain() + "; " + from_pins.explain(); }}) {
    for (AxiStreamEnd* end :
         {static_cast<AxiStreamEnd*>(&to_pins), static_cast<AxiStreamEnd*>(&from_pins)}) {
      end->aclk(clock);
      end->aresetn(resetn);
    }
    watchdog.aclk(clock);
  }
  /// The simplest part: the master's pins are the slave's.
  void wire() {
    to_pins.bind(s);
    from_pins.bind(s);
  }
  std::string run() {
    sc_core::sc_start();
    return watchdog.verdict().empty() ? from_pins.violation() : watchdog.verdict();
  }
};

std::vector<uint64_t> random_words(test::Random& random, size_t count) {
  std::vector<uint64_t> words;
  for (size_t i = 0; i < count; ++i) {
    words.push_back(random());
    words.push_back(random() & 0x3f);
  }
  return words;
}

test::Stalls random_stalls(test::Random& random, size_t count) {
  test::Stalls stalls;
  const int rate = uniform(random, 0, 6);
  for (size_t i = 0; i < count; ++i) {
    stalls.push_back(uniform(random, 0, 9) < rate ? uniform(random, 0, 9) : 0);
  }
  return stalls;
}

/// The cycles in which words arrive behind a wire: no pins, only the definition of a FIFO.
std::vector<int64_t> arrivals_by_definition(int in_depth, int out_depth, const test::Stalls& source,
                                            const test::Stalls& sink) {
  std::vector<int64_t> written, passed, read;  // cycle of the push, of the handshake, of the pop
  for (size_t n = 0; n < source.size(); ++n) {
    const auto depth_in = static_cast<size_t>(in_depth), depth_out = static_cast<size_t>(out_depth);
    // A source of latency 1: its step, then the push; the step waits while the push before waits.
    int64_t push = (n == 0 ? 0 : written[n - 1]) + source[n] + 1;
    if (n >= depth_in) push = std::max(push, passed[n - depth_in] + 1);
    written.push_back(push);
    int64_t pass = std::max(push + 1, n == 0 ? 0 : passed[n - 1] + 1);
    if (n >= depth_out) pass = std::max(pass, read[n - depth_out] + 1);
    passed.push_back(pass);
    const int64_t free = (n == 0 ? 0 : read[n - 1] + 1) + sink[n];
    read.push_back(std::max(free, pass + 1));
  }
  return read;
}

/// Offers a word, and takes it back when it was not taken; or changes it; or ends no packet.
struct BadMaster : sc_core::sc_module {
  enum class Sin { drops, changes, no_last, early_last };
  BadMaster(const sc_core::sc_module_name& name, Sin what, AxiStreamSignals<width>& m,
            sc_core::sc_signal<bool>* resetn = nullptr)
      : sc_module(name), sin(what), pins(m), reset(resetn) {
    SC_HAS_PROCESS(BadMaster);
    SC_THREAD(send);
  }
  void send() {
    for (int n = 0;; ++n) {
      wait(10, sc_core::SC_NS);
      const int period = reset == nullptr ? 2 : 3;
      pins.tvalid.write(sin != Sin::drops || n % period == 0);
      if (reset != nullptr) reset->write(n % period != 1);
      pins.tdata.write(sin == Sin::changes ? n : 0);
      pins.tlast.write(sin == Sin::early_last);
    }
  }
  Sin sin;
  AxiStreamSignals<width>& pins;
  sc_core::sc_signal<bool>* reset;  // pulled when it takes its word back, if given
};

/// What others' parts do about resets: an edge counts to the reset as long as aresetn was low at it
/// or fell before it, and the first one after it ends the reset and does nothing else.
struct ForeignPart : sc_core::sc_module {
  ForeignPart(const sc_core::sc_module_name& name, PinBench& b) : sc_module(name), bench(b) {
    SC_HAS_PROCESS(ForeignPart);
    SC_THREAD(receive);
    SC_THREAD(send);
    SC_METHOD(watch);
    sensitive << bench.clock.posedge_event();
    dont_initialize();
  }
  bool wait_for_edge() {
    wait(bench.clock.posedge_event() | bench.resetn.negedge_event());
    return bench.resetn.read();
  }
  void wait_for_release() {
    do {
      wait(bench.clock.posedge_event());
    } while (!bench.resetn.read());
  }
  void receive() {
    bench.s.tready.write(true);  // in reset, too
    for (;;) {
      if (!bench.resetn.read()) wait_for_release();
      while (wait_for_edge()) {
        if (bench.s.tvalid.read()) words.push_back(bench.s.tdata.read());
      }
    }
  }
  void send() {
    for (size_t n = 0;;) {
      bench.m.tvalid.write(false);
      if (!bench.resetn.read()) wait_for_release();
      for (bool offers = true; offers;) {
        if (n < words.size()) bench.m.tdata.write(words[n]);
        bench.m.tvalid.write(n < words.size());
        const bool offered = n < words.size();
        offers = wait_for_edge();
        if (offers && offered && bench.m.tready.read()) ++n;
      }
    }
  }
  void watch() {
    if (bench.resetn.read()) return;
    if (bench.s.tvalid.read()) verdict = "tvalid in reset; ";
    if (bench.m.tready.read()) verdict += "tready in reset; ";
  }
  PinBench& bench;
  std::vector<sc_dt::sc_bv<width>> words;
  std::string verdict;
};

/// Resets with an edge, or anywhere between two of them; ends them after an edge.
struct Resets : sc_core::sc_module {
  Resets(const sc_core::sc_module_name& name, PinBench& b, test::Random& r)
      : sc_module(name), bench(b), random(r) {
    SC_HAS_PROCESS(Resets);
    SC_THREAD(run);
  }
  void wait_for_edges(int edges) {
    while (edges-- > 0) wait(bench.clock.posedge_event());
  }
  void run() {
    for (;; ++count) {
      wait_for_edges(uniform(random, 1, 20));
      if (const int ns = uniform(random, 0, 9); ns > 0) wait(ns, sc_core::SC_NS);
      bench.resetn.write(false);
      wait_for_edges(uniform(random, 1, 3));
      bench.resetn.write(true);
    }
  }
  PinBench& bench;
  test::Random& random;
  int count = 0;
};

}  // namespace

TEST_CASE("words_pass_a_wire_between_pins_in_the_cycles_that_two_fifos_define") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    REQUIRE(test::in_child([&]() -> std::string {
              test::Random random(seed);
              const size_t count = 60;
              const auto words = random_words(random, count);
              const auto source = random_stalls(random, count);
              const auto sink = random_stalls(random, count);
              const int in_depth = uniform(random, 1, 4), out_depth = uniform(random, 1, 4);
              PinBench bench(in_depth, out_depth, words, source, sink, 5);
              bench.wire();
              std::string verdict = bench.run();
              if (bench.sink.words() != words) verdict += "words differ; ";
              if (bench.sink.arrivals() !=
                  arrivals_by_definition(in_depth, out_depth, source, sink)) {
                verdict += "cycles differ";
              }
              return verdict;
            }) == "");
  }
}

TEST_CASE("a_part_that_takes_no_word_is_named_with_its_cycle_instead_of_a_hang") {
  CHECK(test::in_child([] {
          const std::vector<uint64_t> words(20);
          const test::Stalls none(10);
          PinBench bench(2, 2, words, none, none);
          bench.to_pins.bind(bench.s);
          bench.from_pins.bind(bench.m);
          return bench.run();
        }) ==
        "nothing moved for 100 cycles: to_pins waits for tready in cycle 101, word 0; "
        "from_pins waits for tvalid in cycle 101, word 0");
}

TEST_CASE("a_master_that_breaks_the_protocol_is_named") {
  using Sin = BadMaster::Sin;
  const struct {
    Sin sin;
    const char* expected;
  } rows[] = {{Sin::drops, "tvalid fell without a handshake"},
              {Sin::changes, "tdata or tlast changed before the handshake"},
              {Sin::no_last, "no tlast at the end of a packet"},
              {Sin::early_last, "tlast inside a packet"}};
  for (const auto& row : rows) {
    CHECK_THAT(
        test::in_child([&] {
          const std::vector<uint64_t> words(20);
          const test::Stalls none(10), slow(10, 5);
          PinBench bench(1, 1, words, none, slow, 3);
          bench.to_pins.bind(bench.s);
          bench.from_pins.bind(bench.m);
          BadMaster master("master", row.sin, bench.m);
          bench.run();
          return bench.from_pins.violation();
        }),
        Catch::Contains(row.expected) && Catch::Contains("from_pins") && Catch::Contains("word "));
  }
}

TEST_CASE("a_word_that_a_reset_takes_back_breaks_no_protocol") {
  CHECK(test::in_child([]() -> std::string {
          const std::vector<uint64_t> words(20);
          const test::Stalls none(10), slow(10, 5);
          PinBench bench(1, 1, words, none, slow);
          bench.to_pins.bind(bench.s);
          bench.from_pins.bind(bench.m);
          BadMaster master("master", BadMaster::Sin::drops, bench.m, &bench.resetn);
          bench.run();
          return bench.from_pins.violation() + std::to_string(bench.from_pins.words());
        }) == "10");
}

TEST_CASE("resets_in_the_middle_lose_no_word_and_nothing_is_offered_in_them") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    REQUIRE(test::in_child([&]() -> std::string {
              test::Random random(seed);
              const size_t count = 80;
              const auto words = random_words(random, count);
              const auto source = random_stalls(random, count);
              const auto sink = random_stalls(random, count);
              PinBench bench(uniform(random, 1, 4), uniform(random, 1, 4), words, source, sink);
              bench.to_pins.bind(bench.s);
              bench.from_pins.bind(bench.m);
              ForeignPart part("part", bench);
              const Resets resets("resets", bench, random);
              std::string verdict = bench.run() + part.verdict;
              if (bench.sink.words() != words) verdict += "words differ; ";
              if (resets.count < 3) verdict += "hardly a reset";
              return verdict;
            }) == "");
  }
}

TEST_CASE("pins_that_settle_only_at_the_next_edge_are_refused") {
  const auto run = [](double clock_to_output_ns) {
    return test::in_child([&]() -> std::string {
      kernel::Stream stream("words", 2, 12);
      AxiStreamSignals<16> signals("s");
      StreamToPins<16> pins("pins", stream,
                            {0, sc_core::sc_time(clock_to_output_ns, sc_core::SC_NS)});
      const sc_core::sc_clock clock("clock", 10, sc_core::SC_NS);
      const sc_core::sc_signal<bool> resetn("resetn", true);
      pins.bind(signals);
      pins.aclk(clock);
      pins.aresetn(resetn);
      sc_core::sc_start(100, sc_core::SC_NS);
      return "";
    });
  };
  CHECK(run(9) == "");
  for (const double late : {10, 25}) {
    CHECK_THAT(run(late), Catch::Contains("pins: clock_to_output " + std::to_string(int(late)) +
                                          " ns, expected less than a period of aclk"));
  }
}

TEST_CASE("pins_of_another_width_than_the_stream_are_refused") {
  CHECK(test::in_child([] {
          kernel::Stream stream("words", 2, 12);
          return test::refusal([&] { StreamToPins<8> pins("pins", stream); });
        }) == "pins: pins of 8 bits, expected 16 for the words of words");
}

TEST_CASE("the_vcd_of_the_pins_is_well_formed_and_shows_every_handshake") {
  const test::TemporaryFolder folder;
  CHECK(test::in_child([&]() -> std::string {
          test::Random random(3);
          const auto words = random_words(random, 30);
          const test::Stalls none(30), slow = random_stalls(random, 30);
          PinBench bench(2, 2, words, none, slow);
          bench.wire();
          sc_core::sc_trace_file* file =
              sc_core::sc_create_vcd_trace_file((folder / "pins").c_str());
          sc_core::sc_trace(file, bench.clock, "clock");
          bench.s.trace(file);
          bench.to_pins.trace(file);
          const std::string verdict = bench.run();
          sc_core::sc_close_vcd_trace_file(file);
          return verdict;
        }) == "");
  const test::Vcd vcd = test::read_vcd(folder / "pins.vcd");
  CHECK(vcd.error == "");
  REQUIRE(vcd.changes.contains("s.tvalid"));
  CHECK(vcd.changes.at("s.tdata").size() >= 30);  // a change for each of the random words
  CHECK(vcd.changes.at("s.tready").size() > 4);
  CHECK(vcd.changes.at("to_pins.words").size() == 31);  // 0 to 30
}

TEST_CASE("comparisons_name_the_first_difference_whichever_side_is_ahead") {
  const struct {
    int64_t cycle;  // of word 1
    uint64_t word;
    int64_t pop;
    const char* expected;
  } rows[] = {{5, 0x55, 8, ""},
              {6, 0x55, 8, "word 1 of x: pushed in cycle 6, expected 5"},
              {5, 0x45, 8, "word 1 of x: is 0x45, expected 0x55: lane 2 bit 0"},
              {5, 0x55, 9, "word 1 of x: read in cycle 9, expected 8"}};
  for (const auto& row : rows) {
    for (const bool ahead : {false, true}) {
      kernel::StampedFifo want(4, 8), got(4, 8);
      StreamComparison comparison("x", 2, want, got);
      const auto expected = [&] {
        for (const auto& [cycle, word] : {std::pair<int64_t, uint64_t>{2, 1}, {5, 0x55}, {6, 0}}) {
          want.push(cycle, &word);
        }
        want.pop(7);
        want.pop(8);
      };
      if (!ahead) expected();
      for (const auto& [cycle, word] :
           {std::pair<int64_t, uint64_t>{2, 1}, {row.cycle, row.word}, {6, 0}}) {
        got.push(cycle, &word);
      }
      got.pop(7);
      got.pop(row.pop);
      if (ahead) expected();
      CHECK(comparison.final_difference() == row.expected);
      got.pop(20);
      if (*row.expected == 0) {
        CHECK(comparison.final_difference() == "word 2 of x: read in cycle 20, expected never");
      }
    }
  }
}

TEST_CASE("values_alone_may_be_compared_and_offsets_are_summed_up") {
  kernel::StampedFifo want(4, 8), got(4, 8);
  StreamComparison comparison("x", 2, want, got, cosim::Compared::values);
  const uint64_t words[] = {1, 0x55, 7, 0};
  const int64_t expected[] = {2, 5, 6, 9}, actual[] = {4, 19, 20, 24};
  for (int i = 0; i < 4; ++i) {
    const uint64_t other = i == 2 ? 0x17 : words[i];
    want.push(expected[i], &words[i]);
    got.push(actual[i], &other);
  }
  CHECK(comparison.summary().text() ==
        "4 words, 1 wrong; cycles later: first 2, largest 15, last 15; word 2 of x: is 0x17, "
        "expected 0x7: lane 2 bit 0");
  CHECK(comparison.difference() == "word 2 of x: is 0x17, expected 0x7: lane 2 bit 0");
  want.pop(11);  // by one side alone, and in another cycle
  got.pop(30);
  got.pop(31);
  CHECK(comparison.final_difference() == comparison.difference());
}

TEST_CASE("what_cannot_be_compared_is_refused") {
  kernel::StampedFifo narrow(4, 8), wide(4, 72), other(4, 8);
  CHECK_THROWS_WITH(StreamComparison("x", 2, narrow, wide),
                    "x: words of 72 bits, expected 8 as the other has");
  CHECK_THROWS_WITH(StreamComparison("x", 0, narrow, other), Catch::Contains("lanes of 0 bits"));
  CHECK_THROWS_WITH(StreamComparison("x", 2, narrow, narrow), Catch::Contains("watched already"));
  {
    const StreamComparison first("x", 2, narrow, other);
    kernel::StampedFifo third(4, 8);
    CHECK_THROWS_WITH(StreamComparison("y", 2, third, other), Catch::Contains("watched already"));
    CHECK_THROWS_WITH(StreamComparison("y", 2, narrow, third), Catch::Contains("watched already"));
    CHECK_FALSE(third.has_probe());
  }
  CHECK_NOTHROW(StreamComparison("x", 2, narrow, other));
}
