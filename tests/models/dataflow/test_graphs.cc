// Dataflow accelerators on networks that are graphs: forks, adds, joined channels, groups, pools
// and windows of any shape. Every tensor is the reference's, the timing alone is that of the
// SystemC run, and branches that are too short say so.
#include <algorithm>
#include <regex>

#include "models/dataflow/chain.h"
#include "models/dataflow/fifo_sizing.h"
#include "models/dataflow/finn_folding.h"
#include "models/dataflow/simulation.h"
#include "models/dataflow/timing.h"
#include "tests/agree/agreement.h"
#include "tests/agree/tiny_graph.h"
#include "tests/models/dataflow/random_graph_accelerator.h"
#include "tests/models/dataflow/ticked_rtl.h"
#include "tests/models/dataflow/timing_text.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/refusal.h"
#include "workloads/sanitized.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using stuckat::test::in_child;
using stuckat::test::Random;
using stuckat::test::refusal;
using stuckat::test::text;
using stuckat::test::uniform;

namespace {

constexpr uint64_t graphs_drawn = sanitized ? 40 : 300;

std::string deadlock_of(const Network& network, const DataflowAccelerator& accelerator,
                        int64_t images) {
  return refusal([&] { time_images(network, accelerator, images); });
}

/// "" if every tensor is the reference's and every cycle that of the timing alone; or if both stop
/// and say the same.
std::string compare_graph(const Network& network, const DataflowAccelerator& accelerator,
                          const std::vector<Tensor>& images) {
  const auto count = static_cast<int64_t>(images.size());
  const std::string expected = deadlock_of(network, accelerator, count);
  DataflowResult run;
  const std::string told =
      refusal([&] { run = simulate(network, accelerator, {}, images, {.tensors = true}); });
  if (told != expected) return "told " + told + ", expected " + expected;
  if (told != "accepted") return "";
  const auto tensors = test::by_reference(network, images, {});
  const std::string wrong = test::difference(tensors, run.tensors, network);
  if (!wrong.empty()) return wrong;
  for (size_t i = 0; i < images.size(); ++i) {
    if (run.logits[i] != tensors[i].back().values) return "other results";
  }
  const DataflowTiming timing = time_images(network, accelerator, count);
  if (text(run) != text(timing)) return "SystemC:\n" + text(run) + "engine:\n" + text(timing);
  return "";
}

}  // namespace

TEST_CASE("random_graphs_have_every_tensor_of_the_reference_and_the_cycles_of_the_timing_alone") {
  uint64_t grouped = 0, several = 0, forks = 0, adds = 0, concats = 0, pools = 0, stopped = 0;
  uint64_t wires = 0;
  for (uint64_t seed = 0; seed < graphs_drawn; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_graph(random);
    const DataflowAccelerator accelerator = test::random_graph_dataflow(random, network);
    const auto images = test::random_images(random, network, uniform(random, 1, 4));
    REQUIRE(in_child([&] { return compare_graph(network, accelerator, images); }) == "");
    for (const StageSpec& stage : build_chain(accelerator, network).stages) {
      forks += stage.kind == StageKind::fork ? 1 : 0;
      adds += stage.kind == StageKind::add ? 1 : 0;
      concats += stage.kind == StageKind::concat ? 1 : 0;
      pools += stage.kind == StageKind::average_pool ? 1 : 0;
    }
    for (const StreamSpec& stream : build_chain(accelerator, network).streams) {
      wires += stream.depth == 0 ? 1 : 0;
    }
    for (size_t i = 0; i < network.layers.size(); ++i) {
      grouped += network.layers[i].groups > 1 ? 1 : 0;
      several += groups_at_once(network.layers[i], accelerator.layers[i]) > 1 ? 1 : 0;
    }
    stopped += deadlock_of(network, accelerator, 1) == "accepted" ? 0 : 1;
  }
  CAPTURE(grouped, several, forks, adds, concats, pools, stopped, wires);
  for (const uint64_t count : {grouped, several, forks, adds, concats, pools, wires}) {
    CHECK(count > graphs_drawn / 10);
  }
  CHECK(stopped > graphs_drawn / 60);
  CHECK(stopped < graphs_drawn / 2);
}

