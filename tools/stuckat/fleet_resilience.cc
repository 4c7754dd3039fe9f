#include <fmt/format.h>

#include <algorithm>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/interrupt.h"
#include "tools/stuckat/option_values.h"
#include "trainer/fleet/resilience_run.h"
#include "trainer/model_from_network.h"
#include "trainer/predict.h"

namespace stuckat::cli {

void add_fleet_resilience_options(CommandLine& line) {
  add_fleet_hardware_options(line);
  line.options().add_options()("rates", text("P,P,...", "1,2,5,10,20"),
                               "shares of the sites that are broken, in percent, ascending")(
      "repeats", number("N", 3), "chips of each rate")(
      "amounts", text("N,N,...", "500,1000,2000,4000"),
      "images of retraining after which accuracy is taken, ascending; whole batches")(
      "enough", po::value<double>()->value_name("POINTS"),
      "end a run when it has lost at most so many points against the deployed network: no "
      "constraint that allows more needs the rest")("batch", number("N", 100), "images in a step")(
      "learning-rate", real("R", 0.001, "0.001"), "of ADAM, constant")(
      "crop", number("N", 0), "random crop: shifts of up to N pixels")("flip", po::bool_switch(),
                                                                       "random horizontal flip")(
      "introduction", number("N", 0),
      "bring faults in one after the other, over so many images; 0: all at once")(
      "seed", number("N", 1), "of chips and of the order of images")(
      "output,o", text("FILE"), "map to write, or to go on with");
  add_repair_options(line);
  add_fleet_data_options(line);
}

FleetResilience::FleetResilience(CommandLine& line, int threads)
    : hardware(line),
      images(load_fleet_images(line, hardware.network())),
      workers(threads),
      repair(line, hardware, images.validation, workers),
      start(trainer::start_model(hardware.network(), images.train, workers)) {
  for (const double percent : reals(line, "rates", 0, 100)) {
    options.rates.push_back(percent * 0.01);
  }
  int64_t before = 0;
  for (const double rate : options.rates) {
    const int64_t broken = hardware.broken_at(rate);
    if (broken == 0 || broken == before) {
      throw InputError(
          "--rates",
          fmt::format("{:g} % breaks {} of the {} sites{}", 100 * rate, broken, hardware.sites(),
                      broken == 0 ? "" : ", as many as the rate before"),
          "rates that break at least one, and ever more");
    }
    before = broken;
  }
  options.repeats = static_cast<int>(line.integer("repeats", 1, 10'000));
  options.amounts = {0};
  constexpr double most_images = 1e12;
  for (const double amount : reals(line, "amounts", 0, most_images)) {
    options.amounts.push_back(static_cast<int64_t>(amount));
  }
  options.retrain.batch = static_cast<int>(line.integer("batch", 2, 4096));
  options.retrain.learning_rate = line.real("learning-rate", 1e-9, 10);
  options.retrain.crop_padding = static_cast<int>(line.integer("crop", 0, 64));
  options.retrain.flip = line.get<bool>("flip");
  options.retrain.introduction = line.integer("introduction", 0, INT64_MAX / 1000);
  options.seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  options.retrain.seed = options.seed;
  options.chips = hardware.name() + " " + hardware.index().accelerator_hash();
  if (repair.reschedules()) options.chips += ", reschedule";
  if (line.has("enough")) {
    options.enough = trainer::accuracy(hardware.network(), images.validation, workers) -
                     line.real("enough", 0, 100) / 100;
  }
}

trainer::DrawnChip FleetResilience::draw(double rate, uint64_t seed) {
  const FaultMap map = hardware.draw(rate, seed);
  const double drawn =
      static_cast<double>(map.faults.size()) / static_cast<double>(hardware.sites());
  const trainer::Damage damage = hardware.damage(map, true);
  return {damage, drawn, repair.reschedules() ? repair.order(damage).orders : ChannelOrders()};
}

int fleet_resilience(const Arguments& arguments) {
  CommandLine line(
      "fleet resilience MODEL --accelerator NAME --data NAME --validation-images N -o MAP.h5",
      "Breaks chips at several rates, retrains the network on each of them, and writes down its "
      "accuracy on validation images after each amount of retraining. What a lot needs follows "
      "from that, for any constraint ('stuckat fleet plan'). A run that was killed goes on; "
      "shards are put together by 'stuckat fleet merge'.",
      {"model"});
  add_fleet_resilience_options(line);
  line.options().add_options()("shard", text("I/N"), "runs I, I+N, ... only");
  add_thread_option(line);
  line.epilogue(data_help() + site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat fleet resilience", "no --output", "-o MAP.h5");
  check_can_replace(line.text("output"));
  FleetResilience asked(line, threads(line));
  asked.options.shard = shard_option(line);
  catch_interrupts();
  ProgressLine progress("resilience");
  const int64_t last = asked.options.amounts.back();
  const auto map = trainer::run_resilience(
      line.text("output"), asked.deployed(),
      [&](double rate, uint64_t seed) { return asked.draw(rate, seed); }, asked.options,
      asked.workers,
      [&](const trainer::ResilienceProgress& p) {
        const double within =
            std::min(1.0, static_cast<double>(p.images) / static_cast<double>(last));
        progress.show((static_cast<double>(p.done) + within) / static_cast<double>(p.runs),
                      fmt::format("run {} of {}", p.done + 1, p.runs));
        return !interrupted();
      });
  progress.clear();
  if (interrupted()) {
    fmt::print(stderr, "stopped; the same command goes on\n");
    return interrupted_exit_code();
  }
  fmt::print("{}\n", fleet_data_text(asked.images));
  show_repair(asked.repair);
  show_resilience(map);
  nlohmann::ordered_json json = resilience_json(map);
  json["data"] = fleet_data_json(asked.images);
  line.write_json(json, "fleet resilience");
  return 0;
}

int fleet_merge(const Arguments& arguments) {
  CommandLine line("fleet merge PART.h5... -o MAP.h5",
                   "Puts the parts of a resilience map together that shards measured.",
                   {"maps..."});
  line.options().add_options()("output,o", text("FILE"), "map to write");
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat fleet merge", "no --output", "-o MAP.h5");
  std::vector<trainer::ResilienceMap> parts;
  for (const auto& path : line.get<std::vector<std::string>>("maps")) {
    parts.push_back(trainer::read_resilience_map(path));
  }
  const auto map = trainer::merge_resilience_maps(parts);
  trainer::write_resilience_map(line.text("output"), map);
  show_resilience(map);
  line.write_json(resilience_json(map), "fleet resilience");
  return 0;
}

}  // namespace stuckat::cli
