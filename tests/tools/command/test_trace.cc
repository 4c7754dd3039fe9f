// `stuckat sim --trace`: a file in the Trace Event Format that a viewer loads, and that is true.
#include <map>
#include <set>
#include <sstream>

#include "tests/tools/command/session.h"

using namespace stuckat;
using test::run;
using test::Session;

namespace {

using Track = std::pair<int, int>;  // pid, tid

struct Slice {
  std::string name;
  int64_t begin = 0;
  int64_t end = 0;
};

struct Trace {
  std::map<std::string, int> processes;  // by name
  std::map<Track, std::string> threads;
  std::map<std::string, std::vector<Slice>> slices;  // by "process/thread"
  std::map<std::string, std::vector<int64_t>> counters;
};

/// Checks what the format asks of each event, and that slices of a track nest.
Trace load(const std::string& path) {
  Trace trace;
  const nlohmann::json file = nlohmann::json::parse(test::read_bytes(path));
  std::map<Track, std::vector<Slice>> tracks;
  std::map<std::string, int64_t> last_count;
  for (const nlohmann::json& event : file.at("traceEvents")) {
    const std::string phase = event.at("ph");
    const Track track{event.at("pid"), event.at("tid")};
    const std::string name = event.at("name");
    if (phase == "M" && name == "process_name") {
      trace.processes[event.at("args").at("name")] = track.first;
    } else if (phase == "M" && name == "thread_name") {
      trace.threads[track] = event.at("args").at("name");
    } else if (phase == "X") {
      const int64_t begin = event.at("ts"), length = event.at("dur");
      CHECK(begin >= 0);
      CHECK(length > 0);
      tracks[track].push_back({name, begin, begin + length});
    } else if (phase == "C") {
      const int64_t cycle = event.at("ts");
      CHECK((last_count.count(name) == 0 || cycle > last_count[name]));
      last_count[name] = cycle;
      trace.counters[name].push_back(event.at("args").at("words"));
    } else {
      CHECK(phase == "M");
    }
  }
  for (const auto& [track, slices] : tracks) {
    std::vector<Slice> open;
    for (const Slice& slice : slices) {
      while (!open.empty() && open.back().end <= slice.begin) open.pop_back();
      INFO(slice.name << " " << slice.begin << " " << slice.end);
      CHECK((open.empty() || (open.back().begin <= slice.begin && slice.end <= open.back().end)));
      open.push_back(slice);
    }
    std::string process;
    for (const auto& [name, pid] : trace.processes) {
      if (pid == track.first) process = name;
    }
    trace.slices[process + "/" + trace.threads[track]] = slices;
  }
  return trace;
}

int64_t images_in(const std::vector<Slice>& slices) {
  return std::count_if(slices.begin(), slices.end(),
                       [](const Slice& s) { return s.name.starts_with("image "); });
}

}  // namespace

TEST_CASE("the trace of a dataflow run shows each image in each part and layer, and the FIFOs") {
  const Session s;
  const auto outcome =
      run("sim " + s.model() + s.data() + " --images 3 --accelerator dataflow:auto:2000 --json " +
          s.file("sim.json") + " --trace " + s.file("trace.json"));
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  const nlohmann::json sim = nlohmann::json::parse(test::read_bytes(s.file("sim.json")));
  const Trace trace = load(s.file("trace.json"));
  for (const nlohmann::json& module : sim.at("modules")) {
    const std::string part = module.at("name");
    INFO(part);
    CHECK(images_in(trace.slices.at("parts/" + part)) == 3);
    const auto& layer = trace.slices.at("layers/" + part.substr(0, part.find('/')));
    CHECK(images_in(layer) == 3);
    CHECK(layer.back().end <= sim.at("total_cycles").get<int64_t>());
  }
  // The cycle in which the first result is complete.
  CHECK(trace.slices.at("parts/output/memory_writer").front().end == sim.at("first_image_cycles"));
  for (const nlohmann::json& stream : sim.at("streams")) {
    const auto& counts = trace.counters.at(stream.at("name"));
    INFO(stream.at("name"));
    CHECK(*std::max_element(counts.begin(), counts.end()) == stream.at("high_water"));
    CHECK(counts.back() == 0);
  }
}

