#include <array>
#include <nlohmann/json.hpp>

#include "faultmaps/mitigation/protection.h"
#include "faultmaps/site_index.h"
#include "models/family.h"
#include "models/protected/accelerator.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/reference.h"

using namespace stuckat;

namespace {

AcceleratorPtr parse(const std::string& json, const Network& network) {
  return protected_from_json(json, "test", "name", "", network,
                             [](const std::string& name, const Network& n) {
                               return built_in_families().parse(name, n, "test");
                             });
}

AcceleratorPtr random_inside(test::Random& random, const Network& network, bool is_dataflow) {
  if (is_dataflow) {
    return std::make_shared<dataflow::Dataflow>(test::random_dataflow(random, network));
  }
  return std::make_shared<loopback::Loopback>(test::random_loopback(random, network));
}

std::shared_ptr<ProtectedAccelerator> all_voted(const AcceleratorPtr& inside,
                                                const Network& network) {
  Protection protection;
  for (const PeArray& array : inside->place(network).arrays)
    protection.pes[Redundancy::copies][array.name] = {};
  return std::make_shared<ProtectedAccelerator>("tmr", inside, protection);
}

}  // namespace

TEST_CASE("with one broken copy of each PE every engine computes the fault-free tensors") {
  int faults = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const AcceleratorPtr inside = random_inside(random, network, seed % 2 == 0);
    const auto voted = all_voted(inside, network);
    const Placement placement = voted->place(network);
    const SiteIndex sites(placement, network);
    FaultMap map{placement.accelerator, {}};
    for (const SiteKind kind : {SiteKind::pe_dead, SiteKind::pe_accumulator, SiteKind::pe_weight}) {
      for (const PeArray& array : placement.arrays) {
        for (const SiteSpace& space : sites.of(kind)) {
          if (space.part != array.name || space.sites() == 0) continue;
          map.faults.push_back(
              space.at(static_cast<int64_t>(random() % static_cast<uint64_t>(space.sites()))));
          map.faults.back().value = space.values.back();
        }
      }
    }
    validate(map, placement, network, "test");
    const auto images = test::random_images(random, network);
    CHECK(lower(map, placement, network).empty());
    test::check_agreement(network, *voted, map, images);
    const auto healthy = test::by_reference(network, images, {});
    CHECK(test::in_child([&] {
            return test::difference(
                healthy, voted->simulate(network, map, images, {.tensors = true}).tensors, network);
          }) == "");
    faults += static_cast<int>(map.faults.size());
  }
  CHECK(faults > 20);
}

TEST_CASE("cycles are those of the accelerator inside, copies and check bits are counted") {
  test::Random random(3);
  const Network network = test::random_network(random);
  const auto inside = std::make_shared<dataflow::Dataflow>(test::random_dataflow(random, network));
  const auto voted = all_voted(inside, network);
  CHECK(voted->time(network, 4).total_cycles == inside->time(network, 4).total_cycles);
  const Cost plain = inside->cost(network);
  CHECK(voted->cost(network).pes == 3 * plain.pes);
  CHECK(voted->cost(network).multipliers == 3 * plain.multipliers);
  const PeArray array = inside->place(network).arrays.front();
  Protection coded;
  coded.codes[array.name + "/weights"] = "parity";
  const ProtectedAccelerator parity("p", inside, coded);
  const ArrayUse& use = array.uses.front();
  CHECK(parity.cost(network).memory_bits - plain.memory_bits ==
        int64_t{use.rows} * use.columns / array.simd);
}

TEST_CASE("descriptions are read as they are written, and errors name what is wrong") {
  test::Random random(3);
  const Network network = test::random_network(random);
  const AcceleratorPtr inside = built_in_families().parse("dataflow:auto", network, "test");
  const std::string array = inside->place(network).arrays.front().name;
  Protection protection;
  protection.pes[Redundancy::copies][array] = {0};
  protection.codes[array + "/weights"] = "secded";
  const std::string text = protected_json("mine", "dataflow:auto", protection);
  const AcceleratorPtr read = parse(text, network);
  CHECK(read->name() == "protected:mine");
  CHECK(std::static_pointer_cast<const ProtectedAccelerator>(read)->protection() == protection);
  CHECK(nlohmann::json::parse(read->json(network)) ==
        nlohmann::json::parse(protected_json("mine", inside->name(), protection)));
  const std::string front = R"({"accelerator": "dataflow:auto", )";
  const std::pair<std::string, std::string> bad[] = {
      {"[]", "is no object"},
      {"{}", "no 'accelerator'"},
      {R"({"accelerator": "protected:x"})", "is around a protected one"},
      {front + R"("copy": {}})", "copies"},
      {front + R"("copies": {"layer77/mvtu": "all"}})", "unknown array of PEs"},
      {front + R"("copies": {")" + array + R"(": [99]}})", "99"},
      {front + R"("copies": {")" + array + R"(": []}})", "\"all\" or [PE, ...]"},
      {front + R"("codes": {")" + array + R"(/weights": "secdet"}})", "secded"},
      {front + R"("codes": {"weights": "secded"}})", "ARRAY/weights"},
      {front + R"("name": "a/b"})", "'name'"},
      {front + R"("name": "a", "name": "b"})", "twice"},
  };
  for (const auto& [json, what] : bad) {
    INFO(json);
    CHECK_THAT(test::refusal([&, j = json] { parse(j, network); }), Catch::Contains(what));
  }
}

