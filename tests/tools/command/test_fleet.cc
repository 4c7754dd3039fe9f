// stuckat fleet: from a lot of chips to what is sold, killed and resumed on the way.
#include <fstream>

#include "tests/tools/command/session.h"

using namespace stuckat;
using test::Outcome;
using test::run;
using test::Session;

namespace {

nlohmann::json fleet_json(const Session& s, const std::string& arguments) {
  const std::string path = s.file("out.json");
  const auto outcome = run(arguments + " --json " + path);
  INFO("stuckat " << arguments << "\n" << outcome.output);
  REQUIRE(outcome.code == 0);
  return nlohmann::json::parse(test::read_bytes(path));
}

std::string hardware(const Session& s) { return " " + s.model() + " --accelerator loopback:8x8 "; }

std::string images(const Session& s) { return s.data() + " --images 40 --validation-images 20 "; }

std::string measure(const Session& s) {
  return "fleet resilience" + hardware(s) + images(s) +
         "--rates 13,38 --repeats 2 --amounts 20,60 --batch 20 --learning-rate 0.005 ";
}

/// The lot, its resilience map, and the options of a plan that allows any accuracy above 5 %.
std::string planned(const Session& s) {
  if (!std::filesystem::exists(s.file("lot.h5"))) {
    fleet_json(s, "faults new --model " + s.model() +
                      " --accelerator loopback:8x8 --sites pe/dead --mean 1 --wafer 5 --chips 9 "
                      "--seed 3 -o " +
                      s.file("lot.h5"));
    fleet_json(s, measure(s) + "-o " + s.file("r.h5"));
  }
  return hardware(s) + "--lot " + s.file("lot.h5") + " --resilience " + s.file("r.h5") +
         " --accuracy 5 ";
}

/// A cluster of one node that runs what it is given at once: its environment.
std::string cluster(const Session& s) {
  std::filesystem::create_directories(s.file("bin"));
  const std::string sbatch = s.file("bin/sbatch");
  std::ofstream(sbatch) << R"(#!/bin/bash
script=${@: -1}
tasks=$(sed -n 's/^#SBATCH --array=0-//p' "$script")
for i in $(seq 0 "${tasks:-0}"); do
  SLURM_ARRAY_TASK_ID=$i bash "$script" >>"$script.log" 2>&1 || { cat "$script.log"; exit 1; }
done
echo 7
)";
  std::filesystem::permissions(sbatch, std::filesystem::perms::owner_all);
  return "PATH=" + s.file("bin") + ":/usr/bin:/bin";
}

}  // namespace

TEST_CASE("fleet: shards of a resilience map merge to the bytes of the whole, which show reads") {
  const Session s;
  auto whole = fleet_json(s, measure(s) + "-o " + s.file("whole.h5"));
  CHECK(whole["data"]["train_images"] == 40);
  CHECK(whole["data"]["validation_images"] == 20);
  CHECK(whole["data"]["train_hash"] != whole["data"]["validation_hash"]);
  whole.erase("data");  // which the file says by its hashes alone
  CHECK(whole["runs"].size() == 4);
  CHECK(whole["cost"] == 4 * 60);
  for (const char* shard : {"0", "1", "2"}) {
    fleet_json(s, measure(s) + "--shard " + shard + "/3 -o " + s.file(std::string(shard) + ".h5"));
  }
  fleet_json(s, measure(s) + "--seed 2 --shard 0/3 -o " + s.file("other.h5"));
  const std::string model = test::read_bytes(s.model());
  test::check_refused(
      "fleet merge " + s.file("0.h5") + " " + s.file("other.h5") + " -o " + s.file("x.h5"),
      "part 2 is of another configuration: seed, retraining");
  test::check_refused("fleet merge " + s.file("0.h5") + " -o " + s.model(), "stuckat-model");
  CHECK(test::read_bytes(s.model()) == model);
  fleet_json(s, "fleet merge " + s.file("0.h5") + " " + s.file("1.h5") + " " + s.file("2.h5") +
                    " -o " + s.file("merged.h5"));
  CHECK(test::read_bytes(s.file("merged.h5")) == test::read_bytes(s.file("whole.h5")));
  CHECK(fleet_json(s, "fleet show " + s.file("merged.h5")) == whole);
}

