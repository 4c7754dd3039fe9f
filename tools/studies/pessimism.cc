#include "tools/studies/pessimism.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <set>

#include "faultmaps/describe_effects.h"
#include "faultmaps/lower.h"
#include "faultmaps/normal_form.h"
#include "faultmaps/site_index.h"
#include "sim/campaign/fault_set.h"
#include "sim/fast/parallel.h"
#include "sim/fast/verdict_counts.h"

namespace stuckat::studies {
namespace {

using campaign::FaultSet;
using campaign::Stratum;

/// Tensors that the effects break directly, ascending.
std::set<int> broken_tensors(const Effects& effects) {
  std::set<int> tensors;
  for_each_fault(effects, [&](const auto& fault) { tensors.insert(tensor_of(fault)); });
  return tensors;
}

/// The effects on one tensor only.
Effects only(const Effects& effects, int tensor) {
  Effects result = effects;
  for_each_form(result, [&](auto& faults) {
    std::erase_if(faults, [&](const auto& fault) { return tensor_of(fault) != tensor; });
  });
  return result;
}

/// Some weights of channels that go on with all their others: partial, without a test.
bool only_weights(const Effects& effects) {
  return effects.size() == effects.patches.size() &&
         std::none_of(effects.patches.begin(), effects.patches.end(),
                      [](const auto& p) { return p.is_threshold; });
}

/// The whole code stuck at a level of tensor `tensor`.
CodeMask stuck_at(const Network& network, int tensor, int level) {
  if (!network.holds_accumulators(tensor)) {
    return CodeMask::constant(network.format(tensor).code(level));
  }
  return CodeMask::constant(
      static_cast<uint32_t>(dead_accumulator(network.layer(network.producer(tensor)), level)));
}

/// All of a few levels; of many (the fixed-point image) the lowest, the middle one, the greatest.
std::vector<int> few(std::vector<int> levels) {
  constexpr size_t most = 16;
  if (levels.size() <= most) return levels;
  return {levels.front(), levels[levels.size() / 2], levels.back()};
}

/// A fault of the other row at the same part and first coordinate, at its levels.
std::vector<Effects> at_row(SiteKind kind, const Fault& fault, const Placement& placement,
                            const Network& network) {
  std::vector<Effects> result;
  const SiteRow& row = site_row(kind);
  for (int part = 0; part < count_parts(row.part, placement); ++part) {
    const SiteSpace space = site_space(row, placement, part, network);
    if (space.part != fault.part) continue;
    for (const int value : few(space.values)) {
      const FaultMap map{placement.accelerator,
                         {{kind, fault.part, {fault.coordinates[0], 0, 0, 0}, value}}};
      result.push_back(lower(map, placement, network));
    }
  }
  return result;
}

/// Levels that the elements of a tensor can be stuck at.
NumberFormat levels_of(const Network& network, int tensor) {
  return tensor == 0 ? network.format(0) : level_format(network, network.producer(tensor));
}

/// The elements that effects reach first, to be stuck whole: those overwritten; maxima of a broken
/// pool; the channels of a row whose parameters differ; the pixels of operands held wrongly, in all
/// channels; the channels of operands that are wrong in every pixel or window.
std::vector<ElementFault> touched(const Effects& effects, const Network& network) {
  std::vector<ElementFault> result = effects.elements;
  const auto add = [&](int tensor, std::vector<int> channels, std::vector<int> pixels) {
    ElementFault element;
    element.tensor = tensor;
    element.channels = std::move(channels);
    element.pixels = std::move(pixels);
    result.push_back(std::move(element));
  };
  for (const PoolFault& p : effects.pools) add(p.layer + 1, p.channels, p.pixels);
  for (const ParameterPatch& p : effects.patches) add(p.layer + 1, {p.row}, {});
  for (const WindowFault& w : effects.windows) {
    const int channels = network.layers[static_cast<size_t>(w.layer)].input.channels;
    std::set<int> of_columns;
    for (const int column : w.columns) of_columns.insert(column % channels);
    add(w.layer, {of_columns.begin(), of_columns.end()}, {});
  }
  for (const OperandFault& o : effects.operands) {
    if (o.pixels.empty()) {
      add(o.layer, o.channels, {});
      continue;
    }
    const Layer& layer = network.layers[static_cast<size_t>(o.layer)];
    const int width = layer.input.width + 2 * layer.padding;
    std::vector<int> pixels;
    for (const int pixel : o.pixels) {
      const int y = pixel / width - layer.padding;
      const int x = pixel % width - layer.padding;
      if (y < 0 || x < 0 || y >= layer.input.height || x >= layer.input.width) continue;
      pixels.push_back(y * layer.input.width + x);
    }
    if (!pixels.empty()) add(o.layer, {}, std::move(pixels));
  }
  return result;
}

/// Whether what differs in one tensor is whole channels or whole pixels, image by image.
class StuckTest {
 public:
  explicit StuckTest(Shape shape) : channels_(static_cast<size_t>(shape.channels)) {}

