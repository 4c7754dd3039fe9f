// Every command as a user has it.
#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "tests/tools/command/session.h"
#include "workloads/dataset.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using test::check_refused;
using test::Outcome;
using test::run;
using test::Session;

TEST_CASE("help of every command explains it and succeeds") {
  const Outcome top = run("--help");
  CHECK(top.code == 0);
  for (const char* command : {"train",
                              "eval",
                              "campaign",
                              "sim",
                              "faults new",
                              "faults show",
                              "faults lower",
                              "import",
                              "report",
                              "whatif",
                              "info model",
                              "info sites",
                              "campaign resume",
                              "campaign merge",
                              "campaign show",
                              "campaign replay",
                              "campaign submit",
                              "fleet submit",
                              "fleet submit-resilience",
                              "explore"}) {
    INFO(command);
    const Outcome help = run(std::string(command) + " --help");
    CHECK(help.code == 0);
    CHECK_THAT(help.output, Catch::Contains("Usage: stuckat") && Catch::Contains("--json"));
  }
  CHECK(run("info sites").code == 0);
  CHECK(run("info data").code == 0);
  CHECK(run("info networks").code == 0);
}

TEST_CASE("info MODEL says how sparse training was to be, and how sparse the network is") {
  const Session s;
  test::Random random(5);
  ZooOptions options;
  options.width = 0.0625;
  Network network = zoo_network("cnv-w2a2", options);
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  const std::string model = s.file("sparse.h5");
  write_model(
      model, network,
      {"", R"({"command":"train","method":"standard","percent":5,"width":0.0625,"epochs":3,)"
           R"("data":"cifar10","penalty":"l1","penalty-weight":0.25})"});
  const Outcome plain = run("info " + model);
  CHECK(plain.code == 0);
  CHECK_THAT(plain.output, Catch::Contains("3 epochs on cifar10, l1 penalty on activations, weight "
                                           "0.25\n") &&
                               !Catch::Contains("zeros"));
  check_refused("info " + model + " --images 3", "without --data");
  const Outcome outcome =
      run("info " + model + s.data() + " --images 3 --json -", "", "2>/dev/null");
  REQUIRE(outcome.code == 0);
  const auto zeros = nlohmann::json::parse(outcome.output).at("zeros");
  const DataSet data = read_dataset("cifar10:" + s.file("images.bin"), {});
  std::map<std::string, int64_t> counts, values;
  for (int image = 0; image < 3; ++image) {
    const auto tensors = reference::run(network, input_tensor(network, data, image));
    for (size_t i = 0; i < network.layers.size(); ++i) {
      const Layer& layer = network.layers[i];
      if (!layer.has_weights() || layer.accumulator_output) continue;
      for (const int32_t v : tensors[i + 1].values) counts[layer.name] += v == 0 ? 1 : 0;
      values[layer.name] += layer.output.size();
    }
  }
  CHECK(zeros.size() == counts.size());
  // The report takes what this command, `memory` and `sharpness` write.
  const std::string lots = "memory " + model + s.data() +
                           " --images 3 --accelerator dataflow:auto" +
                           " --chips 2 --rates 0.01,0.1 --json " + s.file("m.json");
  REQUIRE(run("info model " + model + s.data() + " --images 3 --json " + s.file("z.json")).code ==
          0);
  REQUIRE(run(lots).code == 0);
  REQUIRE(run("sharpness " + model + s.data() +
              " --images 3 --iterations 1 --repeats 2 --probes 2 " + "--json " + s.file("s.json"))
              .code == 0);
  const Outcome report =
      run("report --memory a=" + s.file("m.json") + " --sharpness a=" + s.file("s.json") +
          " --zeros a=" + s.file("z.json") + " -o " + s.file("r.html"));
  INFO(report.output);
  REQUIRE(report.code == 0);
  const std::string page = test::read_bytes(s.file("r.html"));
  for (const char* part : {"All memories", "<h3>Sharpness</h3>", "Zeros among activations"}) {
    CHECK_THAT(page, Catch::Contains(part));
  }
  check_refused("report --memory a=" + s.file("z.json"), "a result of 'stuckat memory --json'");
  check_refused("report --zeros a=" + s.file("m.json"), "a result of 'stuckat info model --json'");
  for (const auto& [layer, count] : counts) {
    const double share = static_cast<double>(count) / static_cast<double>(values[layer]);
    CHECK(zeros.at(layer).get<double>() == Approx(share).epsilon(1e-12));
  }
}