TEST_CASE("skipped_periods_change_nothing_in_graphs") {
  int skipped = 0;
  for (uint64_t seed = 1000; seed < 1000 + graphs_drawn / 2; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_graph(random);
    const DataflowAccelerator accelerator = test::random_graph_dataflow(random, network);
    const int64_t images = uniform(random, 1, 60);
    if (deadlock_of(network, accelerator, images) != "accepted") continue;
    for (const bool occupancy : {true, false}) {
      DataflowTiming fast = time_images(network, accelerator, images, {.occupancy = occupancy});
      const DataflowTiming full = time_images(network, accelerator, images,
                                              {.skip_periods = false, .occupancy = occupancy});
      skipped += fast.images_simulated < images ? 1 : 0;
      fast.steady = full.steady;
      fast.images_simulated = full.images_simulated;
      REQUIRE(text(fast) == text(full));
      REQUIRE(fast == full);
    }
  }
  CHECK(skipped > static_cast<int>(graphs_drawn / 5));
}

namespace {

/// Forks and joins, cycle by cycle: a word goes to all streams at once, and is made of one of each,
/// or of those of one after the other.
class TickedGraph {
 public:
  TickedGraph(const Network& network, const DataflowAccelerator& accelerator, int images)
      : network_(network), chain_(build_chain(accelerator, network)) {
    for (const StreamSpec& stream : chain_.streams) fifos_.emplace_back(stream.depth);
    for (size_t i = 0; i < chain_.stages.size(); ++i) {
      parts_.push_back(test::ticked_part(chain_, i, accelerator, network, images));
    }
  }

  void tick(int64_t cycle) {
    for (size_t i = 0; i < parts_.size(); ++i) {
      const auto reads = read_next(i);
      const auto& writes = chain_.stages[i].outputs;
      const auto valid = [&](int stream) { return fifo(stream).valid(); };
      const auto ready = [&](int stream) { return fifo(stream).ready(); };
      test::TickedFifo in(1), out(1);
      parts_[i]->tick(cycle, std::all_of(reads.begin(), reads.end(), valid),
                      std::all_of(writes.begin(), writes.end(), ready), &in, &out);
      for (const int stream : reads) fifo(stream).popped |= in.popped;
      for (const int stream : writes) fifo(stream).pushed |= out.pushed;
    }
    for (test::TickedFifo& of : fifos_) of.tick();
  }

  bool done() const {
    return std::all_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->done(); });
  }
  const Chain& chain() const { return chain_; }
  const test::TickedPart& part(size_t index) const { return *parts_[index]; }
  test::TickedFifo& fifo(int stream) { return fifos_[static_cast<size_t>(stream)]; }

 private:
  /// The streams of the next step.
  std::vector<int> read_next(size_t stage) const {
    const StageSpec& spec = chain_.stages[stage];
    if (spec.kind != StageKind::concat) return spec.inputs;
    const auto steps = static_cast<int64_t>(parts_[stage]->starts.size());
    const int lanes = chain_.out(stage).lanes;
    const Layer& layer = network_.layer(spec.layer);
    auto channel = static_cast<int>(steps * lanes % layer.output.channels);
    for (size_t k = 0;; ++k) {
      channel -= network_.shape(layer.inputs[k]).channels;
      if (channel < 0) return {spec.inputs[k]};
    }
  }

  const Network& network_;
  Chain chain_;
  std::vector<std::unique_ptr<test::TickedPart>> parts_;
  std::vector<test::TickedFifo> fifos_;
};

}  // namespace

