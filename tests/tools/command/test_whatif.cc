// `stuckat whatif` against the reference, counted image by image.
#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
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

std::string whatif(const Session& s, const std::string& rest) {
  return "whatif " + s.model() + s.data() + " --accelerator loopback:4x8 " + rest;
}

nlohmann::json whatif_json(const Session& s, const std::string& rest) {
  const Outcome outcome = run(whatif(s, rest + " --json " + s.file("w.json")));
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  return nlohmann::json::parse(test::read_bytes(s.file("w.json")));
}

}  // namespace

TEST_CASE("whatif counts what the reference counts, element by element") {
  const Session s;
  const std::string fault = "array/pe[1]/accumulator[2]=1";
  const auto page = whatif_json(s, "--fault '" + fault + "' --images 24 --examine 20 --simulate 2");
  const auto& found = page["cases"][0];

  const Network network = read_model(s.model());
  const auto accelerator = loopback::parse_loopback("loopback:4x8");
  const Placement placement = loopback::place(accelerator, network);
  const FaultMap map{placement.accelerator, {parse_fault(fault, placement, network, "test")}};
  const Effects effects = lower(map, placement, network);
  const DataSet data = read_dataset("cifar10:" + s.file("images.bin"), {false, 0, 24});
  int64_t right_before = 0, right_now = 0, masked = 0;
  nlohmann::json changed = nlohmann::json::array();
  std::vector<int64_t> differing(static_cast<size_t>(network.tensors()));
  for (int i = 0; i < data.size(); ++i) {
    const Tensor image = input_tensor(network, data, i);
    const auto golden = reference::run(network, image);
    const auto faulty = reference::run(network, image, effects, i);
    const int label = data.labels[static_cast<size_t>(i)];
    const int before = predicted_class(golden.back().values.data(), network.classes());
    const int now = predicted_class(faulty.back().values.data(), network.classes());
    right_before += before == label ? 1 : 0;
    right_now += now == label ? 1 : 0;
    masked += golden.back() == faulty.back() ? 1 : 0;
    if (before != now) {
      changed.push_back({{"image", i}, {"label", label}, {"before", before}, {"now", now}});
    }
    for (size_t t = 0; i < 20 && t < golden.size(); ++t) {
      for (size_t e = 0; e < golden[t].values.size(); ++e) {
        differing[t] += golden[t].values[e] != faulty[t].values[e] ? 1 : 0;
      }
    }
  }
  CHECK(found["images"] == 24);
  CHECK(found["correct_fault_free"] == right_before);
  CHECK(found["correct"] == right_now);
  CHECK(found["masked"] == masked);
  CHECK(found["changed_images"] == changed);
  CHECK(changed.size() > 0);
  CHECK(found["faults"][0]["fault"] == fault);
  CHECK(found["faults"][0]["effects"] == describe(effects, network));
  for (size_t t = 0; t < differing.size(); ++t) {
    INFO("tensor " << t);
    CHECK(found["tensors"][t]["differing_elements"] == differing[t]);
  }
  CHECK(found["cycles"] == found["cycles_fault_free"]);
  CHECK(found["cycles"]["tensors_agree"] == true);
}

TEST_CASE("whatif sets two cases side by side, each as it is alone") {
  const Session s;
  const auto alone = whatif_json(s, "--fault 'array/pe[2]/dead=1' --simulate 0")["cases"];
  const auto both = whatif_json(
      s, "--fault 'array/pe[1]/dead=-1' --against-fault 'array/pe[2]/dead=1' --simulate 0 -o " +
             s.file("w.html"))["cases"];
  REQUIRE(both.size() == 2);
  for (const char* key : {"correct", "changed_images", "tensors", "faults"}) {
    CHECK(both[1].value(key, nlohmann::json()) == alone[0].value(key, nlohmann::json()));
  }
  CHECK(both[0]["faults"] != both[1]["faults"]);
  // Another network has the faults of the first unless it gets its own.
  const auto against =
      whatif_json(s, "--fault 'array/pe[2]/dead=1' --simulate 0 --against " + s.model())["cases"];
  CHECK(against[0]["correct"] == against[1]["correct"]);
  CHECK(against[1]["faults"] == alone[0]["faults"]);

  const std::string page = test::read_bytes(s.file("w.html"));
  CHECK_THAT(page, Catch::Contains("data:image/png;base64,") && Catch::Contains("<svg") &&
                       Catch::Contains("array/pe[1]/dead=-1") &&
                       Catch::Contains("array/pe[2]/dead=1"));
  for (const char* outside : {"http:", "https:", "<link", "@import", "src=\"/"}) {
    CHECK_THAT(page, !Catch::Contains(outside));
  }
}

