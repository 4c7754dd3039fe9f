#include "tools/stuckat/explore_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "models/explore/foldings.h"
#include "tools/stuckat/inputs.h"

namespace stuckat::cli {
namespace {

/// The parts of "a,b,c", none of them empty; empty without the option.
std::vector<std::string> list_of(const CommandLine& line, const std::string& option) {
  std::vector<std::string> parts;
  if (!line.has(option)) return parts;
  const std::string text = line.text(option) + ",";
  for (size_t first = 0; first < text.size();) {
    const size_t end = text.find(',', first);
    if (end == first) {
      throw InputError("--" + option, "'" + line.text(option) + "' has an empty place",
                       "values with commas between them");
    }
    parts.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  return parts;
}

/// The whole text as a decimal number within a range.
template <class Number>
Number number_of(const std::string& option, const std::string& text, Number low, Number high) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !(value >= low && value <= high)) {
    throw InputError(
        "--" + option, "'" + text + "'",
        fmt::format("{} {} to {}", std::is_integral_v<Number> ? "a whole number," : "a number,",
                    low, high));
  }
  return value;
}

/// Each value makes designs of its own, so that none may stand there twice.
template <class Value>
std::vector<Value> distinct(const std::string& option, std::vector<Value> values) {
  for (auto value = values.begin(); value != values.end(); ++value) {
    if (std::find(values.begin(), value, *value) == value) continue;
    throw InputError("--" + option, fmt::format("{} stands there twice", *value), "each once");
  }
  return values;
}

template <class Number>
std::vector<Number> numbers(const CommandLine& line, const std::string& option, Number low,
                            Number high) {
  std::vector<Number> values;
  for (const auto& part : list_of(line, option)) {
    values.push_back(number_of(option, part, low, high));
  }
  return distinct(option, std::move(values));
}

std::vector<std::string> fifos(const CommandLine& line) {
  std::vector<std::string> choices = list_of(line, "fifo");
  for (std::string& fifo : choices) {
    if (fifo == "given" || fifo == "smallest") continue;
    if (fifo.find_first_not_of("0123456789") != std::string::npos) {
      throw_unknown_name("--fifo", "choice of depths", fifo, {"given", "smallest"});
    }
    fifo = std::to_string(number_of<int>("fifo", fifo, 1, 1 << 20));
  }
  return distinct("fifo", std::move(choices));
}

void refuse_unused(const CommandLine& line, const Sweep& sweep) {
  const auto is_array = [](const Accelerator& a) {
    return std::holds_alternative<loopback::LoopbackAccelerator>(a);
  };
  const auto& given = sweep.accelerators;
  const auto arrays = std::count_if(given.begin(), given.end(), is_array);
  const bool dataflow = !sweep.rates.empty() || arrays < static_cast<int64_t>(given.size());
  std::vector<Effect> effects = {
      {"fifo", dataflow, "without a dataflow accelerator", "--foldings, --fps or --accelerator"},
      {"bandwidth", arrays > 0, "without a loopback array", "--arrays or --accelerator"}};
  for (const char* option : {"data", "half", "images", "offset", "threads"}) {
    effects.push_back({option, line.get<bool>("worst-case"), "without --worst-case",
                       "--worst-case as well, which runs campaigns"});
  }
  line.refuse_without_effect(effects);
}

}  // namespace

void add_explore_options(CommandLine& line) {
  using Texts = std::vector<std::string>;
  line.options().add_options()("foldings", number("N", 0),
                               "dataflow: N of all foldings, from the smallest to the largest")(
      "fps", text("LIST"),
      "dataflow: the smallest foldings that reach these frame rates, with the FIFOs of --fifo")(
      "arrays", text("LIST"), "loopback: array shapes, such as 16x16,32x64")(
      "accelerator", po::value<Texts>()->value_name("NAME"),
      "one more accelerator; may be repeated")(
      "fifo", text("LIST", "given"),
      "dataflow: FIFO depths: given, smallest (that cost no speed), or numbers")(
      "clock", text("LIST"), "MHz; without it 300 for foldings, 200 for arrays, or as given")(
      "bandwidth", text("LIST"), "loopback: bytes of off-chip memory per cycle")(
      "max-pes", number("N", INT64_MAX)->default_value(INT64_MAX, "any"), "leave out larger ones")(
      "max-memory-bits", number("N", INT64_MAX)->default_value(INT64_MAX, "any"),
      "leave out larger ones")("min-fps", real("F", 0, "0"), "leave out slower ones")(
      "campaign", po::value<Texts>()->value_name("RESULT"),
      "a campaign of every PE ('--faults pe') for the designs of the same placement; all of the "
      "same images")("worst-case", po::bool_switch(),
                     "run such a campaign for every design that has none, on --data")(
      "output,o", text("FILE"),
      "HDF5 file to write, for 'stuckat report --exploration'; a run that was stopped goes on when "
      "it is started again with the same")("csv", text("FILE"),
                                           "write one line for each design as CSV")(
      "designs", text("FOLDER"),
      "write the accelerators that no other beats as JSON, into a new or empty folder");
  add_data_options(line);
  add_thread_option(line);
  line.epilogue(accelerator_help() + data_help());
}

Sweep sweep_of(const CommandLine& line, const Network& network) {
  Sweep sweep;
  sweep.clocks_mhz = numbers<double>(line, "clock", 1, 10'000);
  sweep.bandwidths = numbers<int64_t>(line, "bandwidth", 1, 4096);
  sweep.fifos = fifos(line);
  for (const double fps : numbers<double>(line, "fps", 1e-3, 1e9)) {
    for (const double clock : sweep.clocks_mhz.empty() ? std::vector{300.0} : sweep.clocks_mhz) {
      sweep.rates.push_back({fps, clock});
    }
  }
  const auto add = [&](const std::string& name) {
    sweep.accelerators.push_back(parse_accelerator(name, network));
  };
  if (const int64_t count = line.integer("foldings", 0, 100'000); count > 0) {
    for (auto& folding : explore::some_foldings(network, count)) {
      sweep.accelerators.emplace_back(std::move(folding));
    }
  }
  for (const auto& array : distinct("arrays", list_of(line, "arrays"))) add("loopback:" + array);
  if (line.has("accelerator")) {
    for (const auto& name :
         distinct("accelerator", line.get<std::vector<std::string>>("accelerator"))) {
      add(name);
    }
  }
  if (sweep.accelerators.empty() && sweep.rates.empty()) {
    throw InputError("stuckat explore", "nothing to explore",
                     "--foldings, --fps, --arrays or --accelerator");
  }
  refuse_unused(line, sweep);
  return sweep;
}

bool Budgets::allow(const explore::Design& design) const {
  return design.pes <= pes && design.memory_bits <= memory_bits &&
         design.frames_per_second >= frames_per_second;
}

Budgets budgets_of(const CommandLine& line) {
  return {line.integer("max-pes", 1, INT64_MAX), line.integer("max-memory-bits", 1, INT64_MAX),
          line.real("min-fps", 0, 1e12)};
}

}  // namespace stuckat::cli
