// Nothing of a user's is lost, nothing is taken for what it is not, and what is refused is told in
// one line.
#include <filesystem>
#include <map>
#include <sstream>
#include <tuple>

#include "tests/support/shared_data.h"
#include "tests/tools/command/session.h"
#include "workloads/json_file.h"

using namespace stuckat;
using Catch::Contains;
using test::check_refused;
using test::read_bytes;
using test::run;
using test::Session;
using test::write_bytes;

namespace fs = std::filesystem;

TEST_CASE(
    "an output does not replace a file of another kind, nor another campaign, but --force does") {
  const Session s;
  const std::string campaign = "campaign " + s.model() + s.data() + " --images 5 ";
  const std::string hardware = " --model " + s.model() + " --accelerator loopback:4x8 ";
  const std::string other = s.file("other.h5");
  fs::copy_file(s.model(), other);
  write_bytes(s.file("letter"), "Dear aunt,\n");
  write_bytes(s.file("picture"), std::string("\x89PNG\r\n\x1a\n\0\0", 10));
  const std::string model = read_bytes(other);
  for (const std::string& arguments :
       {campaign + "-o " + other, campaign + "-o " + other + " --resume",
        "explore " + s.model() + " --arrays 4x8 -o " + other,
        "faults new" + hardware + "--fault array/pe[1]/dead=-1 -o " + other,
        "campaign list " + s.model() + " -o " + other, campaign + "--json " + other + " -o x.h5",
        campaign + "--csv " + other + " -o x.h5",
        "report --model a=" + s.model() + " -o " + other}) {
    check_refused(arguments, "is there and holds stuckat-model");
  }
  check_refused("eval " + s.model() + s.data() + " --json " + s.file("letter"), "holds text");
  check_refused("report --model a=" + s.model() + " -o " + s.file("letter"), "holds text");
  check_refused(campaign + "--csv " + s.file("picture") + " -o x.h5", "holds something else");
  CHECK(read_bytes(other) == model);
  CHECK(read_bytes(s.file("letter")) == "Dear aunt,\n");

  const std::string result = s.file("c.h5");
  REQUIRE(run(campaign + "-o " + result).code == 0);
  const std::string bytes = read_bytes(result);
  const auto again = run(campaign + "-o " + result);
  CHECK(again.code == 0);
  CHECK_THAT(again.output, Contains("is finished already"));
  const std::string others[] = {"campaign " + s.model() + s.data() + " --images 4 -o " + result,
                                campaign + "--faults pixel -o " + result,
                                campaign + "--shard 0/2 -o " + result};
  for (const std::string& another : others) {
    check_refused(another, "holds another campaign");
    check_refused(another + " --resume", "holds another campaign");
    CHECK(read_bytes(result) == bytes);
  }
  CHECK_FALSE(fs::exists(result + ".journal"));
  CHECK(run(others[0] + " --force").code == 0);
  CHECK(read_bytes(result) != bytes);
  CHECK(run(campaign + "-o " + other + " --force").code == 0);
  CHECK(read_bytes(other) == bytes);
}

TEST_CASE("a link as output stays one, and devices that take nothing are refused before the work") {
  const Session s;
  fs::create_symlink("far.h5", s.file("link.h5"));
  CHECK(run("campaign " + s.model() + s.data() + " --images 5 -o " + s.file("link.h5")).code == 0);
  CHECK(fs::is_symlink(s.file("link.h5")));
  CHECK(run("campaign show " + s.file("far.h5")).code == 0);
  const std::string eval = "eval " + s.model() + s.data();
  CHECK_THAT(run(eval + " --json /dev/full").output, Contains("/dev/full: cannot be written"));
  check_refused("campaign " + s.model() + s.data() + " -o /dev/null", "is no regular file");
  CHECK(run("campaign " + s.model() + s.data() + " -o /dev/full").code == 3);
}

TEST_CASE("data that are not the model's are refused, and every result says which data it was") {
  const Session s;
  const auto with = [&](const std::string& name, const std::string& data,
                        const std::vector<std::string>& classes) {
    Network network = read_model(s.model());
    network.data = data;
    network.class_names = classes;
    write_model(s.file(name), network);
    return "eval " + s.file(name) + s.data();
  };
  const std::vector<std::string> cifar = {"Airplane", "AUTOMOBILE", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};
  auto turned = cifar;
  std::rotate(turned.begin(), turned.begin() + 1, turned.end());
  const std::vector<std::string> digits = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  const auto good = run(with("good.h5", "cifar10", cifar) + " --json " + s.file("e.json"));
  CHECK(good.code == 0);
  CHECK_THAT(good.output, Contains("cifar10, test images 0 to 59"));
  const auto json = nlohmann::json::parse(read_bytes(s.file("e.json")));
  CHECK(json["data"]["name"] == "cifar10");
  CHECK(json["data"]["hash"].get<std::string>().size() == 64);
  check_refused(with("turned.h5", "", turned), "classes have another order");
  check_refused(with("digits.h5", "", digits), "classes are not those of cifar10");
  check_refused(with("svhn.h5", "svhn", {}), "is a network for svhn");
  // Without --data: that of the model.
  check_refused("eval " + s.file("svhn.h5"), "--data svhn:PATH");
  check_refused("eval " + s.file("turned.h5"), "does not say which data it is for");
  check_refused("sim " + s.file("svhn.h5") + " --accelerator loopback:4x8", "--data svhn:PATH");
  check_refused("campaign " + s.file("svhn.h5") + " -o x.h5", "--data svhn:PATH");
}