TEST_CASE("whole_graphs_equal_their_ticked_twins_in_cycles_and_occupancies") {
  for (uint64_t seed = 3000; seed < 3000 + graphs_drawn / 3; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_graph(random);
    DataflowAccelerator accelerator = test::random_graph_dataflow(random, network);
    for (LayerParams& p : accelerator.layers)
      p.inner_depth = std::max(p.inner_depth, 1);  // no wires
    const int images = uniform(random, 1, 6);
    if (deadlock_of(network, accelerator, images) != "accepted") continue;
    const DataflowTiming timing = time_images(network, accelerator, images);
    TickedGraph ticked(network, accelerator, images);
    for (int64_t cycle = 0; cycle < timing.total_cycles; ++cycle) ticked.tick(cycle);
    REQUIRE(ticked.done());
    const DataflowSchedule schedule(network, accelerator, images);
    const Chain& chain = ticked.chain();
    for (size_t i = 0; i < chain.stages.size(); ++i) {
      const int part = static_cast<int>(i);
      const int64_t steps = schedule.steps_per_image(part);
      const auto& starts = ticked.part(i).starts;
      for (size_t n = 0; n < starts.size(); ++n) {
        const auto step = static_cast<int64_t>(n);
        const int64_t cycle = schedule.cycle_of(part, step / steps, step % steps);
        if (cycle != starts[n]) FAIL(chain.stages[i].name << " step " << n);
      }
    }
    for (size_t i = 0; i < chain.streams.size(); ++i) {
      INFO(chain.streams[i].name);
      test::TickedFifo& fifo = ticked.fifo(static_cast<int>(i));
      fifo.cycles_at.resize(static_cast<size_t>(fifo.high_water) + 1);
      REQUIRE(timing.streams[i].high_water == fifo.high_water);
      REQUIRE(timing.streams[i].cycles_at == fifo.cycles_at);
    }
  }
}

TEST_CASE("sized_fifos_let_no_branch_wait_for_another") {
  for (uint64_t seed = 2000; seed < 2000 + graphs_drawn; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_graph(random);
    const DataflowAccelerator accelerator =
        with_sized_fifos(test::random_graph_dataflow(random, network), network);
    CHECK(deadlock_of(network, accelerator, 40) == "accepted");
  }
}

TEST_CASE("folding_files_of_finn_are_refused_for_graphs_by_layer") {
  const Network network = test::tiny_residual(unsigned_format(4), signed_format(4), 3);
  const DataflowAccelerator accelerator = auto_dataflow(network, 100);
  const std::string refused = "which FINN's folding files are not read and written for";
  CHECK_THAT(refusal([&] { to_finn_folding(accelerator, network); }), Catch::Contains(refused));
  const std::string folding = R"({"Defaults": {}, "MVAU_hls_0": {"PE": 1, "SIMD": 1}})";
  CHECK_THAT(refusal([&] { dataflow_from_json(folding, "f.json", "f", network); }),
             Catch::Contains(refused));
  CHECK(dataflow_from_json(to_json(accelerator, network), "a.json", "a", network) == accelerator);
}

TEST_CASE("a_branch_that_is_too_short_says_which_depth_would_do_and_one_less_would_not") {
  const Network network = test::tiny_residual(unsigned_format(4), signed_format(4), 3);
  DataflowAccelerator accelerator = auto_dataflow(network, 100);
  REQUIRE(deadlock_of(network, accelerator, 8) == "accepted");
  const auto layer = [&](const char* name) -> LayerParams& {
    return accelerator.layers[static_cast<size_t>(network.find_layer(name))];
  };
  // The depthwise branch waits for rows that the other one does not need.
  layer("layer1").in_depths = {1};
  layer("layer1").inner_depth = layer("layer1").out_depth = 1;
  const std::string told = deadlock_of(network, accelerator, 8);
  INFO(told);
  std::smatch found;
  REQUIRE(std::regex_search(
      told, found,
      std::regex("deadlock: layer1/out is full \\(depth 1\\) while add0/add waits for "
                 "add0/operands1, the longer branch: a depth of (\\d+) of layer1/out would do")));
  const int enough = std::stoi(found[1]);
  layer("layer1").out_depth = enough - 1;
  CHECK(deadlock_of(network, accelerator, 8) != "accepted");
  layer("layer1").out_depth = enough;
  CHECK(deadlock_of(network, accelerator, 8) == "accepted");
  layer("layer1").out_depth = 1;
  CHECK(told.find('\n') == std::string::npos);
  CHECK(in_child([&] {
          Random random(1);
          const auto images = test::random_images(random, network, 8);
          return refusal([&] { simulate(network, accelerator, {}, images); });
        }) == told);
}