TEST_CASE("bad input gets exit code 2 and one line that says what was meant") {
  const Session s;
  const std::string eval = "eval " + s.model() + s.data();
  check_refused("evl", "did you mean 'eval'?");
  check_refused("eval", "no model");
  check_refused("eval /nonexistent.h5", "/nonexistent.h5");
  check_refused(eval + " --imges 3", "did you mean '--images'?");
  check_refused(eval + " --images three", "three");
  check_refused(eval + " --images 0", "--images");
  check_refused(eval + " --images 61", "61");
  check_refused(eval + " --half west", "--half");
  check_refused("eval " + s.model() + " --data nonsense", "nonsense");
  check_refused("eval " + s.file("images.bin") + s.data(), "images.bin");
  check_refused(eval + " --fault x/y=1", "--accelerator");
  check_refused(eval + " --accelerator loopback:4x4 --fault array/pe[9]/dead=1", "0 to 3");
  check_refused(eval + " --accelerator loopback:4x4 --fault array/pe[0]/dad=1", "did you mean");
  check_refused(eval + " --accelerator lopback:4x4 --fault array/pe[0]/dead=1", "did you mean");
  check_refused("sim " + s.model() + s.data(), "--accelerator");
  check_refused("sim " + s.model() + s.data() + " --accelerator dataflow:nonsense", "nonsense");
  check_refused("campaign " + s.model() + s.data(), "--output");
  check_refused("campaign " + s.model() + s.data() + " --faults chanel -o " + s.file("c.h5"),
                "did you mean 'channel'?");
  check_refused("campaign " + s.model() + s.data() + " --faults pe -o " + s.file("c.h5"),
                "accelerator");
  check_refused("campaign " + s.model() + s.data() + " --shard 2/2 -o " + s.file("c.h5"),
                "--shard");
  check_refused("campaign " + s.model() + s.data() + " -o /nonexistent/c.h5", "/nonexistent");
  check_refused("train --network cnv -o " + s.file("t.h5"), "cnv-w1a1");
  check_refused("train --method fat3 -o " + s.file("t.h5"), "did you mean");
  check_refused("faults show " + s.model(), "stuckat.fault-map");
  check_refused("report --campaign x -o " + s.file("r.html"), "LABEL=FILE");
  check_refused("report --sim x=" + s.model() + " -o " + s.file("r.html"), "m.h5");
  check_refused("import finn " + s.file("") + " -o " + s.file("t.h5"), "bnn-pynq");
  check_refused("import " + s.file("images.bin") + " -o " + s.file("t.h5"),
                "is of no known format");
  for (const char* name : {"c.h5", "t.h5", "r.html"}) {
    CHECK(!std::filesystem::exists(s.file(name)));
  }
}

