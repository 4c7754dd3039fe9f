#include <cmath>
#include <filesystem>

#include "sim/campaign/run.h"
#include "sim/campaign/summary.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"

using namespace stuckat;
using namespace stuckat::campaign;
using test::CampaignSetup;
using test::TemporaryFolder;
using test::thinned;

// HDF5 1.10 keeps small pieces of memory when it refuses a damaged file.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: LeakSanitizer's name
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace {

int prediction(const std::vector<Tensor>& tensors) {
  return predicted_class(tensors.back().values.data(),
                         static_cast<int>(tensors.back().values.size()));
}

/// Every count of a result, one fault and one image at a time.
void check_against_reference(const Result& result, const CampaignSetup& s, const FaultSet& faults,
                             int64_t first_image) {
  const int classes = s.network.classes();
  const int tensors = s.network.tensors();
  std::vector<std::vector<Tensor>> golden;
  int64_t golden_correct = 0;
  for (int64_t i = 0; i < result.images; ++i) {
    const int index = static_cast<int>(first_image + i);
    golden.push_back(reference::run(s.network, input_tensor(s.network, s.data, index)));
    golden_correct += prediction(golden.back()) == s.data.labels[static_cast<size_t>(index)];
  }
  CHECK(result.total_golden_correct() == golden_correct);
  REQUIRE(result.size() == faults.size());
  for (int64_t f = 0; f < faults.size(); ++f) {
    INFO(faults.info(f).id);
    CHECK(result.faults[static_cast<size_t>(f)] == faults.info(f));
    const Effects effects = faults.effects(f);
    std::vector<int32_t> correct(static_cast<size_t>(classes));
    std::vector<int32_t> last(static_cast<size_t>(tensors) + 1);
    int32_t critical = 0;
    for (int64_t i = 0; i < result.images; ++i) {
      const int index = static_cast<int>(first_image + i);
      const auto& expected = golden[static_cast<size_t>(i)];
      const auto faulty =
          reference::run(s.network, input_tensor(s.network, s.data, index), effects, i);
      const size_t label = s.data.labels[static_cast<size_t>(index)];
      correct[label] += prediction(faulty) == static_cast<int>(label);
      critical += prediction(faulty) != prediction(expected);
      int t = tensors - 1;
      while (t >= 0 && faulty[static_cast<size_t>(t)] == expected[static_cast<size_t>(t)]) --t;
      ++last[static_cast<size_t>(t + 1)];
    }
    const auto row = [&](const std::vector<int32_t>& all, size_t width) {
      const auto begin = all.begin() + static_cast<int64_t>(static_cast<size_t>(f) * width);
      return std::vector<int32_t>(begin, begin + static_cast<int64_t>(width));
    };
    CHECK(row(result.correct, correct.size()) == correct);
    CHECK(row(result.last_difference, last.size()) == last);
    CHECK(result.critical[static_cast<size_t>(f)] == critical);
    CHECK(result.masked(f) == result.images - last.back());
    CHECK(result.tolerated(f) == last.back() - critical);
  }
}

/// About `most` faults of every kind of set that exists for this network.
std::vector<FaultSet> all_sets(const CampaignSetup& s, int64_t most) {
  std::vector<FaultSet> sets;
  const auto add = [&](const FaultSet& faults, const Placement* placement) {
    if (faults.size() == 0) return;
    sets.push_back(thinned(faults, 1 + faults.size() / most, s.network, placement));
  };
  for (const char* spec : {"channel", "pixel", "pixel:before-pool"}) {
    add(parse_fault_set(spec, s.network, nullptr, "test"), nullptr);
  }
  for (const Placement* placement : {&s.dataflow, &s.loopback}) {
    for (const SiteRow& row : site_table()) {
      add(site_faults(s.network, *placement, row.kind), placement);
    }
  }
  return sets;
}

Outcome run_with(const CampaignSetup& s, const FaultSet& faults, RunOptions options,
                 const Engine& engine = fast_engine()) {
  return run(s.network, s.data, faults, options, engine);
}

}  // namespace

TEST_CASE("every count of every kind of set is the reference's, fault by fault") {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    INFO("seed " << seed);
    const CampaignSetup s(seed, 6);
    for (const FaultSet& faults : all_sets(s, 12)) {
      RunOptions options;
      options.first_image = 1;
      options.images = 4;
      options.chunk_images = 3;
      options.block_faults = 7;
      const Outcome outcome = run_with(s, faults, options);
      REQUIRE(outcome.finished);
      check_against_reference(outcome.result, s, faults, 1);
      CHECK_NOTHROW(validate(outcome.result, "test"));
    }
  }
}

