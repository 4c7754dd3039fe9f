// What can be done about faults, and what an analysis of failure modes says, by the command.
#include "tests/tools/command/session.h"
#include "workloads/dataset.h"
#include "workloads/reference.h"

using namespace stuckat;
using test::check_refused;
using test::read_bytes;
using test::run;
using test::Session;

namespace {

nlohmann::json json_of(const std::string& path) { return nlohmann::json::parse(read_bytes(path)); }

/// Campaigns of stuck channels and of dead PEs, on images that are labelled as the network predicts
/// them, so that faults can only cost.
struct Campaigns : Session {
  Campaigns() {
    const Network network = read_model(model());
    std::string records = read_bytes(file("images.bin"));
    const DataSet images = read_dataset("cifar10:" + file("images.bin"), {});
    for (int i = 0; i < images.size(); ++i) {
      const auto tensors = reference::run(network, input_tensor(network, images, i));
      records[static_cast<size_t>(i) * 3073] =
          static_cast<char>(predicted_class(tensors.back().values.data(), network.classes()));
    }
    test::write_bytes(file("images.bin"), records);
    const std::string campaign = "campaign " + model() + data() + " --images 20 ";
    REQUIRE(run(campaign + "--faults channel -o " + file("channel.h5")).code == 0);
    REQUIRE(run(campaign + "--faults pe" + hardware() + "-o " + file("pe.h5")).code == 0);
  }
  std::string hardware() const { return " --accelerator loopback:4x8 "; }
  std::string protect() const { return "protect " + model() + hardware(); }
};

}  // namespace

TEST_CASE("protect: what it writes is what it promises, by a campaign of it") {
  const Campaigns s;
  const std::string images = s.data() + " --images 20 ";
  for (const std::string measures : {"channels", "copies", "clustered-copies"}) {
    const std::string evidence = measures == "channels" ? "channel.h5" : "pe.h5";
    INFO(measures);
    const auto all = run(s.protect() + images + "--measures none," + measures + " --evidence " +
                         s.file(evidence) + " --json " + s.file("all.json"));
    INFO(all.output);
    REQUIRE(all.code == 0);
    const auto candidates = json_of(s.file("all.json")).at("evidence").at(0).at("candidates");
    const double error_free =
        json_of(s.file("all.json")).at("evidence").at(0).at("error_free_error");
    CHECK(candidates.back().at("macs").get<double>() == Approx(3).margin(0.5));
    CHECK(candidates.back().at("worst_error").get<double>() == Approx(error_free));
    const std::string prefix = s.file(measures);
    const auto outcome = run(s.protect() + images + "--measures " + measures + " --evidence " +
                             s.file(evidence) + " --worst " + std::to_string(error_free + 0.01) +
                             " -o " + prefix + " --json " + s.file("chosen.json"));
    INFO(outcome.output);
    REQUIRE(outcome.code == 0);
    const double promised = json_of(s.file("chosen.json")).at("chosen").at("worst_error");
    const bool reordered = std::filesystem::exists(prefix + ".h5");
    const std::string network = reordered ? prefix + ".h5" : s.model();
    CHECK(run("eval " + network + images + "--logits").output ==
          run("eval " + s.model() + images + "--logits").output);
    const auto campaign =
        run("campaign " + network + images + "--faults pe --accelerator protected:" + prefix +
            ".json -o " + s.file(measures + "-again.h5") + " --json " + s.file("again.json"));
    INFO(campaign.output);
    REQUIRE(campaign.code == 0);
    const double least = json_of(s.file("again.json")).at("min");
    if (measures == "channels") {  // the faults of its promise are of channels, not of PEs
      int64_t copied = 0;
      const auto hardware = json_of(prefix + ".json");
      for (const auto& pes : hardware.at("copies")) {
        copied += static_cast<int64_t>(pes.size());
      }
      CHECK(json_of(s.file("chosen.json")).at("chosen").at("pes") == 2 * copied);
    } else {
      CHECK(100 - std::min(least, 100 - error_free) == Approx(promised));
    }
    CHECK(run("sim " + network + s.data() + " --images 1 --accelerator protected:" + prefix +
              ".json --fault 'array/voters/voter[0][0]=1'")
              .code == 0);
  }
}