  void add(const Tensor& golden, const Tensor& faulty) {
    const auto count = channels_.size();
    for (size_t pixel = 0; pixel < golden.values.size(); pixel += count) {
      bool differs = false, uniform = true;
      for (size_t c = 0; c < count; ++c) {
        const int value = faulty.values[pixel + c];
        Channel& channel = channels_[c];
        channel.constant = channel.constant && (!channel.seen || channel.value == value);
        channel.seen = true;
        channel.value = value;
        uniform = uniform && value == faulty.values[pixel];
        if (golden.values[pixel + c] == value) continue;
        differs = differs_ = true;
        channel.differs = true;
      }
      pixels_ = pixels_ && (!differs || uniform);
    }
  }
  bool differs() const { return differs_; }
  bool stuck() const {
    return pixels_ || std::none_of(channels_.begin(), channels_.end(),
                                   [](const Channel& c) { return c.differs && !c.constant; });
  }

 private:
  struct Channel {
    int value = 0;
    bool seen = false, constant = true, differs = false;
  };
  std::vector<Channel> channels_;
  bool pixels_ = true;
  bool differs_ = false;
};

struct FaultResult {
  Outcome outcome = Outcome::masked;
  int64_t right = 0;
};

/// All faults of a block on all images: right predictions, and what kind of damage it is.
class Block {
 public:
  Block(const fast::PackedNetwork& packed, const DataSet& data, std::vector<Effects> effects)
      : packed_(packed), data_(data), faults_(packed, std::move(effects)) {}

  std::vector<FaultResult> run(int examined) {
    std::vector<FaultResult> results(static_cast<size_t>(faults_.size()));
    std::vector<fast::Verdict> verdicts(results.size());
    fast::FaultSimulator simulator(faults_);
    for (int i = 0; i < data_.size(); ++i) {
      simulator.simulate(input_tensor(packed_.network(), data_, i), i, verdicts);
      for (size_t f = 0; f < results.size(); ++f) {
        results[f].right += verdicts[f].prediction == data_.labels[static_cast<size_t>(i)] ? 1 : 0;
        if (verdicts[f].last_difference >= 0) results[f].outcome = Outcome::partial;
      }
    }
    classify(std::min(examined, data_.size()), results);
    return results;
  }

 private:
  /// Partial until now: those whose every broken tensor passes the test are stuck.
  void classify(int examined, std::vector<FaultResult>& results) {
    struct Entry {
      size_t fault;
      int tensor;
      StuckTest test;
    };
    std::vector<Entry> entries;
    std::vector<Effects> effects;
    for (size_t f = 0; f < results.size(); ++f) {
      const Effects& of_fault = faults_.effects(static_cast<int>(f));
      if (results[f].outcome == Outcome::masked || only_weights(of_fault)) continue;
      for (const int tensor : broken_tensors(of_fault)) {
        entries.push_back({f, tensor, StuckTest(packed_.network().shape(tensor))});
        effects.push_back(only(of_fault, tensor));
      }
    }
    // Most are found partial on the first images: the list shrinks as they go by.
    for (int i = 0; i < examined && !entries.empty();) {
      const fast::FaultList list(packed_, effects);
      fast::FaultSimulator simulator(list);
      for (const int until = std::min(examined, 2 * i + 1); i < until; ++i) {
        simulator.load(input_tensor(packed_.network(), data_, i), i);
        for (size_t e = 0; e < entries.size(); ++e) {
          if (!entries[e].test.stuck()) continue;
          entries[e].test.add(simulator.golden().tensor(entries[e].tensor),
                              simulator.tensor(static_cast<int>(e), entries[e].tensor));
        }
      }
      std::set<size_t> partial;
      for (const Entry& entry : entries) {
        if (!entry.test.stuck()) partial.insert(entry.fault);
      }
      std::vector<Entry> left;
      std::vector<Effects> of_left;
      for (size_t e = 0; e < entries.size(); ++e) {
        if (partial.count(entries[e].fault) > 0) continue;
        left.push_back(std::move(entries[e]));
        of_left.push_back(std::move(effects[e]));
      }
      entries = std::move(left);
      effects = std::move(of_left);
    }
    for (const Entry& entry : entries) {
      if (entry.test.differs()) results[entry.fault].outcome = Outcome::stuck;
    }
  }

