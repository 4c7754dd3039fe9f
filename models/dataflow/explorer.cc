#include "models/dataflow/explorer.h"

#include <algorithm>

#include "models/dataflow/family.h"
#include "models/dataflow/fifo_depths.h"
#include "models/dataflow/fifo_sizing.h"
#include "models/dataflow/folding_base.h"
#include "models/dataflow/foldings.h"
#include "models/dataflow/timing_cache.h"
#include "workloads/errors.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"

namespace stuckat::dataflow {
namespace {

using explore::DesignPoint;
using explore::Findings;
constexpr const char* elsewhere = "a finding of another run";

/// Every FIFO with so many words; where streams fork, those that need more to move at all keep it.
DataflowAccelerator with_depth(DataflowAccelerator accelerator, const Network& network, int depth) {
  const bool chain = is_chain(network);
  const auto set = [&](int& of) { of = chain ? depth : std::max(of, depth); };
  set(accelerator.input_depth);
  for (auto& layer : accelerator.layers) {
    set(layer.out_depth);
    set(layer.inner_depth);
    for (int& in : layer.in_depths) set(in);
  }
  return accelerator;
}

/// All that distinguishes FIFO depths.
Json depths_of(const DataflowAccelerator& accelerator) {
  Json depths = {accelerator.input_depth};
  for (const auto& layer : accelerator.layers) {
    depths.push_back(layer.out_depth);
    depths.push_back(layer.inner_depth);
    for (const int depth : layer.in_depths) depths.push_back(depth);
  }
  return depths;
}

DataflowAccelerator with_depths(DataflowAccelerator accelerator, const Json& depths) {
  auto depth = depths.begin();
  accelerator.input_depth = *depth++;
  for (auto& layer : accelerator.layers) {
    layer.out_depth = *depth++;
    layer.inner_depth = *depth++;
    for (int& in : layer.in_depths) in = *depth++;
  }
  return accelerator;
}

/// An accelerator of which only is known how fast it has to be.
struct FrameRate {
  double frames_per_second = 0;
  double clock_mhz = 0;
};

std::vector<std::string> fifo_choices(const explore::SweepValues& values) {
  constexpr int most_words = 1 << 20;
  std::vector<std::string> choices = values.items("fifo");
  for (std::string& fifo : choices) {
    if (fifo == "given" || fifo == "smallest") continue;
    if (fifo.find_first_not_of("0123456789") != std::string::npos) {
      throw_unknown_name("--fifo", "choice of depths", fifo, {"given", "smallest"});
    }
    fifo = std::to_string(explore::SweepValues::number<int>("fifo", fifo, 1, most_words));
  }
  return explore::distinct("fifo", std::move(choices));
}

class DataflowExplorer final : public explore::Explorer {
 public:
  DataflowExplorer(const explore::SweepValues& values, const Network& network)
      : network_(network),
        network_hash_(content_hash(network)),
        cache_(network),
        clocks_(explore::clocks_mhz(values)),
        fifos_(fifo_choices(values)) {
    constexpr double clock_without = 300;
    for (const double fps : values.numbers<double>("fps", 1e-3, 1e9)) {
      for (const double clock : clocks_.empty() ? std::vector{clock_without} : clocks_) {
        rates_.push_back({fps, clock});
      }
    }
    const int64_t count = values.integer("foldings", 0, 100'000);
    if (const auto base = values.items("base"); !base.empty()) {
      if (base.size() > 1) throw InputError("--base", "several", "one");
      if (count == 0 && rates_.empty()) {
        throw InputError("--base", "without --foldings and --fps: has no effect", "one of them");
      }
      base_ = parse_base(base.front(), network);
    }
    if (count > 0) foldings_ = built(some_foldings(network, count));
  }

  int64_t seeds() const override { return std::ssize(rates_) + std::ssize(foldings_); }

  std::vector<DesignPoint> from_seed(int64_t seed, Findings& findings) override {
    const auto index = static_cast<size_t>(seed);
    if (index < rates_.size()) return reaching(rates_[index], findings);
    return with_all(foldings_[index - rates_.size()], findings, least_words());
  }
  std::vector<DesignPoint> from(const AcceleratorPtr& accelerator, Findings& findings) override {
    return with_all(dynamic_cast<const Dataflow&>(*accelerator).description(), findings, 1);
  }
  explore::TimingCounts timings() const override { return cache_.counts(); }

 private:
  /// Foldings as --base says.
  std::vector<DataflowAccelerator> built(std::vector<DataflowAccelerator> foldings) const {
    for (DataflowAccelerator& folding : foldings) {
      if (base_) folding = built_as(*base_, folding, network_);
      if (!is_chain(network_)) folding = with_sized_fifos(std::move(folding), network_);
    }
    return foldings;
  }
  /// FINN builds no FIFO for fewer than two words; without --base one is enough.
  int least_words() const { return base_ ? 2 : 1; }

  std::vector<DesignPoint> with_all(const DataflowAccelerator& given, Findings& findings,
                                    int least) {
    std::vector<DesignPoint> points;
    const auto own = std::vector<double>{given.clock_mhz};
    for (const std::string& fifo : fifos_) {
      add(given, fifo, clocks_.empty() ? own : clocks_, findings, points, least);
    }
    return points;
  }

  /// The smallest folding that is fast enough. More parallel ones are hardly ever slower, so that
  /// bisection finds it, or one close by.
  std::vector<DesignPoint> reaching(const FrameRate& rate, Findings& findings) {
    std::vector<DesignPoint> points;
    const auto foldings = built(all_foldings(network_));
    for (const std::string& fifo : fifos_) {
      const auto frames_per_second = [&](const DataflowAccelerator& folding) {
        // The smallest FIFOs are those that keep the interval of roomy ones.
        const auto a = fifo == "smallest" ? with_depth(folding, network_, roomy_depth)
                       : fifo == "given"  ? folding
                                          : with_depth(folding, network_, std::stoi(fifo));
        return rate.clock_mhz * 1e6 / timing(a, findings).interval_cycles();
      };
      const auto first = std::partition_point(
          foldings.begin(), foldings.end(), [&](const DataflowAccelerator& folding) {
            return frames_per_second(folding) < rate.frames_per_second;
          });
      if (first == foldings.end()) {
        throw InputError("--fps",
                         explore::decimal(rate.frames_per_second) + " with FIFOs '" + fifo +
                             "' at " + explore::decimal(rate.clock_mhz) + " MHz",
                         "at most the " + explore::decimal(frames_per_second(foldings.back())) +
                             " of the fastest folding");
      }
      add(*first, fifo, {rate.clock_mhz}, findings, points, least_words());
    }
    return points;
  }

  DesignTiming timing(const DataflowAccelerator& a, Findings& findings) {
    const Json found =
        parse_json(findings.find("timing, waits " + network_hash_ + to_json(a, network_),
                                 [&] {
                                   const DesignTiming t = cache_.timing(a);
                                   return Json{t.first_image_cycles, t.steady_cycles,
                                               t.steady_images, t.bottleneck, t.waits}
                                       .dump();
                                 }),
                   elsewhere);
    return {found.at(0), found.at(1), found.at(2), found.at(3), found.at(4)};
  }

  void add(const DataflowAccelerator& given, const std::string& fifo,
           const std::vector<double>& clocks_mhz, Findings& findings,
           std::vector<DesignPoint>& points, int least) {
    DataflowAccelerator a = given;
    if (fifo == "smallest") {
      const std::string what = least == 1 ? "smallest " : "smallest from 2 ";
      const auto found = findings.find(what + network_hash_ + to_json(given, network_), [&] {
        return depths_of(smallest_depths(cache_, given, network_, roomy_depth, least)).dump();
      });
      a = with_depths(given, parse_json(found, elsewhere));
    } else if (fifo != "given") {
      a = with_depth(given, network_, std::stoi(fifo));
    }
    for (const double clock : clocks_mhz) {
      a.clock_mhz = clock;
      const auto accelerator = std::make_shared<Dataflow>(a);
      const DesignTiming timed = timing(a, findings);
      explore::Design design = design_of(*accelerator, network_, timed, clock);
      design.fifo = fifo;
      points.push_back({std::move(design), accelerator, timed.waits});
    }
  }

  const Network& network_;
  std::string network_hash_;
  TimingCache cache_;
  std::vector<double> clocks_;
  std::vector<std::string> fifos_;
  std::optional<DataflowAccelerator> base_;
  std::vector<FrameRate> rates_;  // for each the smallest folding, with each of fifos_
  std::vector<DataflowAccelerator> foldings_;
};

}  // namespace

std::vector<explore::SweepOption> sweep_options() {
  return {
      {"foldings", "N", "dataflow: N of all foldings, from the smallest to the largest", 0},
      {"fps", "LIST",
       "dataflow: the smallest foldings that reach these frame rates, with the FIFOs of --fifo"},
      {"base",
       "NAME",
       "dataflow: how --foldings and --fps are built: finn, finn-rtl (FINN's parts today), or as "
       "another dataflow accelerator is, such as a folding_config.json; else of loops from HLS "
       "that stall",
       {},
       {},
       true},
      {"fifo",
       "LIST",
       "dataflow: FIFO depths: given, smallest (that cost no speed), or numbers",
       {},
       "given",
       true}};
}

std::unique_ptr<explore::Explorer> explorer(const explore::SweepValues& values,
                                            const Network& network) {
  return std::make_unique<DataflowExplorer>(values, network);
}

}  // namespace stuckat::dataflow