TEST_CASE("replay refuses a model that was made anew under the name of the one of the result") {
  const Session s;
  REQUIRE(run("campaign " + s.model() + s.data() + " --images 5 -o " + s.file("c.h5")).code == 0);
  const std::string replay = "campaign replay " + s.file("c.h5") + " --fault layer0/channel[1]=1";
  CHECK(run(replay).code == 0);
  Network network = read_model(s.model());
  network.layers[0].weights[3] = static_cast<int8_t>(-network.layers[0].weights[3]);
  write_model(s.model(), network);
  check_refused(replay, "has changed since");
}

TEST_CASE("results are replayed and go on where their files have moved, and say where they look") {
  const Session s;
  const std::string from = s.file("from");
  const std::string to = s.file("to");
  fs::create_directory(from);
  fs::copy_file(s.model(), from + "/m.h5");
  fs::copy_file(s.file("images.bin"), from + "/images.bin");
  const std::string campaign = "campaign m.h5 --data cifar10:images.bin --images 8 -o ";
  const auto in_from = [&](const std::string& arguments) {
    return std::system(
        ("cd " + from + " && " + STUCKAT_COMMAND + " " + arguments + " >/dev/null 2>&1").c_str());
  };
  REQUIRE(in_from(campaign + "c.h5") == 0);
  REQUIRE(in_from(campaign + "whole.h5") == 0);
  // One that was stopped: the journal's header is all that it has.
  const std::string stop = "cd " + from + " && exec >/dev/null 2>&1; " + STUCKAT_COMMAND + " " +
                           campaign +
                           "u.h5 --verify 0 & while ! [ -e u.h5.journal ] && kill -0 $!; "
                           "do :; done; kill -TERM $!; wait $!";
  std::ignore = std::system(("bash -c '" + stop + "'").c_str());
  fs::rename(from, to);
  // Relative paths of another folder, and beside the result.
  const std::string replay = "campaign replay " + to + "/c.h5 --fault 'layer0/channel[1]=1'";
  CHECK(run(replay).code == 0);
  if (fs::exists(to + "/u.h5.journal")) {
    const auto resumed = run("campaign resume " + to + "/u.h5");
    INFO(resumed.output);
    CHECK(resumed.code == 0);
    CHECK(read_bytes(to + "/u.h5") == read_bytes(to + "/whole.h5"));
  }
  fs::rename(to + "/m.h5", s.file("elsewhere.h5"));
  fs::rename(to + "/images.bin", s.file("elsewhere.bin"));
  check_refused(replay, "m.h5");
  CHECK(run(replay + " --model " + s.file("elsewhere.h5") +
            " --data cifar10:" + s.file("elsewhere.bin"))
            .code == 0);
}

TEST_CASE("the images that the worst faults change are kept: as many as the campaign counts") {
  const Session s;
  const std::string campaign = "campaign " + s.model() + s.data() + " -o " + s.file("c.h5");
  REQUIRE(run(campaign + " --csv " + s.file("c.csv") + " --keep-images " + s.file("i.csv") +
              " --keep-worst 5")
              .code == 0);
  const std::string kept = read_bytes(s.file("i.csv"));
  std::istringstream lines(kept);
  std::string line;
  std::getline(lines, line);
  CHECK(line == "fault,image,label,before,now");
  std::map<std::string, int> counted;
  while (std::getline(lines, line)) ++counted[line.substr(0, line.find(','))];
  CHECK(counted.size() == 5);
  const std::string table = read_bytes(s.file("c.csv"));
  for (const auto& [fault, images] : counted) {
    INFO(fault);
    std::vector<std::string> fields;
    std::istringstream row(table.substr(table.find("\n" + fault + ",") + 1));
    while (fields.size() < 17 && std::getline(row, line, ',')) fields.push_back(line);
    CHECK(fields[16] == std::to_string(images));  // critical
  }
  check_refused(campaign + " --force --keep-worst 5", "--keep-images FILE");
}