  const fast::PackedNetwork& packed_;
  const DataSet& data_;
  fast::FaultList faults_;
};

std::vector<FaultResult> run_all(const fast::PackedNetwork& packed, const DataSet& data,
                                 const std::function<Effects(int64_t)>& effects, int64_t count,
                                 const PessimismOptions& options,
                                 const std::function<void(double)>& progress) {
  constexpr int64_t block = 1024;
  std::vector<FaultResult> results(static_cast<size_t>(count));
  const int64_t blocks = (count + block - 1) / block;
  std::mutex mutex;
  int64_t done = 0;
  fast::for_each_in_parallel(blocks, options.threads, [&](fast::NextIndex& next) {
    for (int64_t b = next(); b >= 0; b = next()) {
      std::vector<Effects> some;
      for (int64_t f = b * block; f < std::min(count, (b + 1) * block); ++f) {
        some.push_back(effects(f));
      }
      const auto found = Block(packed, data, std::move(some)).run(options.examined);
      std::copy(found.begin(), found.end(),
                results.begin() + static_cast<std::ptrdiff_t>(b * block));
      const std::lock_guard<std::mutex> lock(mutex);
      progress(static_cast<double>(++done) / static_cast<double>(blocks));
    }
  });
  return results;
}

/// The share of the population after a stratified sample that has a property, in percent.
template <typename Property>
Estimate share_of(const FaultSet& set, double confidence, const Property& property) {
  double population = 0;
  for (const Stratum& s : set.strata()) population += static_cast<double>(s.population);
  std::vector<Estimate> strata;
  std::vector<double> weights;
  for (const Stratum& s : set.strata()) {
    int64_t having = 0;
    for (int64_t f = s.first; f < s.first + s.count; ++f) {
      having += property(static_cast<size_t>(f)) ? 1 : 0;
    }
    strata.push_back(campaign::share_limits(having, s.count, s.population, confidence));
    weights.push_back(static_cast<double>(s.population) / population);
  }
  const Estimate all = campaign::combine(strata, weights);
  return {100 * all.value, 100 * all.low, 100 * all.high};
}

/// The mean of a figure over the population after a stratified sample, with its interval: normal,
/// variances of the strata, finite populations (Cochran 1977, eq. 5.7 and 5.15).
template <typename Figure>
Estimate mean_of(const FaultSet& set, double confidence, const Figure& figure) {
  double population = 0;
  for (const Stratum& s : set.strata()) population += static_cast<double>(s.population);
  double mean = 0, variance = 0;
  for (const Stratum& s : set.strata()) {
    const auto n = static_cast<double>(s.count), of = static_cast<double>(s.population);
    double sum = 0, squares = 0;
    for (int64_t f = s.first; f < s.first + s.count; ++f) {
      const double value = figure(static_cast<size_t>(f));
      sum += value;
      squares += value * value;
    }
    const double weight = of / population;
    mean += weight * sum / n;
    const double spread = n > 1 ? std::max(0.0, (squares - sum * sum / n) / (n - 1)) : 0;
    variance += weight * weight * spread / n * (1 - n / of);
  }
  const double half = campaign::two_sided_quantile(confidence) * std::sqrt(variance);
  return {mean, mean - half, mean + half};
}

/// Points that an abstraction loses at its worst level, computed once for each.
class Abstractions {
 public:
  Abstractions(const fast::PackedNetwork& packed, const DataSet& data, int threads)
      : packed_(packed), data_(data), threads_(threads) {}

  /// Right predictions at the worst level, for each fault.
  std::vector<int64_t> worst(const std::vector<Fault>& faults, const Placement& placement) {
    std::map<std::string, std::vector<size_t>> same;  // described effects -> faults
    std::vector<std::vector<Effects>> levels;
    for (size_t f = 0; f < faults.size(); ++f) {
      auto of_fault = abstractions(faults[f], placement, packed_.network());
      std::string key;
      for (const Effects& e : of_fault) {
        for (const auto& text : describe(e, packed_.network())) key += text + "\n";
        for (const auto& element : e.elements) key += std::to_string(element.slot.slot) + ",";
      }
      auto& members = same[key];
      if (members.empty()) levels.push_back(std::move(of_fault));
      members.push_back(f);
      if (members.size() == 1) order_.push_back(&members);
    }
    std::vector<Effects> all;
    for (const auto& of_fault : levels) all.insert(all.end(), of_fault.begin(), of_fault.end());
    const fast::FaultList list(packed_, all);
    const auto counts = fast::count_verdicts(
        list,
        [&](int64_t i) { return input_tensor(packed_.network(), data_, static_cast<int>(i)); },
        [&](int64_t i) { return data_.labels[static_cast<size_t>(i)]; }, 0, data_.size(), threads_);
    std::vector<int64_t> result(faults.size());
    int at = 0;
    for (size_t g = 0; g < levels.size(); ++g) {
      int64_t least = counts.total_golden_correct();
      if (!levels[g].empty()) least = data_.size();
      for (size_t i = 0; i < levels[g].size(); ++i) {
        least = std::min(least, counts.total_correct(at++));
      }
      for (const size_t f : *order_[g]) result[f] = least;
    }
    order_.clear();
    return result;
  }