TEST_CASE("files name the accelerator inside relative to themselves") {
  const test::TemporaryFolder folder;
  test::Random random(5);
  const Network network = test::random_network(random);
  test::write_bytes(folder / "array.json", R"({"pe": 2, "simd": 3})");
  test::write_bytes(
      folder / "p.json",
      protected_json("p", "loopback:array.json", {{{Redundancy::copies, {{"array", {}}}}}, {}}));
  const AcceleratorPtr read =
      built_in_families().parse("protected:" + (folder / "p.json"), network, "test");
  CHECK(read->cost(network).pes == 6);
  CHECK_THROWS_AS(built_in_families().parse("protected:nothing.json", network, "test"), InputError);
}

TEST_CASE(
    "two copies that are broken differently have no effect that is a PE's, but hardware votes") {
  int changed = 0;
  for (uint64_t seed = 6; seed < 12; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const AcceleratorPtr inside = random_inside(random, network, seed % 2 == 0);
    const auto voted = all_voted(inside, network);
    const Placement placement = voted->place(network);
    const Placement plain = inside->place(network);
    const PeArray& array = placement.arrays.front();
    const Layer& layer = network.layer(array.uses.front().layer);
    const auto tensor = static_cast<size_t>(network.output_tensor(array.uses.front().layer));
    const int level = layer.accumulator_output ? 1 : layer.output_format.max_level();
    const std::string dead = "dead=" + std::to_string(level);
    const auto fault = [&](const std::string& text, const Placement& on) {
      return parse_fault(array.name + text, on, network, "test");
    };
    FaultMap map{placement.accelerator,
                 {fault("/pe[0]/accumulator[0]=1", placement),
                  fault("/voters/replica[0][1]/" + dead, placement)}};
    validate(map, placement, network, "test");
    CHECK_THAT(test::refusal([&] { lower(map, placement, network); }),
               Catch::Contains("two of its copies are broken differently"));

    const auto images = test::random_images(random, network);
    const auto alone = [&](const Fault& of_inside) {
      return test::by_reference(network, images,
                                lower({plain.accelerator, {of_inside}}, plain, network));
    };
    const std::array<test::Tensors, 3> copies = {alone(fault("/pe[0]/accumulator[0]=1", plain)),
                                                 alone(fault("/pe[0]/" + dead, plain)),
                                                 test::by_reference(network, images, {})};
    test::Tensors expected = copies[2];
    for (size_t i = 0; i < images.size(); ++i) {
      auto& values = expected[i][tensor].values;
      for (size_t k = 0; k < values.size(); ++k) {
        const auto code = [&](size_t copy) {
          const int32_t value = copies[copy][i][tensor].values[k];
          return layer.accumulator_output ? static_cast<uint32_t>(value)
                                          : layer.output_format.code(value);
        };
        const uint32_t vote = (code(0) & code(1)) | (code(1) & code(2)) | (code(0) & code(2));
        const int32_t value =
            layer.accumulator_output ? static_cast<int32_t>(vote) : layer.output_format.value(vote);
        changed += value != values[k] ? 1 : 0;
        values[k] = value;
      }
    }
    CHECK(test::in_child([&] {
            const auto run = voted->simulate(network, map, images, {.tensors = true}).tensors;
            for (size_t i = 0; i < images.size(); ++i) {
              if (run[i][tensor] != expected[i][tensor]) return "image " + std::to_string(i);
            }
            return std::string();
          }) == "");
  }
  CHECK(changed > 0);
}

TEST_CASE(
    "comparators report a PE as often as its outputs are wrong, and say nothing of whole ones") {
  int64_t wrong = 0;
  int silent = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const AcceleratorPtr inside =
        seed % 2 == 0
            ? AcceleratorPtr(built_in_families().parse("dataflow:auto", network, "test"))
            : std::make_shared<loopback::Loopback>(test::random_loopback(random, network));
    const Placement plain = inside->place(network);
    const PeArray& array = plain.arrays.front();
    Protection protection;
    protection.pes[Redundancy::duplicates][array.name] = {0};
    const ProtectedAccelerator compared("pairs", inside, protection);
    const std::string pe = array.name + "/pe[0]";
    const Fault fault =
        parse_fault(pe + (seed % 3 == 0 ? "/dead=1" : "/accumulator[1]=1"), plain, network, "test");
    const auto images = test::random_images(random, network);
    const auto healthy = test::by_reference(network, images, {});
    // Every layer on what comes in there: the fault acts in all before it.
    const Effects effects = lower({plain.accelerator, {fault}}, plain, network);
    const auto broken = test::by_reference(network, images, effects);
    int64_t expected = 0;
    for (const ArrayUse& use : array.uses) {
      const auto in = static_cast<size_t>(network.input_tensor(use.layer));
      const auto out = static_cast<size_t>(network.output_tensor(use.layer));
      for (size_t i = 0; i < images.size(); ++i) {
        const Tensor whole = reference::run_layer(network.layer(use.layer), broken[i][in]);
        for (size_t k = 0; k < whole.values.size(); ++k) {
          expected += whole.values[k] != broken[i][out].values[k] ? 1 : 0;
        }
      }
    }
    CHECK(test::in_child([&] {
            const FaultMap map{compared.name(), {fault}};
            const auto run = compared.simulate(network, map, images, {.tensors = true});
            if (run.tensors != broken) return std::string("other tensors");
            if (expected == 0) return std::string(run.reports.empty() ? "" : "a report");
            if (run.reports.size() != 1) return std::string("no report");
            return run.reports[0] == ErrorReport{pe, expected}
                       ? ""
                       : run.reports[0].pe + ": " + std::to_string(run.reports[0].outputs) +
                             " for " + std::to_string(expected);
          }) == "");
    wrong += expected;
    silent += expected == 0 ? 1 : 0;
  }
  CHECK(wrong > 100);
  CHECK(silent > 0);
}