TEST_CASE("the trace of a loopback run shows what the array does in each layer") {
  const Session s;
  REQUIRE(run("sim " + s.model() + s.data() + " --images 2 --accelerator loopback:4x8 --json " +
              s.file("sim.json") + " --trace " + s.file("trace.json"))
              .code == 0);
  const nlohmann::json sim = nlohmann::json::parse(test::read_bytes(s.file("sim.json")));
  const Trace trace = load(s.file("trace.json"));
  CHECK(images_in(trace.slices.at("layers/images")) == 2);
  int64_t cycles = 0, busy = 0;
  for (const Slice& slice : trace.slices.at("parts/array")) {
    CHECK(slice.begin == cycles);  // every cycle is accounted for
    cycles = slice.end;
    if (slice.name == "steps") busy += slice.end - slice.begin;
  }
  CHECK(cycles == sim.at("total_cycles"));
  CHECK(busy == sim.at("modules").at(0).at("busy_cycles"));
  std::set<std::string> moved;
  int64_t transferring = 0;
  for (const Slice& slice : trace.slices.at("parts/memory")) {
    moved.insert(slice.name);
    transferring += slice.end - slice.begin;
  }
  CHECK(transferring == sim.at("modules").at(1).at("busy_cycles"));
  CHECK(moved.contains("image 0"));
  CHECK(moved.contains("result 1"));
  for (const nlohmann::json& layer : sim.at("layers")) {
    const std::string weights = layer.at("name").get<std::string>() + ": weights";
    INFO(weights);
    CHECK(std::any_of(moved.begin(), moved.end(),
                      [&](const std::string& name) { return name.starts_with(weights); }));
  }
}

TEST_CASE("a trace goes to standard output for '-', and nothing is run for one that has no place") {
  const Session s;
  const std::string sim = "sim " + s.model() + s.data() + " --images 1 --accelerator loopback:4x8";
  const std::string expected = s.file("trace.json");
  REQUIRE(run(sim + " --trace " + expected).code == 0);
  const auto outcome = run(sim + " --trace -");
  CHECK(outcome.code == 0);
  const std::string trace = test::read_bytes(expected);
  CHECK(outcome.output.substr(0, trace.size()) == trace);
  CHECK_FALSE(std::filesystem::exists("-"));
  // One line: no table of a run before it.
  test::check_refused(sim + " --trace " + s.file("nowhere/trace.json"),
                      "expected a folder that is there");
}

TEST_CASE("a trace called NAME.vcd is the same run as a value change dump") {
  const Session s;
  for (const char* accelerator : {"dataflow:auto:2000", "loopback:4x8"}) {
    const std::string sim = "sim " + s.model() + s.data() +
                            " --images 2 --no-check --accelerator " + accelerator +
                            " --force --trace " + s.file("");
    REQUIRE(run(sim + "trace.json").code == 0);
    REQUIRE(run(sim + "trace.vcd").code == 0);
    const Trace trace = load(s.file("trace.json"));
    std::istringstream vcd(test::read_bytes(s.file("trace.vcd")));
    std::map<std::string, std::string> names;                 // by code
    std::map<std::string, std::vector<std::string>> changes;  // "cycle value", by name
    std::string line, scope;
    int64_t cycle = -1;
    while (std::getline(vcd, line)) {
      std::istringstream words(line);
      std::string first, type, bits, code, name;
      words >> first;
      if (first == "$scope") words >> type >> scope;
      if (first == "$var") {
        words >> type >> bits >> code >> name;
        names[code] = scope + "/" + name;
      }
      if (first[0] == '#') {
        const int64_t next = std::stoll(first.substr(1));
        CHECK(next >= cycle);
        cycle = next;
      }
      if (first[0] == '$' || first[0] == '#') continue;
      if (first[0] == 'b') {
        words >> code;
      } else {
        code = first.substr(1);
        first = first.substr(0, 1);
      }
      REQUIRE(names.contains(code));
      changes[names[code]].push_back(std::to_string(cycle) + " " + first);
    }
    for (const auto& [fifo, counts] : trace.counters) {
      INFO(fifo);
      CHECK(changes.at("FIFOs/" + fifo).size() == counts.size() + 1);  // and nothing before
    }
    const std::string row = trace.slices.contains("parts/array") ? "parts/array" : "layers/layer0";
    const Slice& slice = trace.slices.at(row).back();
    const bool image = slice.name.starts_with("image ");
    const auto& of_row = changes.at(row + "." + (image ? "image" : slice.name));
    CHECK(of_row.back() == std::to_string(slice.end) + (image ? " bx" : " 0"));
  }
}
