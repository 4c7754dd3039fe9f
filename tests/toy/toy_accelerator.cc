// An accelerator from outside: this file and main() are all that the command needs to know it.
// toy:N is N scalar PEs that work through one layer after the other, a weight a cycle each; weights
// stay in their memories, and nothing else takes time but a cycle for each word of a max-pool.
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <systemc>

#include "models/common/mvtu_core.h"
#include "models/family.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/program.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"
#include "workloads/reference.h"

namespace stuckat {
namespace {

/// One layer with weights: in time order pixels, folds of rows, columns.
struct Work {
  int use = 0;
  int folds = 0;
  int columns = 0;
  int64_t start = 0;  // cycle of its first step, in an image
  int64_t steps = 0;
};

struct Plan {
  std::vector<Work> work;
  int64_t image_cycles = 0;
};

class ToyTimeline : public Timeline {
 public:
  ToyTimeline(Plan plan, int64_t images) : plan_(std::move(plan)), images_(images) {}

  int64_t images() const override { return images_; }
  int64_t cycles() const override { return images_ * plan_.image_cycles; }
  std::optional<ArrayStep> next_step(const std::string&, int64_t cycle) const override {
    const int64_t from = std::max<int64_t>(0, cycle);
    for (int64_t image = from / plan_.image_cycles; image < images_; ++image) {
      const int64_t begin = image * plan_.image_cycles;
      for (const Work& w : plan_.work) {
        if (from >= begin + w.start + w.steps) continue;
        const int64_t step = std::max<int64_t>(0, from - begin - w.start);
        ArrayStep result{image, w.use, static_cast<int>(step / (w.folds * w.columns)),
                         static_cast<int>(step / w.columns % w.folds),
                         static_cast<int>(step % w.columns)};
        result.cycle = begin + w.start + step;
        result.folds = w.folds;
        return result;
      }
    }
    return {};
  }

 private:
  Plan plan_;
  int64_t images_;
};

class Toy final : public Accelerator {
 public:
  explicit Toy(int pes) : pes_(pes) {}

  std::string name() const override { return "toy:" + std::to_string(pes_); }
  double clock_mhz() const override { return 50; }
  std::string json(const Network&) const override {
    return "{\"pes\": " + std::to_string(pes_) + "}";
  }

  Placement place(const Network& network) const override {
    static const Capabilities capabilities = {
        "toys do not compute", {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool}};
    check_supported(network, capabilities, name());
    PeArray array{"core", pes_, 1, Schedule::channel_parallel, {}};
    for (size_t i = 0; i < network.layers.size(); ++i) {
      const Layer& layer = network.layers[i];
      if (layer.part() == HardwarePart::max_pool) continue;
      array.uses.push_back({static_cast<int>(i), (layer.rows() + pes_ - 1) / pes_ * pes_,
                            layer.columns(), layer.accumulator_bits(), layer.threshold_bits()});
    }
    return {name(), {array}, {}};
  }
  std::unique_ptr<Timeline> timeline(const Network& network, int64_t images) const override {
    return std::make_unique<ToyTimeline>(plan(network), images);
  }

  SimulationResult time(const Network& network, int64_t images) const override {
    const Plan plan = this->plan(network);
    SimulationResult result;
    result.first_image_cycles = plan.image_cycles;
    result.interval_cycles = plan.image_cycles;
    result.total_cycles = images * plan.image_cycles;
    result.bottleneck = "core";
    ModuleStatistics core{"core"};
    for (const Work& w : plan.work) core.busy_cycles += images * w.steps;
    core.idle_cycles = result.total_cycles - core.busy_cycles;
    result.modules = {core};
    return result;
  }

