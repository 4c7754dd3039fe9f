// Campaigns whose faults take as long as the reference: stopped, and told of, in small parts.
#include <atomic>

#include "sim/campaign/journal.h"
#include "sim/fast/fault_simulator.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "workloads/zoo.h"

namespace stuckat::campaign {
namespace {

using test::CampaignSetup;
using test::Random;
using test::TemporaryFolder;

constexpr int64_t part = 3;

/// The reference, as if three faults took it a second; counts what it simulates.
struct SlowEngine {
  struct CountingSimulator : Simulator {
    int load(const Tensor& image, int64_t image_index) override {
      ++engine->loads;
      return inner->load(image, image_index);
    }
    void simulate(int64_t first, std::span<Verdict> verdicts) override {
      inner->simulate(first, verdicts);
      engine->fault_images += std::ssize(verdicts);
    }
    SlowEngine* engine = nullptr;
    std::unique_ptr<Simulator> inner;
  };
  struct CountingFaults : PreparedFaults {
    std::unique_ptr<Simulator> simulator() const override {
      auto result = std::make_unique<CountingSimulator>();
      result->engine = engine;
      result->inner = inner->simulator();
      return result;
    }
    SlowEngine* engine = nullptr;
    std::unique_ptr<PreparedFaults> inner;
  };
  struct CountingNetwork : PreparedNetwork {
    int64_t part_faults() const override { return part; }
    std::unique_ptr<PreparedFaults> prepare(std::vector<Effects> faults,
                                            int threads) const override {
      auto result = std::make_unique<CountingFaults>();
      result->engine = engine;
      result->inner = inner->prepare(std::move(faults), threads);
      return result;
    }
    SlowEngine* engine = nullptr;
    std::unique_ptr<PreparedNetwork> inner;
  };

  Engine engine() {
    return [this](const Network& network) {
      auto result = std::make_unique<CountingNetwork>();
      result->engine = this;
      result->inner = reference_engine()(network);
      return result;
    };
  }

