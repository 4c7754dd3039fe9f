// What programs see of the command: one document on standard output, as FORMAT.md describes it, and
// exit codes that tell failures apart.
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/tools/command/session.h"

using namespace stuckat;
using Catch::Contains;
using nlohmann::json;
using test::run;
using test::Session;

namespace {

/// A key of a document: "layers[].name".
struct Key {
  std::string name;
  std::string type;
  bool optional = false;
};

std::vector<std::string> split(const std::string& text, const std::string& between) {
  std::vector<std::string> parts;
  size_t first = 0;
  for (size_t end = 0; (end = text.find(between, first)) != std::string::npos;) {
    parts.push_back(text.substr(first, end - first));
    first = end + between.size();
  }
  parts.push_back(text.substr(first));
  return parts;
}

/// The table of tools/stuckat/FORMAT.md: schema -> keys. A "?" after a list ("pes[]?.part") says
/// that the list may be absent.
std::map<std::string, std::vector<Key>> documented() {
  std::ifstream file(STUCKAT_SOURCE_DIR "/tools/stuckat/FORMAT.md");
  std::map<std::string, std::vector<Key>> schemas;
  std::string schema;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| ") || line.starts_with("| schema")) continue;
    const auto cells = split(line, " | ");
    REQUIRE(cells.size() == 4);
    if (cells[0].size() > 1) schema = cells[0].substr(3, cells[0].find('`', 3) - 3);
    for (const std::string& part : split(cells[1], ", ")) {
      const size_t end = part.find('`', 1);
      REQUIRE(end != std::string::npos);
      Key key{part.substr(1, end - 1), cells[2], part.ends_with("?")};
      for (size_t at = 0; (at = key.name.find("]?")) != std::string::npos;) {
        key.name.erase(at + 1, 1);
        key.optional = true;
      }
      schemas[schema].push_back(key);
    }
  }
  return schemas;
}

bool has_type(const json& value, const std::string& types) {
  for (const std::string& type : split(types, " or ")) {
    if (type == "null" && value.is_null()) return true;
    if (type == "text" && value.is_string()) return true;
    if (type == "integer" && value.is_number_integer()) return true;
    if (type == "number" && value.is_number()) return true;
    if (type == "truth" && value.is_boolean()) return true;
    if (type == "list" && value.is_array()) return true;
    if (type == "map" && value.is_object()) return true;
  }
  return false;
}

/// Every key of `value`, whose name begins with `before`, is documented and of its type; collects
/// those that were there.
void check(const json& value, const std::string& before, const std::vector<Key>& keys,
           std::set<std::string>& seen) {
  for (const auto& [name, member] : value.items()) {
    const std::string path = before + name;
    const auto known =
        std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == path; });
    INFO("key " << path << ": " << member.dump().substr(0, 60));
    if (known != keys.end()) {
      seen.insert(path);
      CHECK(has_type(member, known->type));
    } else if (member.is_object()) {
      check(member, path + ".", keys, seen);
    } else {
      REQUIRE(member.is_array());
      const bool of_objects = std::any_of(keys.begin(), keys.end(), [&](const Key& key) {
        return key.name.starts_with(path + "[].");
      });
      CHECK(of_objects);
      for (const json& element : member) check(element, path + "[].", keys, seen);
    }
  }
}

/// What a shell gives of standard output alone.
test::Outcome standard_output(const std::string& arguments) {
  return run(arguments, "", "2>/dev/null");
}

}  // namespace