TEST_CASE("protect --broken: the written network loses as little as it says") {
  const Campaigns s;
  const std::string images = s.data() + " --images 20 ";
  const auto parts = json_of([&] {
    REQUIRE(run("campaign show " + s.file("pe.h5") + " --json " + s.file("show.json")).code == 0);
    return s.file("show.json");
  }());
  int moved = 0;
  for (const auto& pe : parts.at("pes")) {
    const std::string name =
        pe.at("part").get<std::string>() + "/pe[" + std::to_string(pe.at("pe").get<int>()) + "]";
    const std::string prefix = s.file("r" + std::to_string(moved));
    const auto outcome = run(s.protect() + images + "--broken '" + name + "' -o " + prefix +
                             " --json " + s.file("b.json"));
    INFO(name << "\n" << outcome.output);
    if (outcome.code == 2) {
      CHECK_THAT(outcome.output, Catch::Contains("gains from no order"));
      continue;
    }
    REQUIRE(outcome.code == 0);
    const auto broken = json_of(s.file("b.json")).at("broken");
    CHECK(broken.at("placed_error").get<double>() == Approx(100 - pe.at("min").get<double>()));
    double worst = 0;
    for (const char* level : {"-1", "1"}) {
      REQUIRE(run("eval " + prefix + ".h5" + images + s.hardware() + "--fault '" + name +
                  "/dead=" + level + "' --json " + s.file("e.json"))
                  .code == 0);
      worst = std::max(worst, 100 - 5 * json_of(s.file("e.json")).at("correct").get<double>());
    }
    CHECK(broken.at("error").get<double>() == Approx(worst));
    ++moved;
  }
  CHECK(moved > 0);
}

TEST_CASE("protect: bad input is one line") {
  const Campaigns s;
  check_refused("protect " + s.model() + " --evidence " + s.file("pe.h5"), "no --accelerator");
  check_refused(s.protect(), "nothing to go by");
  check_refused(s.protect() + "--evidence " + s.file("pe.h5") + " --measures copy", "copies");
  check_refused(s.protect() + "--evidence " + s.file("pe.h5") + " -o " + s.file("x"),
                "chooses nothing");
  check_refused(
      s.protect() + "--evidence " + s.file("pe.h5") + " --max-cost 1 --worst 0 -o " + s.file("x"),
      "no candidate is within the targets");
  check_refused(
      s.protect() + s.data() + " --images 19 --measures all --evidence " + s.file("pe.h5"),
      "is about other images than --data");
  check_refused(s.protect() + s.data() + " --broken array/pe[99]", "unknown PE");
  check_refused(
      "protect " + s.model() + " --accelerator loopback:2x8 --evidence " + s.file("pe.h5"),
      "another accelerator");
}

TEST_CASE("fmea: metrics of a small accelerator, with and without codes, as table, CSV and page") {
  const Campaigns s;
  const std::string weights = s.file("weights.h5");
  const std::string dataflow = " --accelerator dataflow:auto:20000 ";
  REQUIRE(run("campaign " + s.model() + s.data() + " --images 10 --faults sites:pe/threshold" +
              dataflow + "-o " + weights)
              .code == 0);
  const std::string fmea = "fmea " + s.model() + " --evidence " + weights + " ";
  const auto plain = run(fmea + dataflow + "--json " + s.file("f.json") + " --csv " +
                         s.file("f.csv") + " -o " + s.file("f.html"));
  INFO(plain.output);
  REQUIRE(plain.code == 0);
  CHECK_THAT(plain.output, Catch::Contains("SPFM") && Catch::Contains("no campaign"));
  CHECK_THAT(read_bytes(s.file("f.html")), Catch::Contains("no certificate"));
  test::write_bytes(s.file("p.json"),
                    R"({"accelerator": "dataflow:auto:20000",
                        "codes": {"layer0/mvtu/thresholds": "secded"}})");
  test::write_bytes(s.file("rates.csv"), "site,fit\n*,0\npe/threshold,1\nmemory/check,1\n");
  const auto coded = run(fmea + "--accelerator protected:" + s.file("p.json") + " " + "--rates " +
                         s.file("rates.csv") + " --limit 0 --json " + s.file("g.json"));
  INFO(coded.output);
  REQUIRE(coded.code == 0);
  const auto safety = json_of(s.file("g.json"));
  CHECK(safety.at("without_evidence") == 0);
  CHECK(safety.at("lfm").at("value") == 1);
  for (const auto& row : safety.at("rows")) {
    if (row.at("part") == "layer0/mvtu") {
      CHECK(row.at("mechanism") == "secded");
      CHECK(row.at("residual_fit") == 0);
    }
  }
  check_refused("fmea " + s.model() + s.hardware(), "no --evidence");
  check_refused(fmea + dataflow + "--rates " + s.file("f.csv"), "site,fit");
}

TEST_CASE("report: ways to protect become figure 9 and a table") {
  const Campaigns s;
  REQUIRE(run(s.protect() + "--evidence " + s.file("channel.h5") + " --evidence " +
              s.file("pe.h5") + " --json " + s.file("p.json"))
              .code == 0);
  const auto outcome = run("report --model m=" + s.model() + " --protection m=" + s.file("p.json") +
                           " -o " + s.file("r.html"));
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  const std::string page = read_bytes(s.file("r.html"));
  CHECK_THAT(page, Catch::Contains("What can be done about it") &&
                       Catch::Contains("at most 5 points lost") && Catch::Contains("m: channels"));
  check_refused("report --protection m=" + s.file("pe.h5"), "a result of 'stuckat protect --json'");
}