TEST_CASE("fleet: every policy is planned, and trained to the same bytes twice and by shards") {
  const Session s;
  const std::string options = planned(s);
  const auto plan = fleet_json(s, "fleet plan" + options);
  REQUIRE(plan["plans"].size() == 9);
  for (const auto& p : plan["plans"]) {
    size_t chips = 0;
    for (const auto& g : p["groups"]) chips += g["chips"].size();
    CHECK(chips == 9);
  }
  const std::string train =
      "fleet train" + options + images(s) + "--policies fap,reduce,efat,one --test-images 30 ";
  auto first = fleet_json(s, train + "--networks " + s.file("n") + " -o " + s.file("f.h5"));
  const auto of = first["data"];
  first.erase("data");
  REQUIRE(first["outcomes"].size() == 4);
  CHECK(first["outcomes"][0]["images"] == 0);
  for (const auto& o : first["outcomes"]) CHECK(o["test"].size() == 9);
  fleet_json(s, train + "--networks " + s.file("n") + " -o " + s.file("again.h5"));
  for (const char* shard : {"0/2", "1/2"}) {
    const auto outcome = run(train + "--networks " + s.file("m") + " --shard " + shard);
    REQUIRE(outcome.code == 0);
  }
  fleet_json(s, train + "--networks " + s.file("m") + " -o " + s.file("sharded.h5"));
  CHECK(test::read_bytes(s.file("again.h5")) == test::read_bytes(s.file("f.h5")));
  CHECK(test::read_bytes(s.file("sharded.h5")) == test::read_bytes(s.file("f.h5")));
  CHECK(fleet_json(s, "fleet show " + s.file("f.h5")) == first);

  // A chip of the deployed network: as the campaign engine counts it.
  const auto each = fleet_json(s, "fleet evaluate" + hardware(s) + "--lot " + s.file("lot.h5") +
                                      s.data() + " --images 30 --csv " + s.file("e.csv"));
  CHECK(each["accuracy"] == first["outcomes"][0]["test"]);
  CHECK(of["test_images"] == 30);
  CHECK(each["data"]["hash"] == of["test_hash"]);
  CHECK(each["data"]["name"] == of["name"]);

  // Prices: by hand.
  const auto profit = fleet_json(
      s, "fleet show " + s.file("f.h5") + " --prices 30:5,10:2 --network-price 3")["profit"];
  for (size_t p = 0; p < 4; ++p) {
    const auto& o = first["outcomes"][p];
    double revenue = 0;
    for (const double accuracy : o["test"]) revenue += accuracy >= 30 ? 5 : accuracy >= 10 ? 2 : 0;
    CHECK(profit["policies"][p]["revenue"] == revenue);
    CHECK(profit["policies"][p]["networks"] == 3 * o["networks"].get<int>());
  }
  CHECK(profit["best"][0]["image_price"] == 0);
  test::check_refused("fleet show " + s.file("f.h5") + " --prices 10:5,30:2", "do not fall");
  test::check_refused("fleet show " + s.file("f.h5") + " --network-price 2", "--prices");

  fleet_json(s, "report --fleet lot=" + s.file("f.h5") + " --resilience lot=" + s.file("r.h5") +
                    " --wafer 5 --prices 30:5,10:2 -o " + s.file("r.html"));
  const std::string page = test::read_bytes(s.file("r.html"));
  for (const char* text :
       {"Profit", "Resilience map", "Cost and yield", "E(f)", "Wafers", "sub-additive"}) {
    CHECK_THAT(page, Catch::Contains(text));
  }
}