TEST_CASE("with --json - exactly one document is on standard output, as FORMAT.md describes it") {
  const auto schemas = documented();
  CHECK(schemas.size() > 20);
  const Session s;
  const std::string data = s.data() + " --images 6 ";
  const std::string array = " --accelerator loopback:4x8 ";
  const std::string hardware = " --model " + s.model() + array;
  const std::string campaign = "campaign " + s.model() + data;
  const std::string fault = " --fault 'array/pe[1]/accumulator[2]=1' ";
  const std::string maps = s.file("a.h5") + " " + s.file("b.h5") + " ";
  const std::string fleet = " " + s.model() + array + "--sites pe/dead" + data;
  const std::string lot =
      " --lot " + s.file("lot.h5") + " --resilience " + s.file("map.h5") + " --accuracy 5 ";
  test::write_bytes(s.file("pairs.json"),
                    R"({"accelerator": "loopback:4x8", "duplicates": {"array": "all"}})");
  const std::string cases[] = {
      "eval " + s.model() + data,
      "eval " + s.model() + data + "--logits",
      "eval " + s.model() + data + array + fault,
      campaign + "-o " + s.file("c.h5"),
      campaign + "--faults pe" + array + "-o " + s.file("p.h5"),
      campaign + "--sample --margin 0.2 --confidence 0.9 -o " + s.file("d.h5"),
      "campaign show " + s.file("c.h5"),
      "campaign resume " + s.file("c.h5"),
      campaign + "--shard 0/2 -o " + s.file("s0.h5"),
      campaign + "--shard 1/2 -o " + s.file("s1.h5"),
      "campaign merge " + s.file("s0.h5") + " " + s.file("s1.h5") + " -o " + s.file("m.c.h5"),
      "campaign list " + s.model(),
      "campaign replay " + s.file("c.h5") + " --fault 'layer0/channel[3]=-1'",
      "sim " + s.model() + data + array,
      "sim " + s.model() + data + array + fault,
      "sim " + s.model() + data + "--accelerator protected:" + s.file("pairs.json") +
          " --fault 'array/pe[*]/output[0]=1'",
      "sim " + s.model() + " --timing-only" + array,
      "sim " + s.model() + data + "--accelerator dataflow:auto:2000",
      "whatif " + s.model() + data + array + fault,
      "explore " + s.model() + " --arrays 4x8 --finn " + s.file("finn"),
      "explore " + s.model() + data + "--arrays 4x8 --worst-case",
      "faults new" + hardware + fault + "-o " + s.file("a.h5"),
      "faults new" + hardware + "--fault 'array/pe[*]/dead=1' -o " + s.file("b.h5"),
      "faults show " + s.file("a.h5"),
      "faults show " + s.file("a.h5") + hardware,
      "faults lower " + s.file("a.h5") + hardware,
      "faults stats " + s.file("a.h5") + hardware,
      "faults union " + maps + "-o " + s.file("u.h5"),
      "faults intersect " + maps + "-o " + s.file("i.h5"),
      "faults diff " + maps + "-o " + s.file("e.h5"),
      "faults distance " + maps,
      "faults convert " + s.file("a.h5") + " " + s.file("a.csv"),
      "faults pessimism " + s.model() + data + array + "--exhaustive 20",
      "protect " + s.model() + data + array + "--measures all --max-cost 3 --evidence " +
          s.file("p.h5"),
      "protect " + s.model() + data + array + "--broken 'array/pe[1]'",
      "fmea " + s.model() + array + "--evidence " + s.file("p.h5"),
      "report --model m=" + s.model() + " --campaign m=" + s.file("c.h5") + " -o " +
          s.file("r.html"),
      "info model " + s.model(),
      "info model " + s.model() + s.data() + " --images 2",
      "info " + s.model(),
      "info " + s.file("c.h5"),
      "info " + s.file("a.h5"),
      "info " + s.file("a.csv"),
      "info networks",
      "info accelerator loopback:4x8 --model " + s.model(),
      "info sites",
      "info sites" + hardware,
      "info data",
      "memory " + s.model() + data + "--accelerator dataflow:auto:2000 --chips 2 --rates 0.01",
      "sharpness " + s.model() + data + "--iterations 1 --repeats 2 --probes 2 --svg " +
          s.file("l.svg"),
      "faults new --chips 3 --sites pe/dead --mean 1" + hardware + "-o " + s.file("lot.h5"),
      "fleet resilience" + fleet +
          "--validation-images 6 --rates 13 --repeats 1 --amounts 6 "
          "--batch 6 -o " +
          s.file("map.h5"),
      "fleet show " + s.file("map.h5"),
      "fleet plan" + fleet.substr(0, fleet.find(" --data")) + lot,
      "fleet plan" + fleet + lot + "--validation-images 6 --repair spares,reschedule",
      "fleet train" + fleet + lot +
          "--validation-images 6 --test-images 6 --policies fap "
          "--networks " +
          s.file("n") + " -o " + s.file("fleet.h5"),
      "fleet show " + s.file("fleet.h5") + " --prices 20:3",
      "fleet evaluate" + fleet + " --lot " + s.file("lot.h5"),
      "fleet evaluate" + fleet + " --lot " + s.file("lot.h5") +
          " --validation-images 6 --repair spares,reschedule",
      "train --network cnv-w1a1 --width 0.05 --epochs 1" + s.data() +
          " --images 40 --test-images 0 --batch 20 -o " + s.file("t.h5"),
  };
  std::map<std::string, std::set<std::string>> seen;
  for (const std::string& arguments : cases) {
    INFO("stuckat " << arguments);
    const test::Outcome outcome = standard_output(arguments + " --json -");
    INFO(outcome.output.substr(0, 400));
    REQUIRE(outcome.code == 0);
    const json document = json::parse(outcome.output, nullptr, false);
    REQUIRE(document.is_object());
    const std::string schema = document.at("schema");
    CHECK_THAT(outcome.output, Catch::StartsWith("{\n  \"schema\": "));
    CHECK(document.at("schema_version") == 1);
    REQUIRE(schemas.count(schema) == 1);
    std::vector<Key> keys = schemas.at(schema);
    keys.push_back({"schema", "text"});
    keys.push_back({"schema_version", "integer"});
    keys.push_back({"tool_version", "text"});
    check(document, "", keys, seen[schema]);
  }
  // What is documented is there, and what is optional was there in some case.
  for (const auto& [schema, of_schema] : seen) {
    for (const Key& key : schemas.at(schema)) {
      INFO(schema << " " << key.name);
      const bool rare = key.optional &&
                        (schema == "stuckat.output.train" || key.name == "correct_by_output_bits");
      CHECK((rare || of_schema.count(key.name) == 1));
    }
  }
}