  std::atomic<int64_t> fault_images = 0;
  std::atomic<int64_t> loads = 0;
};

/// Values of 12 bits between layers.
Network wide_network(Random& random) {
  Network network;
  network.name = "wide";
  Shape shape{6, 6, 2};
  NumberFormat format = fixed_point_format;
  const auto add = [&](LayerKind kind, int channels, bool last) {
    const std::string name = "layer" + std::to_string(network.layers.size());
    network.add(test::random_layer(random, kind, shape, format, signed_format(4),
                                   unsigned_format(12), kind == LayerKind::convolution ? 3 : 1, 1,
                                   0, channels, name, last));
    shape = network.layers.back().output;
    format = network.layers.back().output_format;
  };
  add(LayerKind::convolution, 5, false);
  add(LayerKind::convolution, 4, false);
  add(LayerKind::dense, 6, true);
  return network;
}

struct WideSetup : CampaignSetup {
  explicit WideSetup(uint64_t seed, int images = 6) : CampaignSetup(seed, images) {
    network = wide_network(random);
    data.shape = network.input();
    data.classes = network.classes();
    data.pixels.clear();
    for (int i = 0; i < images * data.shape.size(); ++i) {
      data.pixels.push_back(static_cast<uint8_t>(test::uniform(random, 0, 255)));
    }
    for (auto& label : data.labels) label = static_cast<uint16_t>(label % data.classes);
  }
};

}  // namespace

TEST_CASE("a slow campaign stops after a part of the faults on an image for each thread") {
  const CampaignSetup s(71, 4);
  const FaultSet faults = channel_faults(s.network);
  REQUIRE(faults.size() > 5 * part);
  for (const int threads : {1, 2}) {
    INFO(threads << " threads");
    RunOptions options;
    options.threads = threads;
    SlowEngine slow;
    const Outcome outcome = run(s.network, s.data, faults, options, slow.engine(),
                                [](const Progress&) { return false; });
    CHECK_FALSE(outcome.finished);
    CHECK(slow.fault_images >= part);
    CHECK(slow.fault_images <= threads * part);
  }
}

TEST_CASE("progress of a slow campaign moves with every part, and images are loaded once") {
  const CampaignSetup s(72, 4);
  const FaultSet faults = channel_faults(s.network);
  SlowEngine slow;
  int64_t last = 0;
  int64_t longest = 0;
  const Outcome outcome =
      run(s.network, s.data, faults, {}, slow.engine(), [&](const Progress& progress) {
        longest = std::max(longest, progress.done - last);
        last = progress.done;
        return true;
      });
  CHECK(outcome.result == run(s.network, s.data, faults, {}).result);
  CHECK(longest == part);
  CHECK(slow.fault_images == faults.size() * 4);
  CHECK(slow.loads == 4);
}

TEST_CASE("a slow campaign that is stopped again and again loses a part a thread at most") {
  const TemporaryFolder folder;
  const CampaignSetup s(73, 3);
  const FaultSet faults = channel_faults(s.network);
  run_to_file(folder / "whole.h5", Resume::refuse, s.network, s.data, faults, {});
  RunOptions options;
  options.threads = 2;
  SlowEngine slow;
  int rounds = 0;
  Outcome outcome;
  while (!outcome.finished) {
    REQUIRE(++rounds < 100);
    outcome = run_to_file(
        folder / "c.h5", Resume::allowed, s.network, s.data, faults, options, slow.engine(),
        [&](const Progress& progress) { return progress.done - progress.resumed < 5 * part; });
    if (outcome.finished) break;
    std::string block_faults;
    for (const auto& [key, value] : Journal::header_of(journal_path(folder / "c.h5"))) {
      if (key == "block_faults") block_faults = value;
    }
    CHECK(block_faults == std::to_string(part));
  }
  CHECK(rounds > 3);
  CHECK(slow.fault_images <= faults.size() * 3 + rounds * 2 * part);
  CHECK(test::read_bytes(folder / "c.h5") == test::read_bytes(folder / "whole.h5"));
}

TEST_CASE("networks of more than 8 bits run in parts of any size, to the same counts") {
  const WideSetup s(74);
  const FaultSet faults = channel_faults(s.network);
  REQUIRE(faults.size() > 10);
  const Result expected = run(s.network, s.data, faults, {}, reference_engine()).result;
  for (const int block : {0, 1, 5}) {
    INFO("blocks of " << block);
    RunOptions options;
    options.block_faults = block;
    options.threads = 2;
    CHECK(run(s.network, s.data, faults, options).result == expected);
  }
}

TEST_CASE("verdicts do not depend on the parts in which they are asked for") {
  WideSetup s(75, 2);
  const FaultSet faults = channel_faults(s.network);
  // Every fault three times: copies of one in another part.
  std::vector<Effects> effects;
  for (int64_t i = 0; i < 3 * faults.size(); ++i) {
    effects.push_back(faults.effects(i % faults.size()));
  }
  const fast::PackedNetwork network(s.network);
  REQUIRE(network.fault_by_fault());
  const fast::FaultList list(network, effects);
  REQUIRE(static_cast<int64_t>(list.copies().size()) >= 2 * faults.size());
  fast::FaultSimulator simulator(list);
  for (int image = 0; image < 2; ++image) {
    const Tensor input = input_tensor(s.network, s.data, image);
    std::vector<Verdict> whole(effects.size());
    simulator.simulate(input, image, whole);
    simulator.load(input, image);
    std::vector<int> firsts;
    const int size = 7;
    for (int first = 0; first < list.size(); first += size) firsts.push_back(first);
    std::shuffle(firsts.begin(), firsts.end(), s.random);
    for (const int first : firsts) {
      std::vector<Verdict> verdicts(static_cast<size_t>(std::min(size, list.size() - first)));
      simulator.simulate(first, verdicts);
      CHECK(std::equal(verdicts.begin(), verdicts.end(), whole.begin() + first));
    }
  }
}

TEST_CASE("only networks that the reference simulates are cut into parts of a second") {
  const Network narrow = zoo_network("resnet-8-w8a8", {});
  CHECK(fast_engine()(narrow)->part_faults() == 0);
  // A pass of ResNet-8 is 12.5 million multiplications.
  const int64_t reference = reference_engine()(narrow)->part_faults();
  CHECK(reference >= 5);
  CHECK(reference <= 100);
  Random random(76);
  const Network wide = wide_network(random);
  CHECK(fast_engine()(wide)->part_faults() == reference_passes_per_second(wide));
  CHECK(reference_passes_per_second(wide) > 10'000);
}

}  // namespace stuckat::campaign