TEST_CASE("the fast engine and the reference engine count the same on maps of many faults") {
  const TemporaryFolder folder;
  for (uint64_t seed = 11; seed <= 14; ++seed) {
    INFO("seed " << seed);
    CampaignSetup s(seed, 5);
    std::vector<FaultMap> chips;
    for (int i = 0; i < 8; ++i) {
      chips.push_back(test::random_faults(s.random, s.dataflow, s.network, 8));
    }
    write_fault_maps(folder / "maps.h5", chips);
    const FaultSet faults = map_faults(s.network, s.dataflow, {folder / "maps.h5"});
    const Result result = run_with(s, faults, {}).result;
    CHECK(result == run_with(s, faults, {}, reference_engine()).result);
    CHECK(result.identity.accelerator_hash == content_hash(s.dataflow));
    // The same from chips in memory.
    const FaultSet typed = chip_faults(s.network, s.dataflow, chips, "maps.h5");
    CHECK(result == run_with(s, typed, {}).result);
    // The file says which accelerator it was, and one of before does without.
    write_result(folder / "r.h5", result);
    CHECK(read_result(folder / "r.h5") == result);
    Result old = result;
    old.identity.accelerator_hash.clear();
    write_result(folder / "r.h5", old);
    const auto there = run_to_file(folder / "r.h5", Resume::allowed, s.network, s.data, faults, {});
    CHECK(there.result == old);
    CHECK(there.progress.resumed == there.progress.total);
  }
}

TEST_CASE("threads, chunks and blocks change no byte of the file") {
  const TemporaryFolder folder;
  const CampaignSetup s(21, 20);
  const FaultSet faults = channel_faults(s.network);
  const auto bytes = [&](int threads, int chunk, int block) {
    RunOptions options;
    options.threads = threads;
    options.chunk_images = chunk;
    options.block_faults = block;
    options.configuration = R"({"faults": "channel"})";
    const auto outcome = run_to_file(folder / "c.h5", Resume::refuse, s.network, s.data, faults,
                                     options, fast_engine());
    CHECK(outcome.finished);
    CHECK(outcome.progress.done == outcome.progress.total);
    CHECK(folder.files() == std::vector<std::string>{"c.h5"});
    return test::read_bytes(folder / "c.h5");
  };
  const std::string one = bytes(1, 0, 0);
  CHECK(bytes(2, 0, 0) == one);
  CHECK(bytes(2, 3, 5) == one);
  CHECK(bytes(3, 1, 29) == one);
}

TEST_CASE("shards merge to the identical file, in any order") {
  const TemporaryFolder folder;
  const CampaignSetup s(22, 11);
  const FaultSet faults = sample(pixel_faults(s.network, true), {0.1, 0.9, 5});
  write_result(folder / "whole.h5", run_with(s, faults, {}).result);
  for (const int count : {1, 2, 3, 11}) {
    std::vector<Result> shards;
    std::vector<std::string> names;
    for (int i = count - 1; i >= 0; --i) {
      RunOptions options;
      options.shard = {i, count};
      options.threads = 1 + i % 2;
      const std::string path =
          folder / ("shard" + std::to_string(i) + "of" + std::to_string(count) + ".h5");
      run_to_file(path, Resume::refuse, s.network, s.data, faults, options);
      shards.push_back(read_result(path));
      names.push_back(path);
    }
    write_result(folder / "merged.h5", merge(shards, names));
    CHECK(test::read_bytes(folder / "merged.h5") == test::read_bytes(folder / "whole.h5"));
  }
}

