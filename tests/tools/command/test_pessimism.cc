// `stuckat faults pessimism` against the reference: every fault of a kind, element by element.
#include <map>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "faultmaps/site_index.h"
#include "models/loopback/placement.h"
#include "tests/tools/command/session.h"
#include "workloads/dataset.h"
#include "workloads/reference.h"

using namespace stuckat;
using test::check_refused;
using test::Outcome;
using test::run;
using test::Session;

namespace {

constexpr int examined_images = 6;

/// A network on hardware, image by image with the reference.
struct Oracle {
  explicit Oracle(const Session& s)
      : network(read_model(s.model())),
        placement(loopback::place(loopback::parse_loopback("loopback:4x8"), network)),
        data(read_dataset("cifar10:" + s.file("images.bin"), {false, 0, examined_images})) {
    for (int i = 0; i < examined_images; ++i) inputs.push_back(input_tensor(network, data, i));
    for (const Tensor& input : inputs) golden.push_back(reference::run(network, input));
  }

  Effects effects(const Fault& fault) const {
    return lower({placement.accelerator, {fault}}, placement, network);
  }

  int right(const Effects& effects) const {
    int result = 0;
    for (int i = 0; i < examined_images; ++i) {
      const auto tensors = reference::run(network, inputs[static_cast<size_t>(i)], effects, i);
      const int now = predicted_class(tensors.back().values.data(), network.classes());
      result += now == data.labels[static_cast<size_t>(i)] ? 1 : 0;
    }
    return result;
  }

  bool masked(const Effects& effects) const {
    for (int i = 0; i < examined_images; ++i) {
      const auto index = static_cast<size_t>(i);
      if (reference::run(network, inputs[index], effects, i) != golden[index]) return false;
    }
    return true;
  }

  Network network;
  Placement placement;
  DataSet data;
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> golden;
};

double points(int before, int now) { return 100.0 * (before - now) / examined_images; }

}  // namespace

TEST_CASE("the pessimism of a kind is that of its faults, one by one, in the reference") {
  const Session s;
  const Outcome outcome =
      run("faults pessimism " + s.model() + s.data() +
          " --accelerator loopback:4x8 --images 6 --examine 6 --json " + s.file("p.json"));
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  std::map<std::string, nlohmann::json> found;
  const auto page = nlohmann::json::parse(test::read_bytes(s.file("p.json")));
  for (const auto& row : page["sites"]) found[row["site"]] = row;

  const Oracle oracle(s);
  const int before = oracle.right({});
  CHECK(page["correct_fault_free"] == before);
  std::map<int, int> dead;  // right with a PE dead at its worst level
  for (const Fault& fault : all_faults(SiteKind::pe_dead, oracle.placement, oracle.network)) {
    const int right = oracle.right(oracle.effects(fault));
    auto& worst = dead.try_emplace(fault.coordinates[0], examined_images).first->second;
    worst = std::min(worst, right);
  }
  for (const SiteKind kind :
       {SiteKind::pe_accumulator, SiteKind::pe_comparator, SiteKind::pe_dead}) {
    const auto faults = all_faults(kind, oracle.placement, oracle.network);
    const auto& row = found[site_row(kind).name];
    INFO(row);
    double masked = 0, exact = 0, abstraction = 0, optimistic = 0;
    for (const Fault& fault : faults) {
      const Effects effects = oracle.effects(fault);
      const int right = oracle.right(effects);
      const int worst = dead[fault.coordinates[0]];
      masked += oracle.masked(effects) ? 1 : 0;
      exact += points(before, right);
      abstraction += points(before, worst);
      optimistic += right < worst ? 1 : 0;
    }
    const auto count = static_cast<double>(faults.size());
    CHECK(row["faults"] == faults.size());
    CHECK(row["examined"] == faults.size());
    CHECK(row["masked"][0].get<double>() == Approx(100 * masked / count).margin(1e-9));
    CHECK(row["points_lost"][0].get<double>() == Approx(exact / count).margin(1e-9));
    CHECK(row["points_lost_abstraction"][0].get<double>() ==
          Approx(abstraction / count).margin(1e-9));
    CHECK(row["gap"][0].get<double>() == Approx((abstraction - exact) / count).margin(1e-9));
    CHECK(row["optimistic"][0].get<double>() == Approx(100 * optimistic / count).margin(1e-9));
    const double shares = row["masked"][0].get<double>() + row["stuck"][0].get<double>() +
                          row["partial"][0].get<double>();
    CHECK(shares == Approx(100));
  }
  // With binary activations a comparator and a dead PE stick whole channels; a weight never does.
  CHECK(found["pe/comparator"]["partial"][0] == 0.0);
  CHECK(found["pe/dead"]["partial"][0] == 0.0);
  CHECK(found["pe/weight"]["stuck"][0] == 0.0);
  CHECK(found["pe/accumulator"]["partial"][0] > 0.0);

  REQUIRE(
      run("faults pessimism-page 'a network=" + s.file("p.json") + "' -o " + s.file("p.md")).code ==
      0);
  CHECK_THAT(test::read_bytes(s.file("p.md")),
             Catch::Contains("| pe/accumulator |") && Catch::Contains("(p.svg)"));
  CHECK_THAT(test::read_bytes(s.file("p.svg")), Catch::Contains("pe/accumulator"));
}

TEST_CASE("a sample of a kind says so, and its interval holds the exact share") {
  const Session s;
  const std::string base = "faults pessimism " + s.model() + s.data() +
                           " --accelerator loopback:4x8 --images 4 --examine 4 --json ";
  REQUIRE(run(base + s.file("all.json")).code == 0);
  REQUIRE(
      run(base + s.file("some.json") + " --exhaustive 200 --margin 0.1 --confidence 0.999").code ==
      0);
  const auto all = nlohmann::json::parse(test::read_bytes(s.file("all.json")))["sites"];
  const auto some = nlohmann::json::parse(test::read_bytes(s.file("some.json")))["sites"];
  REQUIRE(all.size() == some.size());
  int sampled = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    INFO(all[i]["site"]);
    if (some[i]["examined"] == some[i]["faults"]) continue;
    ++sampled;
    CHECK(some[i]["masked"][1] <= all[i]["masked"][0]);
    CHECK(some[i]["masked"][2] >= all[i]["masked"][0]);
    CHECK(some[i]["masked"][2] > some[i]["masked"][1]);
    if (some[i]["points_lost"][1] == some[i]["points_lost"][2]) continue;  // none drawn costs any
    CHECK(some[i]["points_lost"][1] <= all[i]["points_lost"][0]);
    CHECK(some[i]["points_lost"][2] >= all[i]["points_lost"][0]);
  }
  CHECK(sampled > 0);
}

TEST_CASE("pessimism refuses in one line") {
  const Session s;
  check_refused("faults pessimism " + s.model() + s.data(), "--accelerator");
  check_refused("faults pessimism-page " + s.model() + " -o " + s.file("p.md"), "LABEL=RESULT");
  check_refused("faults pessimism-page x=" + s.model() + " -o " + s.file("p.md"), "m.h5");
  check_refused("faults pessimism-page x=/nonexistent -o " + s.file("p.md"), "/nonexistent");
  check_refused("faults pessimism-page x=" + s.model() + " -o " + s.file("p.txt"), "PAGE.md");
}
