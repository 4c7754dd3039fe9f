#include "models/common/trace_vcd.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <tuple>
#include <vector>

#include "workloads/json_file.h"

namespace stuckat {
namespace {

constexpr int integer_bits = 32;

constexpr int64_t nothing = -1;  // x of a number, 0 of a bit

/// One variable. Scopes are the processes of the trace.
struct Signal {
  std::string scope, name;
  int bits = 1;
  std::vector<std::pair<int64_t, int64_t>> changes;  // cycle, value
};

/// Printable characters, least first.
std::string code_of(size_t index) {
  constexpr size_t first = '!', count = '~' - '!' + 1;
  std::string code;
  do {
    code += static_cast<char>(first + index % count);
    index /= count;
  } while (index > 0);
  return code;
}

std::string word(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

std::vector<Signal> signals_of(const Json& trace) {
  std::map<int, std::string> processes;
  std::map<std::pair<int, int>, std::string> rows;
  std::map<std::tuple<int, int, std::string>, Signal> signals;  // in the order of the rows
  const auto signal = [&](int process, int row, const std::string& name, int bits) -> Signal& {
    Signal& found = signals[{process, row, name}];
    found.bits = bits;
    return found;
  };
  for (const Json& event : trace.at("traceEvents")) {
    const std::string phase = event.at("ph"), name = event.at("name");
    const int process = event.at("pid"), row = event.at("tid");
    if (phase == "M" && name == "process_name") processes[process] = event.at("args").at("name");
    if (phase == "M" && name == "thread_name") rows[{process, row}] = event.at("args").at("name");
    if (phase == "C") {
      signal(process, row, name, integer_bits)
          .changes.emplace_back(event.at("ts"), event.at("args").at("words"));
    }
    if (phase != "X") continue;
    const int64_t begin = event.at("ts"), end = begin + event.at("dur").get<int64_t>();
    // "image 3": a number called image.
    const size_t kind = name.find_last_not_of("0123456789") + 1;
    const bool numbered = kind > 1 && kind < name.size() && name[kind - 1] == ' ';
    Signal& of = signal(process, row, numbered ? name.substr(0, kind - 1) : name,
                        numbered ? integer_bits : 1);
    // What begins where the last one ends goes on.
    if (!of.changes.empty() && of.changes.back().first == begin) of.changes.pop_back();
    of.changes.emplace_back(begin, numbered ? std::stoll(name.substr(kind)) : 1);
    of.changes.emplace_back(end, nothing);
  }
  std::vector<Signal> result;
  for (auto& [place, s] : signals) {
    const auto& [process, row, name] = place;
    const auto of_row = rows.find({process, row});
    const std::string base = of_row == rows.end() ? "" : of_row->second;
    s.scope = word(processes[process]);
    s.name = word(base + (base.empty() || name.empty() ? "" : ".") + name);
    std::stable_sort(s.changes.begin(), s.changes.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    result.push_back(std::move(s));
  }
  return result;
}

void write_value(std::ostream& out, const Signal& signal, int64_t value, const std::string& code) {
  if (signal.bits == 1) {
    out << (value == nothing ? 0 : value) << code << "\n";
    return;
  }
  if (value == nothing) {
    out << "bx " << code << "\n";
    return;
  }
  std::string bits;
  for (int b = signal.bits - 1; b >= 0; --b) {
    const bool one = (value >> b & 1) != 0;
    if (one || !bits.empty() || b == 0) bits += one ? '1' : '0';
  }
  out << "b" << bits << " " << code << "\n";
}

}  // namespace

void write_vcd(const std::string& trace, std::ostream& out) {
  const std::vector<Signal> signals = signals_of(Json::parse(trace));
  out << "$comment a us is a cycle $end\n$timescale 1 us $end\n";
  std::string scope;
  std::map<int64_t, std::vector<std::pair<size_t, int64_t>>> at;  // by cycle: signal, value
  for (size_t i = 0; i < signals.size(); ++i) {
    const Signal& s = signals[i];
    if (s.scope != scope) {
      if (!scope.empty()) out << "$upscope $end\n";
      out << "$scope module " << (scope = s.scope) << " $end\n";
    }
    out << "$var " << (s.bits == 1 ? "wire" : "integer") << " " << s.bits << " " << code_of(i)
        << " " << s.name << " $end\n";
    for (const auto& [cycle, value] : s.changes) at[cycle].emplace_back(i, value);
  }
  if (!scope.empty()) out << "$upscope $end\n";
  out << "$enddefinitions $end\n#0\n$dumpvars\n";
  for (size_t i = 0; i < signals.size(); ++i) write_value(out, signals[i], nothing, code_of(i));
  out << "$end\n";
  for (const auto& [cycle, changes] : at) {
    out << "#" << cycle << "\n";
    for (const auto& [i, value] : changes) write_value(out, signals[i], value, code_of(i));
  }
}

}  // namespace stuckat