TEST_CASE("shards that do not belong together, overlap or miss one are refused") {
  CampaignSetup s(23, 6);
  const auto shard = [&](int index, int count, const FaultSet& faults) {
    RunOptions options;
    options.shard = {index, count};
    return run_with(s, faults, options).result;
  };
  const auto message = [&](const std::vector<Result>& shards) {
    std::vector<std::string> names;
    for (size_t i = 0; i < shards.size(); ++i) names.push_back("file" + std::to_string(i));
    return test::refusal([&] { merge(shards, names); });
  };
  const FaultSet channel = channel_faults(s.network);
  const Result a = shard(0, 2, channel);
  const Result b = shard(1, 2, channel);
  CHECK(message({a, b}) == "accepted");
  CHECK_THAT(message({a}), Catch::Contains("shard 1 of 2 is missing"));
  CHECK_THAT(message({a, a}), Catch::Contains("file1") && Catch::Contains("shard 0, as is file0"));
  CHECK_THAT(message({a, b, b}), Catch::Contains("file2"));
  CHECK_THAT(message({a, shard(1, 3, channel)}), Catch::Contains("number of shards"));
  const FaultSet fewer =
      named_faults(s.network, nullptr, {channel.info(0).id}, {channel.parts(0)}, "test");
  CHECK_THAT(message({a, shard(1, 2, fewer)}), Catch::Contains("fault set"));
  Result other = b;
  other.identity.configuration = "{}";
  CHECK_THAT(message({a, other}), Catch::Contains("configuration"));
  s.network.layers.back().weights[0] = static_cast<int8_t>(-s.network.layers.back().weights[0] + 1);
  s.network.layers.back().weights[0] = s.network.layers.back().weights[0] > 0 ? 1 : -1;
  s.data.pixels[0] ^= 1;
  CHECK_THAT(message({a, shard(1, 2, channel_faults(s.network))}),
             Catch::Contains("its network") || Catch::Contains("its data"));
  CHECK_THROWS_AS(merge({}, {}), InputError);
}

