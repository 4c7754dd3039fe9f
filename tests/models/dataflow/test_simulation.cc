// The dataflow accelerator against the reference: values under any timing, timing against closed
// formulas. Every simulation runs in a child process.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/simulation.h"
#include "models/dataflow/sliding_window.h"
#include "models/dataflow/timeline.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "workloads/errors.h"
#include "workloads/reference.h"
#include "workloads/sanitized.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using stuckat::test::in_child;
using stuckat::test::Random;
using stuckat::test::uniform;

namespace {

std::vector<Tensor> random_images(Random& random, const Network& network, int count) {
  std::vector<Tensor> images;
  for (int i = 0; i < count; ++i) images.push_back(test::random_image(random, network));
  return images;
}

/// "" if every tensor and every logit is what the reference computes under the fault map.
std::string compare(const Network& network, const DataflowAccelerator& accelerator,
                    const FaultMap& map, const std::vector<Tensor>& images,
                    const DataflowResult& result) {
  Placement placement = place(accelerator, network);
  placement.run =
      std::make_shared<DataflowTimeline>(accelerator, network, static_cast<int64_t>(images.size()));
  const Effects effects = lower(map, placement, network);
  for (size_t i = 0; i < images.size(); ++i) {
    const auto expected = reference::run(network, images[i], effects, static_cast<int64_t>(i));
    for (size_t t = 0; t < expected.size(); ++t) {
      if (result.tensors[i][t] == expected[t]) continue;
      return "image " + std::to_string(i) + ", tensor " + std::to_string(t) + " differs";
    }
    if (result.logits[i] != expected.back().values) return "logits differ";
  }
  return {};
}

/// "" if every cycle of every module is accounted for.
std::string check_statistics(const DataflowResult& result) {
  for (const ModuleStatistics& m : result.modules) {
    if (m.total_cycles() != result.total_cycles || m.idle_cycles < 0) {
      return m.name + " accounts for " + std::to_string(m.total_cycles()) + " of " +
             std::to_string(result.total_cycles);
    }
  }
  for (const StreamStatistics& s : result.streams) {
    const int least = s.depth > 0 ? 1 : 0;  // nothing lies in wires
    if (s.high_water < least || s.high_water > s.depth) return s.name + ": high-water mark";
  }
  return {};
}

std::string run_random(uint64_t seed, int faults) {
  Random random(seed);
  Network network = test::random_network(random);
  DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
  if (seed % 2 == 1) test::draw_rtl_parts(random, network, accelerator);
  for (LayerParams& p : accelerator.layers) p.threshold_pe = 0;  // else faults there are refused
  const auto images = random_images(random, network, uniform(random, 1, 4));
  const Placement placement = place(accelerator, network);
  FaultMap map;
  map.accelerator = placement.accelerator;
  for (int i = 0; i < faults; ++i) {
    const auto& rows = site_table();
    const SiteKind kind =
        rows[static_cast<size_t>(uniform(random, 0, static_cast<int>(rows.size()) - 1))].kind;
    const int64_t count = count_faults(kind, placement, network);
    if (count == 0) continue;
    const auto index = static_cast<int64_t>(random() % static_cast<uint64_t>(count));
    map.faults.push_back(fault_at(kind, index, placement, network));
    // A site cannot be stuck both ways: the map then goes without the later fault.
    FaultMap checked = map;
    try {
      validate(checked, placement, network, "random");
    } catch (const InputError&) {
      map.faults.pop_back();
    }
  }
  SimulationOptions options;
  options.tensors = true;
  const DataflowResult result = simulate(network, accelerator, map, images, options);
  std::string verdict = compare(network, accelerator, map, images, result);
  if (verdict.empty()) verdict = check_statistics(result);
  if (verdict.empty()) return {};
  for (const Fault& fault : map.faults) verdict += "; " + name(fault);
  return verdict;
}

const ModuleStatistics& module(const DataflowResult& result, const std::string& name) {
  const auto found = std::find_if(result.modules.begin(), result.modules.end(),
                                  [&](const ModuleStatistics& m) { return m.name == name; });
  if (found == result.modules.end()) throw std::runtime_error("no module " + name);
  return *found;
}

Network filled_zoo_network(const std::string& name, const ZooOptions& options = {}) {
  Random random(7);
  Network network = zoo_network(name, options);
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  return network;
}

std::string expect(const char* what, int64_t got, int64_t expected) {
  if (got == expected) return {};
  std::ostringstream text;
  text << what << " " << got << ", expected " << expected << "; ";
  return text.str();
}

}  // namespace