TEST_CASE(
    "names that are too long, links in a circle, and values of 600 kB end in one short line") {
  const Session s;
  const std::string longest(300, 'n');
  fs::create_symlink("a", s.file("b"));
  fs::create_symlink("b", s.file("a"));
  fs::create_directory(s.file("d"));
  const std::string folder = s.file("d");
  const std::string hardware = " --accelerator loopback:4x8 ";
  for (const std::string& name : {longest + ".h5", s.file("a"), folder, s.file("no.h5")}) {
    for (const std::string& arguments :
         {"eval " + name + s.data(), "info model " + name, "campaign show " + name,
          "eval " + s.model() + " --data images:" + name,
          "eval " + s.model() + " --data cifar10:" + name,
          "eval " + s.model() + " --data svhn:" + name,
          "eval " + s.model() + " --data fashion-mnist:" + name,
          "sim " + s.model() + s.data() + " --accelerator loopback:" + name + ".json",
          "sim " + s.model() + s.data() + " --accelerator dataflow:" + name + ".json",
          "eval " + s.model() + s.data() + hardware + "--fault-map " + name,
          "report --sim a=" + name + " -o " + s.file("r.html"),
          "report --exploration a=" + name + " -o " + s.file("r.html"),
          "import bnn-pynq " + name + " -o " + s.file("i.h5"),
          "eval " + s.model() + s.data() + " --config " + name}) {
      check_refused(arguments, "");
    }
  }
  for (const std::string& output : {longest + ".json", s.file("a")}) {
    check_refused("eval " + s.model() + s.data() + " --json " + output, "");
  }
  check_refused("eval " + s.model() + s.data() + " --config /dev/null", "/dev/null");
  // One argument is at most 128 KiB.
  const std::string huge(120'000, 'x');
  for (const std::string& arguments :
       {"eval " + s.model() + " --data " + huge, "eval " + huge, "eval " + s.model() + " --" + huge,
        huge, "eval " + s.model() + s.data() + hardware + "--fault " + huge,
        "campaign " + s.model() + s.data() + " --faults " + huge + " -o " + s.file("c.h5"),
        "eval " + s.model() + s.data() + " --images " + huge}) {
    const auto outcome = run(arguments);
    CHECK(outcome.code == 2);
    CHECK(outcome.output.size() < 5000);
  }
  write_bytes(s.file("config"), "data = " + std::string(600'000, 'y') + "\n");
  const auto outcome = run("eval " + s.model() + " --config " + s.file("config"));
  CHECK(outcome.code == 2);
  CHECK(outcome.output.size() < 5000);
}

TEST_CASE("a file that may not grow ends with a line, not with a signal") {
  const Session s;
  const std::string line = "ulimit -f 8; " STUCKAT_COMMAND " faults new --model " + s.model() +
                           " --accelerator loopback:4x8 --sites pe/weight --rate 0.4 " +
                           "--chips 50 -o " + s.file("f.h5") + " 2>&1";
  FILE* pipe = popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output(4096, '\0');
  output.resize(fread(output.data(), 1, output.size(), pipe));
  CHECK(WEXITSTATUS(pclose(pipe)) == 3);
  CHECK_THAT(output, Contains("cannot be written"));
  CHECK_FALSE(fs::exists(s.file("f.h5")));
}

TEST_CASE("the documents that crashed or misled are refused") {
  const std::string cases = test::shared_data("cases");
  if (cases.empty()) return;
  const Session s;
  const std::string sim = "sim " + s.model() + s.data() + " --accelerator ";
  check_refused(sim + "dataflow:" + cases + "/json/deep-dataflow.json", "nested too deeply");
  const std::string report = "report -o " + s.file("r.html") + " ";
  check_refused(report + "--sim a=" + cases + "/json/deep-sim.json", "nested too deeply");
  check_refused(report + "--sim a=" + cases + "/json/sim-division-by-zero.json", "");
  check_refused(report + "--sim a=" + cases + "/json/sim-overflow.json", "9223372036854775807");
  check_refused(report + "--campaign a=" + cases + "/hdf5/report-fault-x.h5", "coordinate");
  check_refused(report + "--campaign a=" + cases + "/hdf5/report-fault-pe.h5", "");
  const auto model = run(report + "--model a=" + cases + "/hdf5/model-configuration.h5");
  CHECK(model.code != 1);
  CHECK(model.code < 128);
  CHECK_THAT(model.output, !Contains("internal error"));
  CHECK((!fs::exists(s.file("r.html")) || fs::file_size(s.file("r.html")) < 1'000'000));
  for (const auto& entry : fs::directory_iterator(cases + "/hdf5")) {
    for (const char* command : {"info model ", "campaign show ", "faults show "}) {
      const auto outcome = run(command + entry.path().string());
      INFO(command << entry.path() << ": " << outcome.output.substr(0, 500));
      CHECK((outcome.code == 0 || outcome.code == 2));
    }
  }
}

TEST_CASE("pictures give the scores that Pillow's conversion gives") {
  const std::string cases = test::shared_data("cases/pictures");
  if (cases.empty()) return;
  std::ifstream expected(cases + "/expected.txt");
  int pictures = 0;
  for (std::string line; std::getline(expected, line); ++pictures) {
    const std::string name = line.substr(0, line.find(' '));
    const auto outcome =
        run("eval " + cases + "/probe32.h5 --data images:" + cases + "/" + name + " --logits");
    INFO(outcome.output);
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.output, Contains("image 0:" + line.substr(name.size())));
  }
  CHECK(pictures == 3);
}