TEST_CASE("fleet: jobs of a cluster retrain the groups to the bytes of one run") {
  const Session s;
  const std::string train = planned(s) + images(s) + "--policies reduce,efat --test-images 30 ";
  fleet_json(s, "fleet train" + train + "--networks " + s.file("n") + " -o " + s.file("f.h5"));
  const std::string submit = "fleet submit" + train + "--networks " + s.file("m") + " -o " +
                             s.file("jobs.h5") + " --shards 3 --cpus 2 ";
  const Outcome dry = run(submit + "--sbatch=--time=60 --retries 3 --dry-run");
  INFO(dry.output);
  CHECK(dry.code == 0);
  for (const char* text :
       {"#SBATCH --array=0-2\n", "#SBATCH --cpus-per-task=2\n", "#SBATCH --time=60\n",
        "fleet train", "'--policies=reduce,efat'",
        "--shard=\"$SLURM_ARRAY_TASK_ID/3\" --threads=2 &", "-lt 3", "jobs.h5'\n"}) {
    CHECK_THAT(dry.output, Catch::Contains(text));
  }
  CHECK(!std::filesystem::exists(s.file("jobs.h5.shards")));
  CHECK(run(submit, "PATH=/nonexistent").code == 3);
  test::check_refused(submit + "--sbatch time=3", "--sbatch");
  test::check_refused("fleet submit" + train + "--networks x", "no --output");

  test::check_refused("fleet submit" + planned(s) + s.data() +
                          " --images 30 --validation-images 20 --networks " + s.file("m") + " -o " +
                          s.file("jobs.h5"),
                      "other train images");

  const Outcome jobs = run(submit, cluster(s));
  INFO(jobs.output);
  REQUIRE(jobs.code == 0);
  CHECK_THAT(jobs.output, Catch::Contains(" groups of 9 chips: job 7 "));
  CHECK(test::read_bytes(s.file("jobs.h5")) == test::read_bytes(s.file("f.h5")));

  // Of repaired chips, too; what is chosen by measuring is left to the jobs.
  const std::string repair = "--repair spares,reschedule ";
  fleet_json(
      s, "fleet train" + train + repair + "--networks " + s.file("n") + " -o " + s.file("g.h5"));
  const Outcome repaired = run("fleet submit" + train + repair + "--networks " + s.file("m") +
                                   " --shards 2 -o " + s.file("repaired.h5"),
                               cluster(s));
  INFO(repaired.output);
  REQUIRE(repaired.code == 0);
  CHECK(test::read_bytes(s.file("repaired.h5")) == test::read_bytes(s.file("g.h5")));
}

TEST_CASE("fleet: jobs of a cluster measure a resilience map to the bytes of one run") {
  const Session s;
  const std::string options = measure(s).substr(std::string("fleet resilience").size()) +
                              "--repair reschedule --enough 90 --flip ";
  fleet_json(s, "fleet resilience" + options + "-o " + s.file("r.h5"));
  const std::string submit =
      "fleet submit-resilience" + options + "-o " + s.file("jobs.h5") + " --cpus 2 ";
  const Outcome dry = run(submit + "--shards 3 --retries 3 --dry-run");
  INFO(dry.output);
  CHECK(dry.code == 0);
  for (const char* text :
       {"#SBATCH --array=0-2\n", "#SBATCH --cpus-per-task=2\n", "fleet resilience",
        "'--rates=13,38'", "'--enough=90.0'", "'--flip'", "'--repair=reschedule'",
        "--shard=\"$SLURM_ARRAY_TASK_ID/3\" --threads=2 --output=\"$result\" &", "-lt 3",
        "fleet merge", "jobs.h5.shards/2-of-3.h5'", "'--output="}) {
    CHECK_THAT(dry.output, Catch::Contains(text));
  }
  CHECK_THAT(dry.output, !Catch::Contains("--shards") && !Catch::Contains("--retries"));
  CHECK(!std::filesystem::exists(s.file("jobs.h5.shards")));
  test::check_refused(submit + "--shards 5", "1 to 4 runs");
  std::string odd = submit;
  odd.replace(odd.find("--batch 20"), 10, "--batch 30");
  test::check_refused(odd + "--shards 3", "whole batches");
  test::check_refused("fleet submit-resilience" + options, "no --output");
  test::check_refused(measure(s) + "--shard 0/5 -o " + s.file("x.h5"), "at most 4 runs");

  // Tasks go on with what is there: all runs of one part, one of two of another.
  const std::string part = s.file("jobs.h5.shards/1-of-3.h5");
  std::filesystem::create_directories(s.file("jobs.h5.shards"));
  fleet_json(s, "fleet resilience" + options + "--shard 1/3 -o " + part);
  fleet_json(s,
             "fleet resilience" + options + "--shard 0/4 -o " + s.file("jobs.h5.shards/0-of-3.h5"));
  const auto time = std::filesystem::last_write_time(part);
  test::check_refused(submit + "--shards 3 --seed 2", "another configuration: seed, retraining");
  const Outcome jobs = run(submit + "--shards 3", cluster(s));
  INFO(jobs.output);
  REQUIRE(jobs.code == 0);
  CHECK_THAT(jobs.output, Catch::Contains("4 runs: job 7 "));
  CHECK(std::filesystem::last_write_time(part) == time);
  CHECK(test::read_bytes(s.file("jobs.h5")) == test::read_bytes(s.file("r.h5")));
}

