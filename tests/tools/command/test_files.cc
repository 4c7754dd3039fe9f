// No output destroys an input, another output or somebody else's file.
#include <filesystem>

#include "tests/tools/command/session.h"

using namespace stuckat;
using test::check_refused;
using test::read_bytes;
using test::run;
using test::Session;
using test::write_bytes;

namespace fs = std::filesystem;

TEST_CASE("an output that is an input, or another output, is refused, whatever it is called") {
  const Session s;
  const std::string model = read_bytes(s.model());
  const std::string hardware = " --model " + s.model() + " --accelerator loopback:4x8 ";
  const std::string explore = "explore " + s.model() + " --arrays 4x8 ";
  const std::string campaign = "campaign " + s.model() + s.data() + " --images 5 ";
  REQUIRE(run(campaign + "--faults pe --accelerator loopback:4x8 -o " + s.file("pe.h5")).code == 0);
  REQUIRE(
      run("faults new" + hardware + "--fault array/pe[1]/dead=-1 -o " + s.file("map.h5")).code ==
      0);
  fs::create_symlink(s.model(), s.file("link.h5"));
  write_bytes(s.file("a.json"), "{}");
  fs::create_directory(s.file("d"));
  const std::string roundabout = fs::path(s.model()).parent_path() / "." / "m.h5";
  const std::string cases[] = {
      explore + "-o " + s.model(),
      explore + "-o " + roundabout,
      explore + "-o " + s.file("link.h5"),
      explore + "--csv " + s.model(),
      explore + "--json " + s.model(),
      explore + "--campaign " + s.file("pe.h5") + " -o " + s.file("pe.h5"),
      explore + "--accelerator loopback:" + s.file("a.json") + " --csv " + s.file("a.json"),
      explore + "-o " + s.file("x") + " --csv " + s.file("x"),
      explore + "-o " + s.file("x") + " --designs " + s.file("x"),
      explore + "--csv " + s.file("d/0.json") + " --designs " + s.file("d"),
      explore + "-o " + s.file("x") + " --csv " + s.file("x.journal"),
      campaign + "-o " + s.model(),
      campaign + "-o " + s.file("images.bin"),
      campaign + "-o " + s.file("x") + " --json " + s.file("x"),
      campaign + "-o " + s.file("x") + " --csv " + s.file("x.journal"),
      campaign + "--faults map:" + s.file("no.h5") + "," + s.file("map.h5") + " -o " +
          s.file("map.h5"),
      "campaign merge " + s.file("pe.h5") + " -o " + s.file("pe.h5"),
      "campaign show " + s.file("pe.h5") + " --csv " + s.file("pe.h5"),
      "campaign resume " + s.file("pe.h5") + " --json " + s.file("pe.h5"),
      "campaign list " + s.model() + " -o " + s.model(),
      "campaign submit " + s.model() + s.data() + " -o " + s.model(),
      "campaign replay " + s.file("pe.h5") + " --fault array/pe[1]/dead=1 --trace " + s.model(),
      "sim " + s.model() + s.data() + " --accelerator loopback:4x8 --json " + s.model(),
      "eval " + s.model() + s.data() + " --json " + s.model(),
      "info model " + s.model() + " --json " + s.model(),
      "whatif " + s.model() + s.data() + " --accelerator loopback:4x8 --fault x -o " + s.model(),
      "train --from " + s.model() + s.data() + " -o " + s.model(),
      "train" + s.data() + " -o " + s.file("x") + " --checkpoint " + s.file("x"),
      "report --model m=" + s.model() + " -o " + s.model(),
      "faults new" + hardware + "--from " + s.file("map.h5") + " -o " + s.file("map.h5"),
      "faults union " + s.file("map.h5") + " " + s.file("pe.h5") + " -o " + s.file("map.h5"),
      "faults convert " + s.file("map.h5") + " " + s.file("map.h5"),
      "faults show " + s.file("map.h5") + hardware + "--svg " + s.file("map.h5"),
      "faults lower " + s.file("map.h5") + hardware + "--json " + s.file("map.h5"),
      "faults pessimism-page x=" + s.file("pe.h5") + " --json " + s.file("p.svg") + " -o " +
          s.file("p.md"),
  };
  for (const std::string& arguments : cases) {
    // The model of a replay is known from the result alone: its kind saves it.
    const std::string text =
        arguments.find("d/0.json") != std::string::npos ? "lies in the folder of --designs"
        : arguments.find("replay") != std::string::npos ? "holds stuckat-model"
                                                        : "is the same file as";
    check_refused(arguments, text);
  }
  CHECK(read_bytes(s.model()) == model);
  for (const char* name : {"x", "x.journal", "m.h5.journal", "pe.h5.journal", "p.svg"}) {
    CHECK_FALSE(fs::exists(s.file(name)));
  }
  // What is no file is written to, not replaced, and may repeat.
  fs::create_symlink("/dev/null", s.file("null"));
  CHECK(run(explore + "--csv " + s.file("null") + " --json " + s.file("null")).code == 0);
  CHECK(fs::is_symlink(s.file("null")));
}

TEST_CASE("an output that is no file name is refused before anything is made") {
  const Session s;
  fs::create_directory(s.file("folder"));
  const std::string explore = "explore " + s.model() + " --arrays 4x8 ";
  check_refused(explore + "-o " + s.file("folder"), "is no file name");
  check_refused(explore + "-o ''", "is no file name");
  check_refused(explore + "-o " + s.file("no/e.h5"), "no/e.h5");
  check_refused(explore + "--csv " + s.file("no/e.csv"), "no/e.csv");
  fs::create_symlink("/dev/null", s.file("null"));
  check_refused(explore + "-o " + s.file("null"), "is no regular file");
  check_refused("campaign " + s.model() + s.data() + " -o ''", "is no file name");
  check_refused("campaign " + s.model() + s.data() + " -o " + s.file("folder"), "is no file name");
  CHECK_FALSE(fs::exists(s.file("folder.journal")));
  CHECK_FALSE(fs::exists(".journal"));
  CHECK_FALSE(fs::exists(s.file("null.journal")));
}

TEST_CASE("explore: a journal of somebody else is left alone, one that is damaged is refused") {
  const Session s;
  const std::string explore =
      "explore " + s.model() + " --arrays 4x8 --foldings 2 -o " + s.file("e.h5");
  const std::string journal = s.file("e.h5.journal");
  for (const std::string foreign : {"dear diary\n", "{\"question\":5,\"answer\":1}\n"}) {
    write_bytes(journal, foreign);
    check_refused(explore, "is no journal of an exploration");
    CHECK(read_bytes(journal) == foreign);
  }
  const std::string title = "stuckat explore journal 1\n";
  for (const std::string line : {"{\"question\":5,\"answer\":1}", "7", "{}",
                                 "{\"question\":\"a\",\"answer\":1,\"check\":\"b\"}"}) {
    write_bytes(journal, title + line + "\n");
    check_refused(explore, "line 2 is damaged");
  }
  // Torn off in its title: nothing is lost.
  write_bytes(journal, title.substr(0, 9));
  CHECK(run(explore).code == 0);
  CHECK_FALSE(fs::exists(journal));
}
