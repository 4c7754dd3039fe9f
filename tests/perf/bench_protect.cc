// What can be done about broken channels and PEs of CNV-W1A1 on its published folding: campaigns of
// all channels and of all dead PEs, then every measure. Goal: 180 s on two cores for 1,000 images.
// And what measures cost that are not there: a protected accelerator without any against the one
// inside, in turn, with values. Goal: within 1 % (median over the pairs).
//
// bench_protect [--images N] [--sets N] [--threads N] [--pairs N]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <string>
#include <systemc>
#include <vector>

#include "models/family.h"
#include "models/protected/accelerator.h"
#include "sim/campaign/run.h"
#include "sim/protect/measures.h"
#include "tests/perf/campaign_setup.h"
#include "tests/support/in_child.h"

using namespace stuckat;

namespace {

struct Options {
  int images = 1000;
  int64_t sets = 40;
  int threads = 2;
  int pairs = 15;
};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

DataSet first_images(const bench::Setup& setup, int count) {
  DataSet data = setup.data;
  if (data.size() == 0) {
    std::mt19937_64 random(2);
    data.name = "random";
    data.shape = setup.network.input();
    data.classes = setup.network.classes();
    for (int i = 0; i < count * data.shape.size(); ++i) {
      data.pixels.push_back(static_cast<uint8_t>(random() & 255));
    }
    for (int i = 0; i < count; ++i) data.labels.push_back(static_cast<uint16_t>(i % data.classes));
  }
  const int held = std::min(count, data.size());
  data.pixels.resize(static_cast<size_t>(held) * static_cast<size_t>(data.shape.size()));
  data.labels.resize(static_cast<size_t>(held));
  return data;
}

void study(const bench::Setup& setup, const Placement& placement, const Options& options) {
  const DataSet data = first_images(setup, options.images);
  campaign::RunOptions run;
  run.threads = options.threads;
  const auto began = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  std::vector<campaign::Result> evidence;
  for (const std::string faults : {"channel", "pe"}) {
    evidence.push_back(
        campaign::run(setup.network, data,
                      faults == "pe"
                          ? campaign::site_faults(setup.network, placement, SiteKind::pe_dead)
                          : campaign::channel_faults(setup.network),
                      run)
            .result);
    evidence.back().identity.faults = faults;
  }
  const double campaigns = cpu_seconds() - cpu;
  protect::Meter meter(setup.network, data, options.threads);
  protect::SearchOptions search;
  search.sets = options.sets;
  std::vector<const protect::MeasureRow*> rows;
  for (const auto& row : protect::measures()) rows.push_back(&row);
  size_t candidates = 0;
  for (const campaign::Result& result : evidence) {
    const protect::MeasureInput input{setup.network, placement, result, &meter, search};
    candidates += protect::candidates(input, rows, "benchmark").size();
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  std::cout << std::fixed << std::setprecision(1) << data.size() << " images, "
            << evidence[0].size() << " stuck channels, " << evidence[1].size() << " dead PEs, "
            << candidates << " candidates: " << wall.count() << " s by the wall on "
            << options.threads << " threads, " << cpu_seconds() - cpu << " CPU-seconds, of which "
            << campaigns << " campaigns; goal: 180 s on two cores for 1,000 images\n";
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void empty_measures(const bench::Setup& setup, const AcceleratorPtr& inside, int pairs) {
  const ProtectedAccelerator around("empty", inside, {});
  std::vector<Tensor> images;
  for (int i = 0; i < 40; ++i) images.push_back(bench::image_of(setup, i));
  const auto seconds = [&](const Accelerator& accelerator) {  // SystemC elaborates once
    return std::stod(test::in_child([&] {
      const double cpu = cpu_seconds();
      accelerator.simulate(setup.network, {accelerator.name(), {}}, images, {});
      return std::to_string(cpu_seconds() - cpu);
    }));
  };
  std::vector<double> ratios;
  for (int i = 0; i < pairs; ++i) {
    double plain = i % 2 == 0 ? seconds(*inside) : 0;
    const double empty = seconds(around);
    if (i % 2 != 0) plain = seconds(*inside);
    ratios.push_back(empty / plain);
  }
  std::cout << std::setprecision(2) << "simulator with empty measures " << std::showpos
            << 100 * (median(ratios) - 1) << std::noshowpos << " % (median of " << pairs
            << " pairs); goal: within 1 %\n";
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    const int value = std::atoi(argv[i + 1]);
    if (option == "--images") options.images = value;
    if (option == "--sets") options.sets = value;
    if (option == "--threads") options.threads = value;
    if (option == "--pairs") options.pairs = value;
  }
  const bench::Setup setup = bench::make_setup("cnv-w1a1");
  const AcceleratorPtr accelerator =
      built_in_families().parse("dataflow:bnn-pynq-cnv-w1a1", setup.network, "benchmark");
  study(setup, accelerator->place(setup.network), options);
  empty_measures(setup, accelerator, options.pairs);
  return 0;
}
