// One pair of fault and image of a campaign again, in the cycle-level model.
#include <fmt/format.h>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "sim/campaign/result.h"
#include "tools/stuckat/campaign_inputs.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/trace_file.h"
#include "tools/studies/replay.h"
#include "workloads/model_file.h"
#include "workloads/reference.h"

namespace stuckat::cli {
namespace {

SimulationResult simulate(const BrokenHardware& hardware, const Network& network,
                          const std::vector<Tensor>& images, const std::string& trace_file) {
  Recording recording{.tensors = true, .spans = true};
  const auto run = [&] {
    return hardware.accelerator->simulate(network, hardware.map, images, recording);
  };
  if (trace_file.empty()) return run();
  SimulationResult result;
  write_trace(trace_file, [&](std::ostream& out) {
    recording.trace = &out;
    result = run();
  });
  return result;
}

nlohmann::ordered_json compare(const Network& network, const std::vector<Tensor>& golden,
                               const SimulationResult& replay) {
  const std::vector<Tensor>& faulty = replay.tensors.back();
  nlohmann::ordered_json rows = nlohmann::json::array();
  fmt::print("{:<10} {:>25} {:>10} {:>10} {:>8}   first difference\n", "tensor", "cycles",
             "elements", "differ", "");
  for (size_t t = 0; t < golden.size(); ++t) {
    const std::string name = network.tensor_name(static_cast<int>(t));
    const auto& g = golden[t].values;
    const auto& f = faulty[t].values;
    int64_t differ = 0;
    std::string first = "-";
    for (size_t i = 0; i < g.size(); ++i) {
      if (g[i] == f[i]) continue;
      if (differ++ == 0) {
        const int c = static_cast<int>(i) % golden[t].shape.channels;
        const int pixel = static_cast<int>(i) / golden[t].shape.channels;
        first = fmt::format("y {} x {} channel {}: {} instead of {}", pixel / golden[t].shape.width,
                            pixel % golden[t].shape.width, c, f[i], g[i]);
      }
    }
    const CycleSpan span = replay.spans[t];
    const std::string cycles =
        span.first < 0 ? "-" : thousands(span.first) + " to " + thousands(span.last);
    fmt::print("{:<10} {:>25} {:>10} {:>10} {:>7.2f}%   {}\n", name, cycles,
               thousands(golden[t].shape.size()), thousands(differ),
               100.0 * static_cast<double>(differ) / static_cast<double>(g.size()), first);
    rows.push_back({{"tensor", name},
                    {"elements", g.size()},
                    {"differ", differ},
                    {"first_cycle", span.first < 0 ? nlohmann::ordered_json()
                                                   : nlohmann::ordered_json(span.first)},
                    {"last_cycle", span.last < 0 ? nlohmann::ordered_json()
                                                 : nlohmann::ordered_json(span.last)}});
  }
  return rows;
}

/// Every element that differs, and both its values.
std::string differences_csv(const Network& network, const std::vector<Tensor>& golden,
                            const std::vector<Tensor>& faulty) {
  std::string text = "tensor,y,x,channel,fault_free,faulty\n";
  for (size_t t = 0; t < golden.size(); ++t) {
    const std::string name = network.tensor_name(static_cast<int>(t));
    const Shape shape = golden[t].shape;
    for (int y = 0; y < shape.height; ++y) {
      for (int x = 0; x < shape.width; ++x) {
        for (int c = 0; c < shape.channels; ++c) {
          const int g = golden[t].at(y, x, c);
          const int f = faulty[t].at(y, x, c);
          if (g != f) text += fmt::format("{},{},{},{},{},{}\n", name, y, x, c, g, f);
        }
      }
    }
  }
  return text;
}

/// The files that the result was made from may be others by now, under their old names.
void check_unchanged(const CampaignInputs& in, const campaign::Result& result,
                     const CommandLine& line, const std::string& path) {
  const auto check = [&](const std::string& now, const std::string& then, const std::string& what) {
    if (now != then) throw InputError(path, what + " has changed since: hash " + now, then);
  };
  check(content_hash(in.network), result.identity.network_hash, "its model " + line.text("model"));
  check(content_hash(in.data), result.identity.data_hash, "its data " + line.text("data"));
  check(campaign::content_hash(in.faults), result.identity.faults_hash,
        "its accelerator or fault list");
}

}  // namespace

int run_replay(const Arguments& arguments) {
  CommandLine line("campaign replay RESULT --fault ID --image N",
                   "Runs one fault on one image of a campaign again, in the cycle-level model with "
                   "the fault armed,\nand says tensor by tensor where it differs from the "
                   "fault-free network. Stuck channels and\npixels, which name no hardware, are "
                   "replayed on hardware that does just that.",
                   {"result"});
  line.options().add_options()("fault", text("ID"), "identifier of the fault, as in the result")(
      "image", number("N", 0), "image of the campaign, 0 being its first")(
      "differences", text("FILE"), "write every element that differs, with both values, as CSV")(
      "trace", text("FILE"), trace_help);
  add_moved_options(line);
  if (!line.parse(arguments)) return 0;
  const std::string path = line.text("result");
  const campaign::Result result = campaign::read_result(path);
  if (!line.has("fault")) throw InputError("stuckat campaign replay", "no --fault", "--fault ID");
  const int64_t fault = result.find(line.text("fault"));
  if (fault < 0) {
    std::vector<std::string> known;
    for (const auto& info : result.faults) known.push_back(info.id);
    const std::string near = nearest_name(line.text("fault"), known);
    throw InputError("--fault", "no '" + line.text("fault") + "' in " + path,
                     near.empty() ? "an identifier of the result" : near);
  }
  const int64_t image = line.integer("image", 0, result.identity.images - 1);
  CommandLine campaign_line("campaign", "", {"model"});
  add_campaign_options(campaign_line);
  campaign_line.parse(moved_campaign_arguments(result.identity.configuration, path, line, path));
  line.check_files(campaign_line.files_read(), {});
  const CampaignInputs in = load_campaign(campaign_line);
  check_unchanged(in, result, campaign_line, path);
  const BrokenHardware hardware = studies::broken_hardware(
      families(), {in.network, in.accelerator, in.placement}, in.faults, fault);
  const Effects effects = in.faults.effects(fault);
  // A FIFO slot drifts through the pixels, and a transient has its cycle: the images before this
  // one have to pass, too.
  const bool drifts = effects.depends_on_image();
  std::vector<Tensor> images;
  for (int64_t i = drifts ? 0 : image; i <= image; ++i) {
    images.push_back(input_tensor(in.network, in.data, static_cast<int>(i)));
  }
  const auto golden = reference::run(in.network, images.back());
  const auto expected = reference::run(in.network, images.back(), effects, image);
  const SimulationResult replay = simulate(hardware, in.network, images, line.text("trace"));
  const auto& faulty = replay.tensors.back();

  fmt::print("{} on image {}, simulated on {}\n", line.text("fault"), image,
             hardware.map.accelerator);
  for (const Fault& f : hardware.map.faults) fmt::print("  {}\n", name(f));
  for (const auto& effect : describe(effects, in.network)) fmt::print("  {}\n", effect);
  fmt::print("\n");
  const auto rows = compare(in.network, golden, replay);
  if (line.has("differences")) {
    write_text_file(line.text("differences"), differences_csv(in.network, golden, faulty));
  }
  const int before = predicted_class(in.network, golden.back().values.data());
  const int after = predicted_class(in.network, faulty.back().values.data());
  const bool agrees = faulty == expected;
  fmt::print("\n{} cycles for {} image{}; ", thousands(replay.total_cycles), images.size(),
             images.size() == 1 ? "" : "s");
  fmt::print("prediction {} -> {}, label {}; every tensor {} what the fault analysis predicts\n",
             before, after, in.data.labels[static_cast<size_t>(image)],
             agrees ? "equals" : "DIFFERS FROM");
  line.write_json({{"fault", line.text("fault")},
                   {"image", image},
                   {"accelerator", hardware.map.accelerator},
                   {"cycles", replay.total_cycles},
                   {"prediction_fault_free", before},
                   {"prediction", after},
                   {"agrees_with_reference", agrees},
                   {"tensors", rows}});
  return agrees ? 0 : 1;
}

}  // namespace stuckat::cli