  SimulationResult simulate(const Network& network, const FaultMap& map,
                            const std::vector<Tensor>& images,
                            const Recording& recording) const override {
    const Placement placement = place(network);
    FaultMap faults = map;
    validate(faults, placement, network, placement.accelerator);
    const Plan plan = this->plan(network);
    const PeArray& array = placement.arrays.front();
    std::vector<MvtuCore> cores;
    for (const ArrayUse& use : array.uses) {
      cores.emplace_back(network.layers[static_cast<size_t>(use.layer)], array, use);
      for (const Fault& fault : faults.faults) cores.back().arm(fault);
    }
    SimulationResult result = time(network, static_cast<int64_t>(images.size()));
    for (size_t image = 0; image < images.size(); ++image) {
      const int64_t begin = static_cast<int64_t>(image) * plan.image_cycles;
      std::vector<Tensor> tensors = {images[image]};
      size_t next = 0;
      for (const Layer& layer : network.layers) {
        tensors.push_back(layer.part() == HardwarePart::max_pool
                              ? reference::run_layer(layer, tensors.back())
                              : run(layer, tensors.back(), cores[next], plan.work[next], begin));
        next += layer.part() == HardwarePart::max_pool ? 0 : 1;
      }
      result.logits.push_back(tensors.back().values);
      if (recording.tensors) result.tensors.push_back(std::move(tensors));
      if (recording.progress) recording.progress(static_cast<int64_t>(image) + 1);
    }
    if (recording.spans) result.spans.resize(static_cast<size_t>(network.tensors()));
    if (recording.trace != nullptr) *recording.trace << "{\"traceEvents\":[]}\n";
    return result;
  }

  Cost cost(const Network& network) const override {
    Cost cost{pes_, pes_, 0};
    for (const Layer& layer : network.layers) {
      cost.memory_bits += std::ssize(layer.weights) * layer.weight_format.bits;
    }
    return cost;
  }

 private:
  Plan plan(const Network& network) const {
    Plan plan;
    int use = 0;
    for (const Layer& layer : network.layers) {
      if (layer.part() == HardwarePart::max_pool) {
        plan.image_cycles += layer.output.pixels();
        continue;
      }
      Work w{use++, (layer.rows() + pes_ - 1) / pes_, layer.columns(), plan.image_cycles, 0};
      w.steps = int64_t{layer.output.pixels()} * w.folds * w.columns;
      plan.image_cycles += w.steps;
      plan.work.push_back(w);
    }
    return plan;
  }

  Tensor run(const Layer& layer, const Tensor& input, MvtuCore& core, const Work& work,
             int64_t begin) const {
    Tensor output{layer.output, {}};
    std::vector<int32_t> rows(static_cast<size_t>(pes_));
    std::vector<int64_t> cycles(static_cast<size_t>(work.columns));
    int64_t now = begin + work.start;
    for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
      const auto window =
          reference::window(layer, input, pixel / layer.output.width, pixel % layer.output.width);
      core.load(window.data());
      for (int first = 0; first < layer.rows(); first += pes_) {
        std::iota(cycles.begin(), cycles.end(), now);
        now += work.columns;
        core.set_step_cycles(cycles.data());
        const int last = std::min(first + pes_, layer.rows());
        core.compute(pixel, first, last, rows.data());
        output.values.insert(output.values.end(), rows.begin(), rows.begin() + (last - first));
      }
    }
    return output;
  }

  int pes_;
};

Family toy_family() {
  Family row;
  row.prefix = "toy";
  row.noun = "toy accelerator";
  row.label = "toy";
  row.forms = {{"N", "N scalar PEs, layer after layer"}};
  row.parse = [](const std::string& name, const Network&) -> AcceleratorPtr {
    const std::string number = name.substr(4);
    const bool digits = number.find_first_not_of("0123456789") == std::string::npos;
    const int pes = digits && number.size() <= 3 && !number.empty() ? std::stoi(number) : 0;
    if (pes < 1) throw InputError(name, "no number of PEs", "toy:1 to toy:999");
    return std::make_shared<Toy>(pes);
  };
  return row;
}

}  // namespace
}  // namespace stuckat

int sc_main(int argc, char* argv[]) {
  stuckat::Families families = stuckat::built_in_families();
  families.add(stuckat::toy_family());
  stuckat::cli::use_families(std::move(families));
  return stuckat::cli::run_program({argv + 1, argv + argc});
}

int main(int argc, char* argv[]) {
  setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