TEST_CASE("a trace for standard output stands there alone, and only one document does") {
  const Session s;
  const std::string sim = "sim " + s.model() + s.data() + " --images 1 --accelerator loopback:4x8 ";
  const test::Outcome trace = standard_output(sim + "--trace -");
  CHECK(trace.code == 0);
  CHECK(json::parse(trace.output)["traceEvents"].size() > 4);
  test::check_refused(sim + "--trace - --json -", "one document there");
  // What is printed goes to standard error, or nowhere.
  const test::Outcome told = run(sim + "--json -", "", "2>&1 >/dev/null");
  CHECK_THAT(told.output, Contains("steady interval") || Contains("first image"));
  CHECK(run(sim + "--json - -q", "", "2>&1 >/dev/null").output.empty());
  const test::Outcome quiet = run(sim + "--quiet");
  CHECK(quiet.code == 0);
  CHECK(quiet.output.empty());
  CHECK_THAT(run("eval nothing.h5 -q").output, Contains("nothing.h5"));
}

TEST_CASE("exit codes tell bad input, the machine's failures and interruptions apart") {
  const Session s;
  const std::string eval = "eval " + s.model() + s.data();
  CHECK(run(eval).code == 0);
  CHECK(run("eval " + s.file("nothing.h5")).code == 2);
  CHECK(run(eval + " --json /nowhere/at/all").code == 2);
  CHECK(run(eval, "", ">/dev/full").code == 3);
  CHECK(run(eval + " --json /dev/full").code == 3);
  CHECK(run(eval + " --json -", "", ">/dev/full").code == 3);
  CHECK(run("campaign submit " + s.model() + s.data() + " --shards 2 -o " + s.file("c.h5"),
            "PATH=/nowhere")
            .code == 3);
  CHECK_FALSE(std::filesystem::exists(s.file("c.h5.shards")));
  for (const auto& [signal, code] : {std::pair{"INT", 130}, std::pair{"TERM", 143}}) {
    // Interrupted as soon as the journal is there, which is before the first image.
    const std::string result = s.file(std::string(signal) + ".h5");
    const std::string campaign =
        std::string(STUCKAT_COMMAND) + " campaign " + s.model() + s.data() +
        " --faults pixel:before-pool --verify 0 --threads 1 -q -o " + result;
    const std::string script = "exec 2>&1; " + campaign + " & while ! [ -e " + result +
                               ".journal ] && kill -0 $!; do :; done; kill -" + signal +
                               " $!; wait $!";
    const int status = std::system(("bash -c '" + script + "' >/dev/null").c_str());
    INFO(signal);
    CHECK(WEXITSTATUS(status) == code);
  }
}

TEST_CASE("each command has its version, its help by two ways, its page, and offers its options") {
  const std::string version = run("--version").output;
  for (const char* command :
       {"train", "eval", "campaign", "campaign list", "campaign replay", "whatif", "sim", "explore",
        "faults new", "faults union", "import", "report", "info model"}) {
    INFO(command);
    const std::string name = command;
    CHECK(run(name + " --version").output == version);
    const std::string help = run(name + " --help").output;
    CHECK(run("help " + name).output == help);
    CHECK_THAT(help, Contains("--quiet") && Contains("--force") && Contains("--version"));
    const test::Outcome page = run("help --man " + name);
    CHECK(page.code == 0);
    CHECK_THAT(page.output, Catch::StartsWith(".TH \"stuckat") && Contains(".SH OPTIONS") &&
                                Contains("\\-\\-json"));
    const std::string offered = run("completion offer " + name).output;
    for (std::istringstream options(offered); !options.eof();) {
      std::string option;
      std::getline(options, option);
      if (option.starts_with("--")) CHECK_THAT(help, Contains(option));
    }
    CHECK_THAT(offered, Contains("--json\n"));
  }
  CHECK_THAT(run("completion offer").output, Contains("whatif\n"));
  CHECK_THAT(run("completion offer faults").output, Contains("union\n"));
  CHECK_THAT(run("completion offer campaign").output,
             Contains("replay\n") && Contains("--shard\n"));
  CHECK_THAT(run("help nonsense").output, Contains("unknown command 'nonsense'"));
  // As a shell does it.
  const std::string script = "source <(" + std::string(STUCKAT_COMMAND) +
                             " completion); stuckat() { " + STUCKAT_COMMAND +
                             " \"$@\"; }; COMP_WORDS=(stuckat eval --log); COMP_CWORD=2; _stuckat; "
                             "test \"${COMPREPLY[*]}\" = --logits";
  CHECK(std::system(("bash -c '" + script + "'").c_str()) == 0);
}