 private:
  const fast::PackedNetwork& packed_;
  const DataSet& data_;
  const int threads_;
  std::vector<const std::vector<size_t>*> order_;
};

}  // namespace

std::vector<Effects> abstractions(const Fault& fault, const Placement& placement,
                                  const Network& network) {
  const SiteRow& row = site_row(fault.kind);
  const bool of_one_pe = row.is_of_pe();
  if (of_one_pe) return at_row(SiteKind::pe_dead, fault, placement, network);
  if (fault.kind == SiteKind::stream_slot || fault.kind == SiteKind::stream_word) {
    return at_row(SiteKind::stream_word, fault, placement, network);
  }
  const Effects exact = lower({placement.accelerator, {fault}}, placement, network);
  const std::vector<ElementFault> elements = touched(exact, network);
  std::vector<Effects> result;
  if (elements.empty()) return result;
  const int levels = levels_of(network, elements.front().tensor).levels();
  std::vector<int> numbers(static_cast<size_t>(levels));
  std::iota(numbers.begin(), numbers.end(), 0);
  for (const int number : few(numbers)) {
    Effects stuck;
    for (ElementFault e : elements) {
      // The level as far up as in the first tensor.
      const NumberFormat format = levels_of(network, e.tensor);
      const int level = format.level(number * (format.levels() - 1) / (levels - 1));
      e.mask = stuck_at(network, e.tensor, level);
      stuck.elements.push_back(e);
    }
    normalize(stuck);
    result.push_back(stuck);
  }
  return result;
}

Pessimism study(const Network& network, const Placement& placement, const DataSet& data,
                const PessimismOptions& options) {
  const fast::PackedNetwork packed(network);
  const SiteIndex sites(placement, network);
  Pessimism result;
  result.images = data.size();
  result.right = run_all(
                     packed, data, [](int64_t) { return Effects{}; }, 1, options, [](double) {})[0]
                     .right;
  const auto points = [&](int64_t right) {
    return 100.0 * static_cast<double>(result.right - right) / static_cast<double>(result.images);
  };
  for (const SiteRow& site : site_table()) {
    FaultSet set = campaign::site_faults(network, placement, site.kind);
    if (set.size() == 0) continue;
    PessimismRow row;
    row.site = site.name;
    row.faults = set.size();
    if (set.size() > options.exhaustive) set = campaign::sample(set, options.sampling);
    row.examined = set.size();
    std::vector<Fault> faults;
    for (int64_t f = 0; f < set.size(); ++f)
      faults.push_back(sites.parse(set.info(f).id, site.name));
    const auto abstract = Abstractions(packed, data, options.threads).worst(faults, placement);
    const auto exact = run_all(
        packed, data, [&](int64_t f) { return set.effects(f); }, set.size(), options,
        [&](double share) { options.progress(site.name, share); });
    const auto mean = [&](const auto& figure) {
      return mean_of(set, options.sampling.confidence, figure);
    };
    const auto share = [&](const auto& property) {
      return share_of(set, options.sampling.confidence, property);
    };
    const auto outcome = [&](Outcome which) {
      return share([&](size_t f) { return exact[f].outcome == which; });
    };
    row.masked = outcome(Outcome::masked);
    row.stuck = outcome(Outcome::stuck);
    row.partial = outcome(Outcome::partial);
    row.exact = mean([&](size_t f) { return points(exact[f].right); });
    row.abstraction = mean([&](size_t f) { return points(abstract[f]); });
    row.gap = mean([&](size_t f) { return points(abstract[f]) - points(exact[f].right); });
    row.optimistic = share([&](size_t f) { return exact[f].right < abstract[f]; });
    row.worst_exact = points(result.images);
    row.worst_abstraction = points(result.images);
    for (size_t f = 0; f < exact.size(); ++f) {
      row.worst_exact = std::max(row.worst_exact, points(exact[f].right));
      row.worst_abstraction = std::max(row.worst_abstraction, points(abstract[f]));
    }
    result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace stuckat::studies