TEST_CASE("fleet: repaired chips are never worse, and the same bytes by threads and shards") {
  const Session s;
  const std::string lot = planned(s);
  const std::string train = "fleet train" + lot + images(s) + "--policies none,fap,fixed " +
                            "--fixed-images 20 --test-images 30 --networks " + s.file("n");
  const auto plain = fleet_json(s, train + " -o " + s.file("f.h5"))["outcomes"];
  for (const std::string repair : {"reschedule", "spares", "spares,reschedule"}) {
    INFO(repair);
    const bool spares = repair != "reschedule";
    const std::string options = " --repair " + repair;
    const auto fleet = fleet_json(s, train + options + " --threads 1 -o " + s.file("a.h5"));
    const auto repaired = fleet["outcomes"];
    CHECK(repaired[0]["validation"] == plain[0]["validation"]);  // none: nothing is done
    for (size_t chip = 0; chip < 9; ++chip) {
      if (repair != "reschedule") break;
      CHECK(repaired[1]["validation"][chip] >= plain[1]["validation"][chip]);
    }
    CHECK(repaired[1]["images"] == 0);
    CHECK(repaired[1]["networks"] <= 1);
    CHECK(fleet["spares"]["pes"] == (spares ? 1 : 0));
    CHECK(fleet["spares"]["multipliers"] == (spares ? 8 : 0));
    if (spares) CHECK(repaired[2]["images"] <= plain[2]["images"]);
    // With other networks, threads and shards.
    const std::string again = train + "2" + options;
    for (const char* shard : {"0/2", "1/2"}) {
      REQUIRE(run(again + " --threads 3 --shard " + shard).code == 0);
    }
    fleet_json(s, again + " --threads 2 -o " + s.file("b.h5"));
    CHECK(test::read_bytes(s.file("a.h5")) == test::read_bytes(s.file("b.h5")));
    auto shown = fleet_json(s, "fleet show " + s.file("a.h5"));
    const std::string name = fleet["repair"];
    CHECK_THAT(run("fleet show " + s.file("a.h5")).output,
               Catch::Contains("each chip is repaired: " + name) && Catch::Contains("orders"));
    fleet_json(s, "report --fleet lot=" + s.file("a.h5") + " -o " + s.file("a.html"));
    const std::string page = test::read_bytes(s.file("a.html"));
    CHECK_THAT(page, Catch::Contains("repaired before any policy but 'none': " + name) &&
                         Catch::Contains(">orders</th>"));
    CHECK(spares == (page.find("8 multipliers") != std::string::npos));
    CHECK(shown["outcomes"] == repaired);
    CHECK_THAT(shown["repair"].get<std::string>(), Catch::Contains(repair.substr(0, 6)));
    // The deployed network on every repaired chip is policy fap; a line for each.
    const auto each = fleet_json(
        s, "fleet evaluate" + hardware(s) + "--lot " + s.file("lot.h5") + s.data() +
               " --images 30 --training-images 40 --validation-images 20 --threads 2 --csv " +
               s.file("e.csv") + options);
    CHECK(each["accuracy"] == repaired[1]["test"]);
    CHECK(each["healthy"] == fleet["deployed_test"]);
    CHECK(each["repaired"]["repair"] == fleet["repair"]);
    CHECK(each["repaired"]["spares"] == fleet["spares"]);
    CHECK(each["repaired"]["validation_hash"] == fleet["data"]["validation_hash"]);
    if (repair == "spares") CHECK(each["repaired"]["orders"] == 0);
    const std::string lines = test::read_bytes(s.file("e.csv"));
    CHECK_THAT(lines, Catch::StartsWith("chip,broken,correct,accuracy,left,order\n0,"));
    CHECK(std::count(lines.begin(), lines.end(), '\n') == 10);
    const auto plan = fleet_json(
        s, "fleet plan" + lot + images(s) + "--policies fap,fixed --fixed-images 20" + options);
    CHECK(plan["plans"][0]["expected_chips"] == plan["repaired"]["meeting"]);
    CHECK(plan["plans"][0]["expected_chips"] == repaired[1]["sold"]);
  }
}