TEST_CASE("a result survives its file, and damaged or lying files are refused") {
  const TemporaryFolder folder;
  CampaignSetup s(24, 8);
  const FaultSet faults = sample(site_faults(s.network, s.loopback, SiteKind::pe_accumulator),
                                 {0.15, 0.95, ~uint64_t{0}});
  RunOptions options;
  options.shard = {1, 3};
  options.configuration = std::string(100'000, 'x');
  const Result result = run_with(s, faults, options).result;
  write_result(folder / "c.h5", result);
  CHECK(read_result(folder / "c.h5") == result);
  const std::string good = test::read_bytes(folder / "c.h5");
  for (int trial = 0; trial < 300; ++trial) {
    INFO("trial " << trial);
    test::write_bytes(folder / "bad.h5", test::damaged(good, s.random));
    try {
      const Result read = read_result(folder / "bad.h5");
      CHECK(read == result);
    } catch (const InputError&) {
    }
  }
  // Well-formed HDF5 with numbers that cannot be.
  const auto refused = [&](auto change) {
    Result lie = result;
    change(lie);
    CHECK_THROWS_AS(write_result(folder / "lie.h5", lie), InputError);
    CHECK_THROWS_AS(validate(lie, "lie"), InputError);
  };
  refused([](Result& r) { r.correct[0] = -1; });
  refused([](Result& r) { r.correct[0] = 1000; });
  refused([](Result& r) { r.correct.pop_back(); });
  refused([](Result& r) { ++r.last_difference[0]; });
  refused([](Result& r) { r.critical[0] = static_cast<int32_t>(r.images) + 1; });
  refused([](Result& r) { r.faults[1].id = r.faults[0].id; });
  refused([](Result& r) { r.faults[0].layer = 99; });
  refused([](Result& r) { r.representatives[1] = 2; });
  refused([](Result& r) { r.representatives.back() = static_cast<int32_t>(r.size()); });
  const int64_t worst = worst_faults(result, 1).front();
  REQUIRE(result.masked(worst) < result.images);
  refused([&](Result& r) { r.representatives[static_cast<size_t>(worst)] = Result::no_effect; });
  refused([](Result& r) { r.representatives.pop_back(); });
  refused([](Result& r) { r.strata[0].population = 0; });
  refused([](Result& r) { r.strata.pop_back(); });
  refused([](Result& r) { r.shard.index = r.shard.count; });
  refused([](Result& r) { ++r.images; });
  refused([](Result& r) { r.identity.data_hash = "xyz"; });
  refused([](Result& r) { r.golden_correct[0] = r.labels[0] + 1; });
  CHECK_FALSE(std::filesystem::exists(folder / "lie.h5"));
  Hdf5File::create(folder / "empty.h5").commit();
  CHECK_THROWS_AS(read_result(folder / "empty.h5"), InputError);
  CHECK_THROWS_AS(read_result(folder / "missing.h5"), InputError);
}

TEST_CASE("what cannot be run is refused before anything is written") {
  const TemporaryFolder folder;
  CampaignSetup s(25, 4);
  const FaultSet faults = channel_faults(s.network);
  const auto refused = [&](const FaultSet& set, auto change) {
    RunOptions options;
    change(options);
    CHECK_THROWS_AS(run_to_file(folder / "c.h5", Resume::refuse, s.network, s.data, set, options),
                    InputError);
    CHECK(folder.files().empty());
  };
  refused(faults, [](RunOptions& o) { o.first_image = 4; });
  refused(faults, [](RunOptions& o) { o.first_image = -1; });
  refused(faults, [](RunOptions& o) { o.images = 0; });
  refused(faults, [](RunOptions& o) { o.images = 5; });
  refused(faults, [](RunOptions& o) { o.shard = {2, 2}; });
  refused(faults, [](RunOptions& o) { o.shard = {0, 5}; });
  refused(faults, [](RunOptions& o) { o.threads = 0; });
  const auto unchanged = [](RunOptions&) {};
  refused(named_faults(s.network, nullptr, {}, {}, "test"), unchanged);
  s.data.labels[3] = 200;
  refused(faults, unchanged);
}

TEST_CASE("progress counts every fault-image once, and false stops the run") {
  const CampaignSetup s(26, 9);
  const FaultSet faults = channel_faults(s.network);
  RunOptions options;
  options.threads = 2;
  options.chunk_images = 2;
  int64_t last = 0;
  bool rising = true;
  auto outcome =
      run(s.network, s.data, faults, options, fast_engine(), [&](const Progress& progress) {
        rising = rising && progress.done == last + faults.size();
        last = progress.done;
        return true;
      });
  CHECK(rising);
  CHECK(last == faults.size() * 9);
  CHECK(outcome.progress.done == last);
  outcome = run(s.network, s.data, faults, options, fast_engine(),
                [&](const Progress& progress) { return progress.done < 3 * faults.size(); });
  CHECK_FALSE(outcome.finished);
  CHECK(outcome.progress.done < outcome.progress.total);
}

TEST_CASE("summaries are what the counts say") {
  Result r;
  r.identity.images = r.images = 4;
  r.identity.network_hash = r.identity.data_hash = r.identity.faults_hash = std::string(64, '0');
  r.layer_names = {"layer0", "layer1", "layer2"};
  r.classes = 2;
  r.class_names = {"cat", "dog, big"};
  r.labels = {1, 3};
  r.golden_correct = {1, 2};
  const auto fault = [&](const char* id, int layer, int level, int pe, std::vector<int32_t> correct,
                         int32_t critical, std::vector<int32_t> last) {
    FaultInfo info;
    info.id = id;
    info.layer = layer;
    info.level = level;
    info.pe = pe;
    if (pe >= 0) info.part = "array";
    r.faults.push_back(info);
    r.correct.insert(r.correct.end(), correct.begin(), correct.end());
    r.critical.push_back(critical);
    r.last_difference.insert(r.last_difference.end(), last.begin(), last.end());
  };
  fault("a", 0, -1, 0, {1, 2}, 0, {4, 0, 0, 0, 0});
  fault("b", 0, -1, 1, {0, 2}, 1, {0, 1, 1, 0, 2});
  fault("c", 0, 1, 1, {0, 0}, 3, {0, 0, 0, 0, 4});
  fault("d,\"1\"", 1, 1, -1, {1, 2}, 0, {0, 0, 0, 0, 4});
  r.representatives = {-1, 1, 2, 3};
  r.strata = {{"layer0", 0, 0, 3, 3}, {"layer1", 1, 3, 1, 1}};
  REQUIRE_NOTHROW(validate(r, "test"));

  CHECK(r.golden_accuracy() == 75);
  CHECK(r.accuracy(1) == 50);
  CHECK(r.masked(1) == 2);
  CHECK(r.tolerated(1) == 1);
  CHECK(r.worst_class(1).index == 0);
  CHECK(r.worst_class(0).accuracy == Approx(200.0 / 3));
  CHECK(r.find("c") == 2);
  CHECK(r.find("x") == -1);
  const Overall all = overall(r);
  CHECK(all.accuracy.min == 0);
  CHECK(all.accuracy.worst == 2);
  CHECK(all.accuracy.mean == 50);
  CHECK(all.variance == Approx((25 * 25 * 2 + 50 * 50) / 4.0));
  CHECK(all.masked_faults == 1);
  CHECK(all.tolerated_faults == 1);
  CHECK(all.critical_faults == 2);
  const Collapse same = collapse(r);
  CHECK(same.classes == 3);
  CHECK(same.collapsed == 0);
  CHECK(same.no_effect == 1);
  CHECK(same.silent == 0);
  const auto rows = by_layer_and_level(r);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].accuracy.min == 50);
  CHECK(rows[0].accuracy.max == 75);
  CHECK(rows[0].accuracy.mean == 62.5);
  CHECK(rows[0].accuracy.worst == 1);
  CHECK(rows[2].name == "layer1");
  const auto pes = by_pe(r);
  REQUIRE(pes.size() == 2);
  CHECK(pes[1].pe == 1);
  CHECK(pes[1].accuracy.min == 0);
  CHECK(pes[1].accuracy.max == 50);
  CHECK(worst_faults(r, 2) == std::vector<int64_t>{2, 1});
  CHECK(worst_faults(r, 99).size() == 4);
  const auto e = estimates(r);
  REQUIRE(e.size() == 3);
  CHECK(e[0].critical.value == Approx(4.0 / 12));
  CHECK(e[0].critical.low == e[0].critical.high);
  CHECK(e[2].stratum == "all");
  CHECK(e[2].critical_faults.value == Approx(0.5));
  CHECK(e[2].accuracy.value == Approx(0.5));
  // One image of four is 25 %: no digit after the point means anything.
  CHECK_THAT(
      layer_table(r),
      Catch::StartsWith(
          "stuck at   -1        +1\n"
          "layer     min  max  min  max\n"
          "layer0     50   75    0    0\n"
          "layer1      -    -   75   75\n"
          "error-free 75 %, min 0 %, variance 937.500 %^2 (4 faults, 4 images)\n"
          "what 4 images leave open, at 95 %: error-free 19 to 99 %; the worst fault costs"));
  // All of three images changed, and the accuracy fell by three: nothing else can have happened.
  const Estimate loss = loss_limits(r, 2);
  CHECK(loss.value == 0.75);
  CHECK(loss.low == Approx(paired_loss(3, 0, 4, 0.95).low));
  CHECK(loss_limits(r, 0).high == 0);  // no effect, whatever the image
  CHECK_THAT(fate_table(r),
             Catch::EndsWith("faults in  critical %  tolerated %  no difference  input  layer0\n"
                             "layer0          33.33        16.67          33.33   8.33    8.33\n"
                             "layer1           0.00       100.00           0.00   0.00    0.00\n"));
  CHECK_THAT(pe_table(r), Catch::Contains("array/pe[1]"));
  CHECK(decimals(100) == 0);
  CHECK(decimals(101) == 1);
  CHECK(decimals(10'000) == 2);
  // A sample: each fault of the first stratum stands for five, that of the second for two.
  Result sampled = r;
  sampled.identity.sampling = Sampling{0.1, 0.9, 1};
  sampled.strata = {{"layer0", 0, 0, 3, 15}, {"layer1", 1, 3, 1, 2}};
  REQUIRE_NOTHROW(validate(sampled, "test"));
  const Overall weighted = overall(sampled);
  CHECK(weighted.accuracy.mean == Approx((5 * (75 + 50 + 0) + 2 * 75) / 17.0));
  const double mean = weighted.accuracy.mean;
  CHECK(weighted.variance ==
        Approx((7 * std::pow(75 - mean, 2) + 5 * std::pow(50 - mean, 2) + 5 * mean * mean) / 17.0));
  CHECK(100 * estimates(sampled).back().accuracy.value == Approx(mean));
  CHECK(by_layer_and_level(sampled)[0].accuracy.mean == 62.5);
  CHECK_THAT(layer_table(sampled), Catch::Contains("min of the sample 0 %"));
  CHECK_THAT(worst_table(sampled), Catch::StartsWith("worst of the sample"));
  CHECK_THAT(worst_table(r), Catch::Contains("dog, big"));
  CHECK_THAT(estimates_table(r), Catch::Contains("layer0"));
  const std::string csv = faults_csv(r);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
  CHECK_THAT(csv, Catch::StartsWith("id,layer,channel,y,x,part,pe,level,representative,images,"
                                    "correct,accuracy,error_free_accuracy,points_lost,masked,"));
  CHECK_THAT(
      csv,
      Catch::Contains(
          "\nb,layer0,,,,array,1,-1,b,4,2,50.0000,75.0000,25.0000,2,1,1,0,0.0000,0,1,1,0,2\n"));
  CHECK_THAT(csv, Catch::Contains("\na,layer0,,,,array,0,-1,no effect,4,"));
  CHECK_THAT(csv, Catch::Contains("\"d,\"\"1\"\"\",layer1"));
  CHECK_THAT(layers_csv(r), Catch::Contains("layer0,-1,2,50.0000,75.0000,62.5000,b\n"));
}