TEST_CASE(
    "whatif takes elements without hardware, two accelerators, and the accelerator of a map") {
  const Session s;
  const auto cases = [&](const std::string& rest) {
    const Outcome outcome =
        run("whatif " + s.model() + s.data() + rest + " --json " + s.file("w.json") + " --force");
    INFO(outcome.output);
    REQUIRE(outcome.code == 0);
    return nlohmann::json::parse(test::read_bytes(s.file("w.json")))["cases"];
  };
  // A stuck channel, as the reference has it.
  const auto channel = cases(" --fault 'layer0/channel[3]=-1' --images 20 -o " + s.file("c.html"));
  const Network network = read_model(s.model());
  const DataSet data = read_dataset("cifar10:" + s.file("images.bin"), {false, 0, 20});
  int64_t right = 0;
  for (int i = 0; i < data.size(); ++i) {
    const auto faulty = reference::run(network, input_tensor(network, data, i),
                                       stuck_channel(network, 0, 3, -1), i);
    right += predicted_class(faulty.back().values.data(), network.classes()) ==
             data.labels[static_cast<size_t>(i)];
  }
  CHECK(channel[0]["correct"] == right);
  CHECK(channel[0]["accelerator"] == "");
  CHECK(channel[0]["cycles"].is_null());
  CHECK_THAT(test::read_bytes(s.file("c.html")), Catch::Contains("layer0/channel[3]=-1"));
  // Two accelerators with a fault that both have, each as it is alone.
  const std::string fault = " --fault 'array/pe[1]/dead=1' --simulate 1 --images 5";
  const auto both = cases(" --accelerator loopback:4x8 --against-accelerator loopback:2x8" + fault);
  const auto alone = cases(" --accelerator loopback:2x8" + fault);
  REQUIRE(both.size() == 2);
  CHECK(both[0]["accelerator"] == "loopback:4x8");
  for (const char* key : {"accelerator", "correct", "cycles", "tensors"}) {
    CHECK(both[1][key] == alone[0][key]);
  }
  CHECK(both[0]["cycles"] != both[1]["cycles"]);
  // A map says which accelerator it is of.
  REQUIRE(run("faults new --model " + s.model() +
              " --accelerator loopback:2x8 --fault 'array/pe[1]/dead=1' -o " + s.file("m.csv"))
              .code == 0);
  const auto mapped = cases(" --fault-map " + s.file("m.csv") + " --simulate 1 --images 5");
  CHECK(mapped[0]["cycles"] == alone[0]["cycles"]);
  for (const char* command : {"eval ", "sim "}) {
    const Outcome outcome =
        run(command + s.model() + s.data() + " --images 2 --fault-map " + s.file("m.csv"));
    INFO(outcome.output);
    CHECK(outcome.code == 0);
  }
  check_refused("whatif " + s.model() + s.data() + " --fault 'layer0/channel[3]=-1' --simulate 2",
                "name no hardware");
}

TEST_CASE("whatif refuses in one line") {
  const Session s;
  check_refused(whatif(s, ""), "nothing is broken");
  check_refused("whatif " + s.model() + s.data() + " --fault x/y=1", "--accelerator");
  check_refused(whatif(s, "--fault 'array/pe[4]/dead=1'"), "0 to 3");
  check_refused(whatif(s, "--fault 'array/pe[1]/ded=1'"), "did you mean 'pe[]/dead'?");
  check_refused(whatif(s, "--fault 'array/pe[1]/dead=2'"), "one of -1 1");
  check_refused(whatif(s, "--fault 'aray/pe[1]/dead=1'"), "did you mean");
  check_refused(whatif(s, "--fault 'array/pe[1]/dead=1' --fault 'array/pe[1]/dead=-1'"),
                "a site stuck at one value");
  check_refused(whatif(s, "--fault 'array/pe[1]/dead=1' --against " + s.file("none.h5")),
                "none.h5");
  check_refused(whatif(s, "--fault 'array/pe[1]/dead=1' --against-fault 'array/pe[9]/dead=1'"),
                "--against-fault");
  check_refused(whatif(s, "--fault 'array/pe[1]/dead=1' -o /nonexistent/w.html"), "/nonexistent");
}