TEST_CASE("campaign, its shards and its report: from a model to a page") {
  const Session s;
  const std::string base = "campaign " + s.model() + s.data() + " --faults channel ";
  const Outcome whole =
      run(base + "--threads 1 -o " + s.file("c.h5") + " --csv " + s.file("c.csv"));
  INFO(whole.output);
  REQUIRE(whole.code == 0);
  CHECK_THAT(whole.output, Catch::Contains("layer0") && Catch::Contains("error-free"));
  const std::string csv = test::read_bytes(s.file("c.csv"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 2 * 16);  // names, 16 channels x 2
  // Threads and shards change no byte.
  REQUIRE(run(base + "--threads 2 -o " + s.file("t2.h5")).code == 0);
  CHECK(test::read_bytes(s.file("t2.h5")) == test::read_bytes(s.file("c.h5")));
  REQUIRE(run(base + "--shard 0/2 -o " + s.file("s0.h5")).code == 0);
  REQUIRE(run(base + "--shard 1/2 -o " + s.file("s1.h5")).code == 0);
  REQUIRE(run("campaign merge " + s.file("s1.h5") + " " + s.file("s0.h5") + " -o " +
              s.file("merged.h5"))
              .code == 0);
  CHECK(test::read_bytes(s.file("merged.h5")) == test::read_bytes(s.file("c.h5")));
  check_refused("campaign merge " + s.file("s0.h5") + " -o " + s.file("bad.h5"), "missing");
  check_refused(
      "campaign merge " + s.file("s0.h5") + " " + s.file("s0.h5") + " -o " + s.file("bad.h5"),
      "s0.h5");
  // The same faults by name, from files that were written for it.
  for (const char* list : {"l.h5", "l.txt"}) {
    const Outcome listed =
        run("campaign list " + s.model() + " --faults channel -o " + s.file(list));
    CHECK(listed.code == 0);
    CHECK_THAT(listed.output,
               Catch::Contains("layer0/channel[0]=-1") && Catch::Contains("32 faults"));
    REQUIRE(run("campaign " + s.model() + s.data() + " --faults list:" + s.file(list) + " --csv " +
                s.file("l.csv") + " -o " + s.file(std::string("c-") + list) + ".h5")
                .code == 0);
    CHECK(test::read_bytes(s.file("l.csv")) == csv);
  }
  check_refused(base + "--margin 0.1 -o " + s.file("bad.h5"), "--sample");
  // One pair again, cycle by cycle: a stuck channel on hardware that does just that.
  const Outcome replay =
      run("campaign replay " + s.file("c.h5") +
          " --fault 'layer0/channel[3]=-1' --image 7 --json " + s.file("replay.json") +
          " --differences " + s.file("d.csv") + " --trace " + s.file("trace.json"));
  INFO(replay.output);
  REQUIRE(replay.code == 0);
  const auto replayed = nlohmann::json::parse(test::read_bytes(s.file("replay.json")));
  CHECK(replayed["agrees_with_reference"] == true);
  CHECK(replayed["tensors"][0]["differ"] == 0);
  // Tensors come out one after the other, and the file has a line for each element that differs.
  int64_t differ = 0;
  int64_t before = -1;
  for (const auto& tensor : replayed["tensors"]) {
    differ += tensor["differ"].get<int64_t>();
    CHECK(tensor["first_cycle"] > before);
    before = tensor["first_cycle"];
    CHECK(tensor["last_cycle"] >= before);
  }
  CHECK(replayed["cycles"] > before);
  const std::string differences = test::read_bytes(s.file("d.csv"));
  CHECK(differ > 0);
  CHECK(std::count(differences.begin(), differences.end(), '\n') == 1 + differ);
  CHECK(nlohmann::json::parse(test::read_bytes(s.file("trace.json")))["traceEvents"].size() > 4);
  check_refused("campaign replay " + s.file("c.h5") + " --fault 'layer0/chanel[3]=-1'",
                "layer0/channel[3]=-1");
  check_refused("campaign replay " + s.file("c.h5") + " --fault 'layer0/channel[3]=-1' --image 60",
                "0 to 59");
  // PE faults of an accelerator, a simulation with faults, the page.
  REQUIRE(run("campaign " + s.model() + s.data() + " --faults pe --accelerator loopback:4x8 -o " +
              s.file("pe.h5") + " --json " + s.file("pe.json"))
              .code == 0);
  const auto summary = nlohmann::json::parse(test::read_bytes(s.file("pe.json")));
  CHECK(summary["pes"].size() == 4);
  CHECK(summary["pes"][3]["faults"] == 2);
  CHECK(summary["classes"].get<int>() + summary["collapsed"].get<int>() == 8);
  REQUIRE(run(base + "--sample --margin 0.2 --confidence 0.9 -o " + s.file("sample.h5") +
              " --json " + s.file("sample.json"))
              .code == 0);
  const auto sample = nlohmann::json::parse(test::read_bytes(s.file("sample.json")));
  CHECK(sample["estimates"].back()["population"] == 32);
  const auto& estimated = sample["estimates"].back()["accuracy"];
  CHECK(estimated["value"].get<double>() == Approx(sample["mean"].get<double>()));
  CHECK(estimated["low"] <= sample["mean"]);
  CHECK(sample["sample"] == true);
  CHECK(sample["worst_loss"]["low"] <= sample["worst_loss"]["value"]);
  const Outcome sim =
      run("sim " + s.model() + s.data() +
          " --images 2 --accelerator loopback:4x8 --fault 'array/pe[1]/accumulator[2]=1' --json " +
          s.file("sim.json"));
  INFO(sim.output);
  REQUIRE(sim.code == 0);
  CHECK_THAT(sim.output, Catch::Contains("every tensor equals what the fault analysis predicts"));
  const Outcome report = run("report --model m=" + s.model() + " --campaign m=" + s.file("c.h5") +
                             " --campaign m=" + s.file("pe.h5") + " --sim m=" + s.file("sim.json") +
                             " -o " + s.file("r.html"));
  INFO(report.output);
  REQUIRE(report.code == 0);
  CHECK_THAT(test::read_bytes(s.file("r.html")),
             Catch::Contains("<svg") && Catch::Contains("accumulator[2]"));
}

TEST_CASE("eval takes the paper's faults by name, and says what a campaign says of them") {
  const Session s;
  const std::string eval = "eval " + s.model() + s.data() + " --json " + s.file("e.json") + " ";
  const std::string campaign = "campaign " + s.model() + s.data() + " --json " + s.file("c.json") +
                               " -o " + s.file("c.h5") + " --force --faults id:";
  for (const char* fault :
       {"layer0/channel[3]=-1", "layer1/pixel[1,1]=1", "layer0/pixel:before-pool[2,3]=1"}) {
    INFO(fault);
    REQUIRE(run(eval + "--fault '" + fault + "'").code == 0);
    REQUIRE(run(campaign + "'" + fault + "'").code == 0);
    const auto one = nlohmann::json::parse(test::read_bytes(s.file("e.json")));
    const auto of_many = nlohmann::json::parse(test::read_bytes(s.file("c.json")));
    CHECK(one["accuracy"].get<double>() == Approx(of_many["min"].get<double>()));
    CHECK(one["accuracy_fault_free"] == of_many["error_free"]);
    CHECK(one["faults"][0] == fault);
  }
  check_refused(eval + "--fault layer0/channel[99]=1", "0 to 7");
  check_refused(eval + "--fault layer0/channel[1]=1 --accelerator loopback:4x8", "no hardware");
  check_refused(eval + "--fault layer0/channel[1]=1 --fault array/pe[1]/dead=1", "either of them");
  check_refused(eval + "--fault array/pe[1]/dead=1", "without an accelerator");
}

TEST_CASE("what is submitted to Slurm is shown on request, and wrong input is not submitted") {
  const Session s;
  const std::string submit =
      "campaign submit " + s.model() + s.data() + " -o \"" + s.file("it's.h5") + "\"";
  const Outcome dry =
      run(submit + " --shards 4 --cpus 3 --faults pixel --sbatch=--time=60 --dry-run");
  INFO(dry.output);
  CHECK(dry.code == 0);
  for (const char* text :
       {"#SBATCH --array=0-3\n", "#SBATCH --cpus-per-task=3\n", "#SBATCH --time=60\n",
        "'--faults=pixel'", "--shard=\"$SLURM_ARRAY_TASK_ID/4\"", "it'\\''s.h5.shards/3-of-4.h5'",
        "--resume", "campaign merge"}) {
    CHECK_THAT(dry.output, Catch::Contains(text));
  }
  const Outcome nowhere = run(submit + " --shards 4", "PATH=/nonexistent");
  CHECK(nowhere.code == 3);  // another machine may have it
  CHECK_THAT(nowhere.output, Catch::Contains("no sbatch"));
  const Outcome percent = run("campaign submit " + s.model() + s.data() + " -o " +
                              s.file("50%a.h5") + " --shards 2 --retries 3 --dry-run");
  // sbatch would put the task into the name; a task is queued again by array and index.
  CHECK_THAT(percent.output,
             Catch::Contains("50%%a.h5.shards/%a.log\"") &&
                 Catch::Contains("50%a.h5.shards'/$SLURM_ARRAY_TASK_ID-of-2.h5") &&
                 Catch::Contains("requeue \"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\"") &&
                 Catch::Contains("${SLURM_RESTART_COUNT:-0}\" -lt 3"));
  check_refused(submit + " --shards 61", "1 to 60 images");
  check_refused(submit + " --faults pe", "accelerator");
  check_refused(submit + " --sbatch time=3", "--sbatch");
  CHECK(!std::filesystem::exists(s.file("it's.h5.shards")));
}

TEST_CASE("a run with --resume starts, goes on, or finds that all is done") {
  const Session s;
  const std::string base = "campaign " + s.model() + s.data() + " --resume -o " + s.file("c.h5");
  CHECK(run(base).code == 0);
  const std::string first = test::read_bytes(s.file("c.h5"));
  CHECK_THAT(run(base).output, Catch::Contains("is finished already"));
  CHECK(test::read_bytes(s.file("c.h5")) == first);
  CHECK_THAT(run("campaign resume " + s.file("c.h5")).output, Catch::Contains("is finished"));
  CHECK(test::read_bytes(s.file("c.h5")) == first);
}

TEST_CASE("explore: designs, budgets, the worst dead PE, files, the page") {
  const Session s;
  const std::string explore = "explore " + s.model() + " ";
  REQUIRE(run("campaign " + s.model() + s.data() +
              " --images 20 --faults pe --accelerator loopback:4x8 -o " + s.file("pe.h5"))
              .code == 0);
  const Outcome some =
      run(explore + "--foldings 3 --arrays 4x8,2x8 --bandwidth 2,8 --fifo " +
          "given,smallest,3 --clock 100,200 --campaign " + s.file("pe.h5") + " -o " +
          s.file("e.h5") + " --csv " + s.file("e.csv") + " --json " + s.file("e.json"));
  INFO(some.output);
  REQUIRE(some.code == 0);
  CHECK(nlohmann::json::parse(test::read_bytes(s.file("e.json")))["designs"] ==
        3 * 3 * 2 + 2 * 2 * 2);
  // The campaign's placement is that of the 4x8 array, whatever its clock and memory: 4 designs.
  const std::string csv = test::read_bytes(s.file("e.csv"));
  size_t examined = 0;
  for (size_t at = 0; (at = csv.find("/dead=", at)) != std::string::npos; ++at) ++examined;
  CHECK(examined == 4);
  REQUIRE(run(explore + s.data() + " --images 20 --arrays 4x8 --worst-case --csv " +
              s.file("w.csv") + " --designs " + s.file("designs"))
              .code == 0);
  // Run here or taken from a campaign: the same accuracies.
  const std::string own = test::read_bytes(s.file("w.csv"));
  const auto worst = [](const std::string& text) {  // error-free, worst, which
    const size_t in_fault = text.find("/dead=");
    size_t first = in_fault;
    for (int field = 0; field < 3; ++field) first = text.rfind(',', first - 1);
    return text.substr(first, text.find(',', in_fault) - first);
  };
  CHECK(worst(own) == worst(csv));
  CHECK(run("sim " + s.model() + s.data() +
            " --images 1 --accelerator loopback:" + s.file("designs/0.json"))
            .code == 0);
  // A frame rate is reached, by the smallest folding that does, whatever the FIFOs.
  REQUIRE(run(explore + "--fps 20000 --fifo given,smallest,64 --csv " + s.file("f.csv")).code == 0);
  std::istringstream rows(test::read_bytes(s.file("f.csv")));
  std::string row;
  std::getline(rows, row);
  int rates = 0;
  for (; std::getline(rows, row); ++rates) {
    size_t field = 0;
    for (int comma = 0; comma < 12; ++comma) field = row.find(',', field) + 1;
    CHECK(std::stod(row.substr(field)) >= 20000);
  }
  CHECK(rates == 3);
  check_refused(explore + "--fps 1e8", "of the fastest folding");
  const Outcome budget = run(explore + "--foldings 50 --max-pes 9");
  CHECK(budget.code == 0);
  CHECK_THAT(budget.output, Catch::Contains("outside of the budgets"));
  REQUIRE(run("report --exploration small=" + s.file("e.h5") + " -o " + s.file("r.html")).code ==
          0);
  CHECK_THAT(test::read_bytes(s.file("r.html")),
             Catch::Contains("Design space") && Catch::Contains("worst dead PE"));
  check_refused(explore, "nothing to explore");
  check_refused(explore + "--foldings 3 --max-pes 1", "budgets");
  check_refused(explore + "--foldings 3 --fifo smalest", "did you mean 'smallest'?");
  check_refused(explore + "--foldings 3 --fifo 0", "--fifo");
  check_refused(explore + "--arrays 4by8", "4by8");
  check_refused("explore tfc-w1a1 --arrays 4x8 --worst-case", "no trained parameters");
  check_refused(explore + "--fps fast", "--fps");
  check_refused("explore cnv-w1a7 --foldings 3", "cnv-w1a7");
}

TEST_CASE("timing alone needs no model file") {
  const Session s;
  const Outcome named = run(
      "sim cnv-w1a1 --accelerator dataflow:bnn-pynq-cnv-w1a1 --timing-only --images 1330 --json " +
      s.file("t.json"));
  INFO(named.output);
  REQUIRE(named.code == 0);
  CHECK(nlohmann::json::parse(test::read_bytes(s.file("t.json")))["total_cycles"] == 43781239);
  REQUIRE(run("report --sim cnv=" + s.file("t.json") + " -o " + s.file("t.html")).code == 0);
  CHECK_THAT(test::read_bytes(s.file("t.html")), Catch::Contains("words in it"));
  check_refused("sim cnv-w1a9 --accelerator loopback:4x4 --timing-only", "cnv-w1a9");
}

TEST_CASE("explore: a run that was stopped goes on where it was") {
  const Session s;
  const std::string explore = "explore " + s.model() + s.data() +
                              " --images 10 --foldings 3 --fifo given,smallest --arrays 2x8 "
                              "--worst-case -o " +
                              s.file("e.h5");
  const auto answers = [&](const char* file) {
    return nlohmann::json::parse(test::read_bytes(s.file(file)));
  };
  REQUIRE(run(explore + " --csv " + s.file("whole.csv") + " --json " + s.file("whole.json")).code ==
          0);
  CHECK(answers("whole.json")["resumed"] == 0);
  CHECK_FALSE(std::filesystem::exists(s.file("e.h5.journal")));
  // Killed at the very end, by a pipe that nobody reads: everything is known but for the line that
  // was being written.
  run(explore + " --force --csv /dev/stdout | true");
  std::string journal = test::read_bytes(s.file("e.h5.journal"));
  const auto lines = std::count(journal.begin(), journal.end(), '\n');
  journal.resize(journal.size() - 20);
  test::write_bytes(s.file("e.h5.journal"), journal);
  REQUIRE(run(explore + " --csv " + s.file("rest.csv") + " --json " + s.file("rest.json")).code ==
          0);
  CHECK(answers("rest.json")["resumed"] >= lines - 2);  // all but the title and the last
  CHECK(answers("rest.json")["timings"] <= 1);
  CHECK(test::read_bytes(s.file("rest.csv")) == test::read_bytes(s.file("whole.csv")));
  CHECK_FALSE(std::filesystem::exists(s.file("e.h5.journal")));
  check_refused(explore.substr(0, explore.rfind(' ')) + " " + s.file("no/folder.h5"), "no/folder");
}

TEST_CASE("a damaged simulation file is refused, never crashed on") {
  const Session s;
  const std::string report = "report --model m=" + s.model() + " --sim m=" + s.file("sim.json") +
                             " -o " + s.file("r.html");
  REQUIRE(run("sim " + s.model() + s.data() + " --images 1 --accelerator loopback:4x8 --json " +
              s.file("sim.json"))
              .code == 0);
  REQUIRE(run(report).code == 0);
  const std::string good = test::read_bytes(s.file("sim.json"));
  test::Random random(5);
  for (int i = 0; i < 40; ++i) {
    std::string bad = test::damaged(good, random);
    test::write_bytes(s.file("sim.json"), bad);
    const Outcome outcome = run(report);
    INFO(bad << outcome.output);
    CHECK((outcome.code == 0 || outcome.code == 2));  // a changed digit is still a number
  }
  for (const char* bad : {"", "[]", "{}", "nul", "{\"schema\": 3}", "[[[[[[[["}) {
    test::write_bytes(s.file("sim.json"), bad);
    check_refused(report, "sim.json");
  }
}

TEST_CASE("a fault map made by hand or at random reads back, and lowers to text") {
  const Session s;
  const std::string hardware = " --model " + s.model() + " --accelerator loopback:4x8 ";
  REQUIRE(run("faults new" + hardware + "--fault array/pe[1]/dead=-1 -o " + s.file("f.h5")).code ==
          0);
  CHECK_THAT(run("faults show " + s.file("f.h5")).output, Catch::Contains("array/pe[1]/dead=-1"));
  const Outcome lowered = run("faults lower " + s.file("f.h5") + hardware);
  CHECK_THAT(lowered.output, Catch::Contains("channels 1, 5 of layer0 stuck at -1"));
  REQUIRE(run("faults new" + hardware + "--sites pe/weight --rate 0.05 --seed 4 --chips 3 -o " +
              s.file("g.h5"))
              .code == 0);
  const Outcome eval =
      run("eval " + s.model() + s.data() + " --accelerator loopback:4x8 --fault-map " +
          s.file("g.h5") + " --chip 2 --json " + s.file("e.json"));
  INFO(eval.output);
  REQUIRE(eval.code == 0);
  const auto json = nlohmann::json::parse(test::read_bytes(s.file("e.json")));
  CHECK(json["images"] == 60);
  check_refused(
      "eval " + s.model() + s.data() + " --accelerator loopback:8x8 --fault-map " + s.file("f.h5"),
      "loopback:4x8");
}

TEST_CASE("a network is trained, resumed from its checkpoint and evaluated") {
  const Session s;
  const std::string base =
      "train --network tfc-w1a1 --images 400 --validation-images 100 --test-images 100 --batch 50 ";
  const Outcome straight = run(base + "--epochs 2 -o " + s.file("a.h5"));
  INFO(straight.output);
  REQUIRE(straight.code == 0);
  REQUIRE(run(base + "--epochs 2 --checkpoint " + s.file("k.h5") + " -o " + s.file("b.h5")).code ==
          0);
  REQUIRE(run("eval " + s.file("a.h5") + " --images 50").code == 0);
  CHECK(test::read_bytes(s.file("a.h5")) == test::read_bytes(s.file("b.h5")));
  const std::string resumed = " --checkpoint " + s.file("k.h5") + " -o " + s.file("b.h5");
  REQUIRE(run(base + "--epochs 2 --csv " + s.file("h.csv") + resumed).code == 0);
  const std::string history = test::read_bytes(s.file("h.csv"));
  CHECK_THAT(history, Catch::StartsWith("epoch,learning_rate,loss,train_accuracy,") &&
                          Catch::Contains("\n1,0.02,") && Catch::Contains("\n2,0.02,"));
  CHECK(std::count(history.begin(), history.end(), '\n') == 3);
  // More epochs go on from those that are done, to what a run of so many comes to.
  const Outcome more = run(base + "--epochs 3" + resumed);
  INFO(more.output);
  CHECK(more.code == 0);
  CHECK_THAT(more.output, Catch::Contains("resumed from epoch 2\n"));
  REQUIRE(run(base + "--epochs 3 -o " + s.file("d.h5")).code == 0);
  CHECK(read_model(s.file("b.h5")) == read_model(s.file("d.h5")));
  check_refused(base + "--epochs 2" + resumed, "has 3 epochs of the 2 wanted");
  check_refused(base + "--epochs 4 --schedule cosine" + resumed, "schedule");
  check_refused(base + "--epochs 2 --seed 4" + resumed, "(seed 1, now 4)");
  check_refused("train --network tfc-w1a1 --width 0.5 --images 50 --test-images 50 --from " +
                    s.file("k.h5") + " -o " + s.file("c.h5"),
                "does not fit tfc-w1a1");
}

TEST_CASE("a training that is stopped keeps its epochs beside the output, and goes on") {
  const Session s;
  const std::string output = s.file("t.h5");
  const std::string checkpoint = output + ".checkpoint";
  const std::string base = "train --network tfc-w1a1 --images 400 --test-images 0 --batch 10 ";
  const std::string train = base + "--epochs 200000 -o " + output;
  for (const auto& [signal, code] : {std::pair{"INT", 130}, std::pair{"TERM", 143}}) {
    // As soon as there is an epoch more.
    const std::string script = std::string("exec >/dev/null 2>") + s.file("told") +
                               "; touch mark; " + STUCKAT_COMMAND + " " + train + " & until [ " +
                               checkpoint + " -nt mark ]; do sleep 0.01; done; kill -" + signal +
                               " $!; wait $!";
    const int status = std::system(("cd " + s.file("") + " && bash -c '" + script + "'").c_str());
    INFO(test::read_bytes(s.file("told")));
    CHECK(WEXITSTATUS(status) == code);
    CHECK_THAT(test::read_bytes(s.file("told")), Catch::Contains("the same command goes on from"));
    CHECK(std::filesystem::exists(checkpoint));
    CHECK_FALSE(std::filesystem::exists(output));
  }
  check_refused(base + "--epochs 200000 --seed 2 -o " + output, "(seed 1, now 2)");
  CHECK(run(base + "--epochs 1 --force -o " + output).code == 0);
  CHECK(std::filesystem::exists(output));
  CHECK_FALSE(std::filesystem::exists(checkpoint));
}

TEST_CASE("train refuses options without effect, and methods that inject nothing") {
  const Session s;
  const std::string train = "train --images 50 --test-images 50 --epochs 1 -o " + s.file("t.h5");
  for (const char* option :
       {"--injection pixel", "--site before-pool", "--convolutions-only", "--percent 3",
        "--percent-schedule 0:3", "--sites pe/dead", "--draw batch", "--accelerator loopback:4x4",
        "--chip 1", "--schedule cosine --step-epochs 3", "--schedule cosine --step-factor 0.1",
        "--from-keep last"}) {
    const std::string name = option;
    const size_t last = name.rfind("--");
    check_refused(train + " " + name, name.substr(last, name.find(' ', last) - last));
  }
  const std::string placed = train + " --method fat-placement --accelerator loopback:4x4 ";
  check_refused(placed + "--injection pixel", "--injection");
  check_refused(placed + "--convolutions-only", "--convolutions-only");
  check_refused(placed + "--sites pe/accumulator", "pe/accumulator");
  check_refused(train + " --network tfc-w1a1 --method fat2 --injection pixel", "inject nothing");
  check_refused(
      "train --images 2 --validation-images 50 --test-images 0 --epochs 1 -o " + s.file("t.h5"),
      "no training image");
  check_refused("train --images 50 --epochs 1" + s.data() + " -o " + s.file("t.h5"), "test half");
  CHECK(!std::filesystem::exists(s.file("t.h5")));
}

TEST_CASE("where train writes is looked at first, and devices are written to, not replaced") {
  const Session s;
  std::filesystem::create_symlink("/dev/null", s.file("device"));
  const std::string train = "train --network tfc-w1a1 --images 50 --test-images 50 --epochs 1 ";
  check_refused(train + "-o " + s.file("device"), "no regular file");
  check_refused(train + "-o " + s.file(""), "no file name");
  check_refused(train + "-o " + s.file("t.h5") + " --checkpoint " + s.file("t.h5"), "same file");
  check_refused(train + "-o " + s.file("t.h5") + " --json /nonexistent/j", "/nonexistent");
  CHECK(!std::filesystem::exists(s.file("t.h5")));
  REQUIRE(run(train + "-o " + s.file("t.h5") + " --json " + s.file("device")).code == 0);
  const Outcome few =
      run("train --network tfc-w1a1 --images 2 --test-images 50 --epochs 1 --batch 2 -o " +
          s.file("t.h5"));
  CHECK_THAT(few.output, Catch::Contains("the 2 training images show 2 of 10 classes"));
  CHECK(std::filesystem::is_symlink(s.file("device")));
}