TEST_CASE("every_tensor_equals_the_reference_for_random_foldings_and_fifo_depths") {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    INFO("seed " << seed);
    REQUIRE(in_child([&] { return run_random(seed, 0); }) == "");
  }
}

TEST_CASE("every_tensor_equals_the_faulty_reference_for_random_fault_maps") {
  for (uint64_t seed = 1000; seed < (sanitized ? 1100U : 1250U); ++seed) {
    INFO("seed " << seed);
    REQUIRE(in_child([&] { return run_random(seed, 1 + static_cast<int>(seed % 3)); }) == "");
  }
}

TEST_CASE("cnv_w1a1_has_the_published_steady_interval_under_both_disciplines") {
  for (const Discipline discipline : {Discipline::flushing, Discipline::stalling}) {
    const std::string verdict = in_child([&] {
      const Network network = filled_zoo_network("cnv-w1a1");
      DataflowAccelerator accelerator = built_in_dataflow("bnn-pynq-cnv-w1a1", network);
      accelerator.discipline = discipline;
      Random random(1);
      const auto images = random_images(random, network, 5);
      SimulationOptions options;
      options.tensors = true;
      const auto r = simulate(network, accelerator, {}, images, options);
      std::string text = compare(network, accelerator, {}, images, r) + check_statistics(r);
      text += expect("steady interval",
                     std::llround(steady_interval(network, accelerator).per_image()), 32768);
      // A step each cycle, and at the end the pipeline's latency; windows drain for each image.
      text += expect("layer0/mvtu", module(r, "layer0/mvtu").busy_cycles, 5 * 32400 + 6);
      text += expect("layer5/mvtu", module(r, "layer5/mvtu").busy_cycles, 5 * 18432 + 6);
      // IFM*K*m + OFM*max(OFM*K*K*m, stride*IFM*m), m = 64/32
      const int64_t windows = 30 * 3 * 2 + 28 * (28 * 9 * 2);
      text += expect("layer1/sliding_window", module(r, "layer1/sliding_window").busy_cycles,
                     5 * (windows + 1));
      // D*D*(1 + 1/k^2)
      text += expect("pool0", module(r, "pool0/pool").busy_cycles, 5 * (28 * 28 * 5 / 4) + 1);
      return text;
    });
    CHECK(verdict == "");
  }
}

TEST_CASE("lfc_takes_the_841_cycles_per_image_that_were_measured") {
  const std::string verdict = in_child([] {
    const Network network = filled_zoo_network("lfc-w1a1");
    const auto accelerator = built_in_dataflow("bnn-pynq-lfc-w1a1", network);
    Random random(1);
    const auto images = random_images(random, network, 12);
    const auto r = simulate(network, accelerator, {}, images);
    return expect("sixth interval", r.arrival_cycles[6] - r.arrival_cycles[5], 841);
  });
  CHECK(verdict == "");
}

TEST_CASE("a_stall_changes_cycles_but_no_value") {
  const auto run = [](int depth) {
    Random random(5);
    const Network network = filled_zoo_network("cnv-w1a1", {0.125, 0, 10});
    DataflowAccelerator accelerator = auto_dataflow(network, 20000);
    accelerator.input_depth = depth;
    for (LayerParams& p : accelerator.layers) p.out_depth = p.inner_depth = depth;
    const auto images = random_images(random, network, 3);
    const auto r = simulate(network, accelerator, {}, images);
    std::string text = std::to_string(r.total_cycles);
    for (const auto& logits : r.logits) {
      for (const int32_t logit : logits) text.append(" ").append(std::to_string(logit));
    }
    return text;
  };
  const std::string shallow = in_child([&] { return run(1); });
  const std::string deep = in_child([&] { return run(64); });
  const size_t a = shallow.find(' '), b = deep.find(' ');
  REQUIRE(a != std::string::npos);
  CHECK(shallow.substr(a) == deep.substr(b));
  CHECK(std::stoll(shallow.substr(0, a)) > std::stoll(deep.substr(0, b)));
}