TEST_CASE("fleet: chips with channels in another order are evaluated in it") {
  const Session s;
  planned(s);
  fleet_json(s, "faults new --model " + s.model() +
                    " --accelerator loopback:8x8 --sites pe/dead --mean 1 --chips 9 --seed 1 -o " +
                    s.file("other.h5"));
  const std::string lot =
      hardware(s) + "--lot " + s.file("other.h5") + s.data() + " --repair reschedule ";
  const auto fleet =
      fleet_json(s, "fleet train" + lot + "--resilience " + s.file("r.h5") +
                        " --accuracy 0 --images 40 --validation-images 20 --test-images 30 " +
                        "--policies fap --networks " + s.file("n") + " -o " + s.file("f.h5"));
  const auto each = fleet_json(s, "fleet evaluate" + lot +
                                      "--images 30 --training-images 40 --validation-images 20 " +
                                      "--csv " + s.file("e.csv"));
  CHECK(each["repaired"]["orders"] == fleet["outcomes"][0]["orders"]);
  CHECK(each["repaired"]["orders"] > 0);
  CHECK(each["accuracy"] == fleet["outcomes"][0]["test"]);
  std::ifstream lines(s.file("e.csv"));
  int moved = 0;
  for (std::string line; std::getline(lines, line);) moved += line.ends_with(",1") ? 1 : 0;
  CHECK(moved > 0);
}

TEST_CASE("fleet: with a spare PE for each broken one a chip is as a whole one") {
  const Session s;
  const auto fleet =
      fleet_json(s, "fleet train" + planned(s) + images(s) +
                        "--policies fap --test-images 0 --repair spares " +
                        "--spares 8 --networks " + s.file("n") + " -o " + s.file("f.h5"));
  CHECK(fleet["outcomes"][0]["sold"] == 9);
  CHECK(fleet["spares"]["pes"] == 8);
  for (const auto& accuracy : fleet["outcomes"][0]["validation"]) {
    CHECK(accuracy == fleet["deployed_validation"]);
  }
}

TEST_CASE("fleet: a resilience map of rescheduled chips is another one, and says so") {
  const Session s;
  fleet_json(s, measure(s) + "-o " + s.file("r.h5"));
  const auto map = fleet_json(s, measure(s) + "--repair reschedule -o " + s.file("o.h5"));
  CHECK(map["runs"].size() == 4);
  test::check_refused(measure(s) + "--repair reschedule -o " + s.file("r.h5"),
                      "another configuration");
}

TEST_CASE("fleet: a budget of 0 is FAP") {
  const Session s;
  const auto plan = fleet_json(s, "fleet plan" + planned(s) + "--budget 0");
  for (const auto& p : plan["plans"]) {
    CHECK(p["images"] == 0);
    CHECK(p["groups"] == plan["plans"][1]["groups"]);
  }
}

TEST_CASE("fleet: what does not fit together is refused") {
  const Session s;
  const std::string options = planned(s);
  test::check_refused("fleet plann", "plan");
  test::check_refused("fleet plan" + options + "--policies efatt", "efat");
  test::check_refused("fleet plan" + options + "--drop 1", "one of them");
  test::check_refused("fleet plan" + hardware(s) + "--lot " + s.file("lot.h5"), "--resilience");
  test::check_refused("fleet plan" + options + "--sites pe/output", "--sites pe/dead");
  test::check_refused("fleet train" + options + s.data() + " --images 30 --validation-images 20 " +
                          "--test-images 0 --networks " + s.file("n") + " -o " + s.file("f.h5"),
                      "other train images");
  test::check_refused("fleet train" + options + images(s) + "--policies efatt --networks " +
                          s.file("n") + " -o " + s.file("f.h5"),
                      "efat");
  CHECK(!std::filesystem::exists(s.file("n")));
  test::check_refused("fleet plan" + options + images(s), "without --repair");
  test::check_refused("fleet evaluate" + hardware(s) + "--lot " + s.file("lot.h5") + s.data() +
                          " --training-images 20",
                      "without --repair");
  test::check_refused("fleet plan" + options + images(s) + "--repair spare", "spares");
  test::check_refused("fleet plan" + options + images(s) + "--repair reschedule --spares 2",
                      "without --repair spares");
  test::check_refused("fleet resilience " + s.model() +
                          " --accelerator systolic:8x8 --sites systolic/bypass " + images(s) +
                          "--repair spares -o " + s.file("x"),
                      "spares");
  test::check_refused(measure(s) + "--seed 2 -o " + s.file("r.h5"), "another configuration");
  test::check_refused(
      "fleet resilience" + hardware(s) + images(s) + "--rates 1,38 -o " + s.file("x"),
      "breaks 0 of the 8 sites");
  test::check_refused(
      "fleet resilience" + hardware(s) + images(s) + "--rates 12,13 -o " + s.file("x"),
      "as many as the rate before");
}