TEST_CASE("a_fault_changes_values_but_no_cycle") {
  const auto run = [](const char* fault) {
    const Network network = filled_zoo_network("tfc-w1a1");
    const DataflowAccelerator accelerator = auto_dataflow(network, 2000);
    const Placement placement = place(accelerator, network);
    FaultMap map{placement.accelerator, {}};
    if (*fault != 0) map.faults.push_back(parse_fault(fault, placement, network, "test"));
    Random random(5);
    const auto r = simulate(network, accelerator, map, random_images(random, network, 4));
    std::string text;
    for (const int64_t arrival : r.arrival_cycles) text.append(std::to_string(arrival)).append(" ");
    text += "|";
    for (const auto& logits : r.logits) {
      for (const int32_t logit : logits) text.append(" ").append(std::to_string(logit));
    }
    return text;
  };
  const std::string healthy = in_child([&] { return run(""); });
  const std::string broken = in_child([&] { return run("layer0/mvtu/pe[0]/dead=1"); });
  CHECK(healthy != broken);
  CHECK(healthy.substr(0, healthy.find('|')) == broken.substr(0, broken.find('|')));
}

TEST_CASE("a_second_elaboration_in_one_process_is_refused") {
  const std::string verdict = in_child([]() -> std::string {
    const Network network = filled_zoo_network("tfc-w1a1");
    const DataflowAccelerator accelerator = auto_dataflow(network, 2000);
    Random random(5);
    const auto images = random_images(random, network, 1);
    simulate(network, accelerator, {}, images);
    simulate(network, accelerator, {}, images);
    return "";
  });
  CHECK(verdict.find("elaborates once") != std::string::npos);
}

TEST_CASE("a_fault_map_that_names_no_part_is_refused") {
  const std::string verdict = in_child([]() -> std::string {
    const Network network = filled_zoo_network("tfc-w1a1");
    const DataflowAccelerator accelerator = auto_dataflow(network, 2000);
    FaultMap map{"dataflow:" + accelerator.name, {}};
    map.faults.push_back({SiteKind::pe_dead, "layer9/mvtu", {0, 0, 0, 0}, 1});
    Random random(5);
    simulate(network, accelerator, map, random_images(random, network, 1));
    return "";
  });
  CHECK(verdict.find("layer9/mvtu") != std::string::npos);
}

TEST_CASE("what_a_trace_has_seen_may_be_taken_away_while_the_run_goes_on") {
  CHECK(in_child([]() -> std::string {
          Random random(5);
          const Network network = test::random_network(random);
          const DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
          const Chain chain = build_chain(accelerator, network);
          constexpr int image_count = 40;
          std::vector<StreamTrace> streams;
          std::vector<int64_t> taken(chain.streams.size());
          int64_t results = 0, most_images = 0;
          SimulationOptions options;
          options.trace = &streams;
          options.on_result = [&] {
            ++results;
            for (size_t i = 0; i < streams.size(); ++i) {
              const int64_t words = std::ssize(streams[i].pushes);
              most_images = std::max(most_images, words / chain.streams[i].words_per_image);
              taken[i] += words;
              streams[i].pushes.clear();
            }
          };
          simulate(network, accelerator, {}, random_images(random, network, image_count), options);
          std::string verdict =
              expect("results", results, image_count * chain.streams.back().words_per_image);
          // Those in pipelines and FIFOs, not all.
          if (most_images > 10) verdict += std::to_string(most_images) + " images at a time; ";
          for (size_t i = 0; i < streams.size(); ++i) {
            verdict += expect("words", taken[i] + std::ssize(streams[i].pushes),
                              image_count * chain.streams[i].words_per_image);
          }
          return verdict;
        }) == "");
}
