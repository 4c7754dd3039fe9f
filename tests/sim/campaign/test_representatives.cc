#include <algorithm>
#include <climits>
#include <map>

#include "faultmaps/faulty_values.h"
#include "sim/campaign/run.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"

using namespace stuckat;
using namespace stuckat::campaign;
using test::CampaignSetup;
using test::TemporaryFolder;

namespace {

/// Faults of several kinds of one accelerator in one list, in an order without meaning, with
/// many that do the same: wires, PEs and channels at the same level, bits that hold their value.
FaultSet mixed_faults(CampaignSetup& s, const Placement& placement, int64_t most) {
  std::vector<std::string> ids;
  const auto add = [&](const FaultSet& faults) {
    const int64_t step = 1 + faults.size() / most;
    for (int64_t i = 0; i < faults.size(); i += step) ids.push_back(faults.info(i).id);
  };
  add(channel_faults(s.network));
  add(pixel_faults(s.network, false));
  add(pixel_faults(s.network, true));
  for (const SiteRow& row : site_table()) add(site_faults(s.network, placement, row.kind));
  std::shuffle(ids.begin(), ids.end(), s.random);
  std::vector<std::vector<std::string>> parts;
  for (const std::string& id : ids) parts.push_back({id});
  return named_faults(s.network, &placement, ids, parts, "mixed");
}

using Values = std::vector<int>;           // what becomes of each value of a format
using Elements = std::vector<Values>;      // of one tensor
using SpeltOut = std::map<int, Elements>;  // by tensor: those that are not left as they are

Values all_values(NumberFormat format) {
  Values values;
  for (uint32_t code = 0; code < 1u << format.bits; ++code) values.push_back(format.value(code));
  std::sort(values.begin(), values.end());
  return values;
}

/// Element faults of tensors written down element by element and value by value. Uses nothing of
/// sim/fast.
SpeltOut one_by_one(const Network& network, const Effects& effects) {
  SpeltOut tensors;
  for (const ElementFault& fault : effects.elements) {
    const Shape shape = network.shape(fault.tensor);
    auto [at, is_new] = tensors.try_emplace(fault.tensor);
    if (is_new) {
      at->second.assign(static_cast<size_t>(shape.size()),
                        all_values(network.format(fault.tensor)));
    }
    for (const int e : selected_elements(fault, shape, 0)) {
      for (int& value : at->second[static_cast<size_t>(e)]) {
        value = masked_value(network, fault.tensor, fault.mask, value);
      }
    }
  }
  return tensors;
}

/// The output of a pool as a function of each element under its windows: from each element's own
/// function f, max(f, the least that the window can give). Two pools whose lists are equal do the
/// same, and different lists do not, as each position shows when the others give their least.
/// `after` is applied to the maximum: the list says so where it does not rise.
Elements through_pool(const Layer& pool, const Elements& before, const Elements& behind) {
  Elements result;
  const auto channels = static_cast<size_t>(pool.input.channels);
  for (int pixel = 0; pixel < pool.output.pixels(); ++pixel) {
    for (size_t c = 0; c < channels; ++c) {
      const Values& after = behind[static_cast<size_t>(pixel) * channels + c];
      const Values healthy = all_values(pool.input_format);
      const auto value_after = [&](int value) {
        return after[static_cast<size_t>(std::find(healthy.begin(), healthy.end(), value) -
                                         healthy.begin())];
      };
      std::vector<Values> window;
      int least = INT_MIN;
      for (int k = 0; k < pool.kernel * pool.kernel; ++k) {
        const int y = pixel / pool.output.width * pool.stride + k / pool.kernel;
        const int x = pixel % pool.output.width * pool.stride + k % pool.kernel;
        window.push_back(before[static_cast<size_t>(y * pool.input.width + x) * channels + c]);
        least = std::max(least, *std::min_element(window.back().begin(), window.back().end()));
      }
      for (Values& values : window) {
        for (int& value : values) value = value_after(std::max(value, least));
        result.push_back(values);
      }
      if (!std::is_sorted(after.begin(), after.end())) result.push_back({});
    }
  }
  return result;
}

/// What comes out of each tensor, a tensor before a pool and the one after it as one.
SpeltOut spelt_out(const Network& network, const Effects& effects) {
  SpeltOut tensors = one_by_one(network, effects);
  const auto healthy = [&](int tensor) {
    return Elements(static_cast<size_t>(network.shape(tensor).size()),
                    all_values(network.format(tensor)));
  };
  std::erase_if(tensors, [&](const auto& t) { return t.second == healthy(t.first); });
  const auto elements = [&](int tensor) {
    const auto at = tensors.find(tensor);
    return at == tensors.end() ? healthy(tensor) : at->second;
  };
  SpeltOut result;
  const auto put = [&](int key, const Elements& own, const Elements& right) {
    if (own != right) result[key] = own;
  };
  // Where no window of a pool looks, something changes and nothing behind it.
  if (!tensors.empty()) result[-1];
  for (int t = 0; t + 1 < network.tensors(); ++t) {
    const bool pooled = network.layers[static_cast<size_t>(t)].kind == LayerKind::max_pool;
    const bool after_pool =
        t > 0 && network.layers[static_cast<size_t>(t) - 1].kind == LayerKind::max_pool;
    if (pooled) {
      const Layer& pool = network.layers[static_cast<size_t>(t)];
      put(t + 1, through_pool(pool, elements(t), elements(t + 1)),
          through_pool(pool, healthy(t), healthy(t + 1)));
    } else if (!after_pool) {
      put(t, elements(t), healthy(t));
    }
  }
  return result;
}

/// spelt_out() says all about it.
bool is_spelt_out(const Network& network, const Effects& effects) {
  return effects.elements.size() == effects.size() &&
         std::none_of(effects.elements.begin(), effects.elements.end(), [&](const auto& fault) {
           return fault.depends_on_image() || network.holds_accumulators(fault.tensor);
         });
}

}  // namespace

TEST_CASE("classes of faults are those of a comparison of everything with everything") {
  for (uint64_t seed = 41; seed <= 46; ++seed) {
    INFO("seed " << seed);
    CampaignSetup s(seed, 8);
    const Placement& placement = seed % 2 == 0 ? s.dataflow : s.loopback;
    const FaultSet faults = mixed_faults(s, placement, 40);
    const Result result = run(s.network, s.data, faults, {}).result;
    // Sound: on every image, the logits of the representative, by the reference.
    for (int64_t i = 0; i < s.data.size(); ++i) {
      const Tensor image = input_tensor(s.network, s.data, static_cast<int>(i));
      std::vector<Tensor> logits;
      const Tensor golden = reference::run(s.network, image).back();
      for (int64_t f = 0; f < faults.size(); ++f) {
        const int32_t first = result.representatives[static_cast<size_t>(f)];
        logits.push_back(reference::run(s.network, image, faults.effects(f), i).back());
        const Tensor& same = first < 0 ? golden : logits[static_cast<size_t>(first)];
        if (!(logits.back() == same)) FAIL(faults.info(f).id << " is not " << first);
      }
    }
    // Complete: element faults that do the same are in one class, all others are not.
    int64_t collapsed = 0;
    std::vector<std::pair<int64_t, SpeltOut>> seen = {{-1, {}}};
    for (int64_t f = 0; f < faults.size(); ++f) {
      const Effects effects = faults.effects(f);
      if (!is_spelt_out(s.network, effects)) continue;
      const SpeltOut own = spelt_out(s.network, effects);
      const auto same = std::find_if(seen.begin(), seen.end(),
                                     [&](const auto& other) { return other.second == own; });
      const int64_t first = same == seen.end() ? f : same->first;
      if (first == f) seen.emplace_back(f, own);
      INFO(faults.info(f).id << " as " << (first < 0 ? "no effect" : faults.info(first).id));
      CHECK(result.representatives[static_cast<size_t>(f)] == first);
      collapsed += first != f ? 1 : 0;
    }
    CHECK(collapsed > 0);
    for (int64_t f = 0; f < faults.size(); ++f) {
      const int32_t first = result.representatives[static_cast<size_t>(f)];
      if (first < 0) {
        CHECK(result.last_difference[static_cast<size_t>(f * (result.tensors() + 1))] ==
              result.images);
        continue;
      }
      CHECK(result.critical[static_cast<size_t>(f)] == result.critical[static_cast<size_t>(first)]);
      CHECK(result.total_correct(f) == result.total_correct(first));
      CHECK(result.masked(f) == result.masked(first));
    }
  }
}

TEST_CASE("classes reach across blocks, threads, shards and a resumed run, to the byte") {
  const TemporaryFolder folder;
  CampaignSetup s(51, 12);
  const FaultSet faults = mixed_faults(s, s.dataflow, 30);
  const auto file = [&](const std::string& name, RunOptions options) {
    run_to_file(folder / name, Resume::allowed, s.network, s.data, faults, options);
    return test::read_bytes(folder / name);
  };
  const std::string whole = file("whole.h5", {});
  const Result result = read_result(folder / "whole.h5");
  // One block holds few of the set: most classes have members in several.
  RunOptions small;
  small.block_faults = 7;
  small.chunk_images = 2;
  int64_t across = 0;
  for (int64_t f = 0; f < result.size(); ++f) {
    const int32_t first = result.representatives[static_cast<size_t>(f)];
    across += first >= 0 && first / small.block_faults != f / small.block_faults ? 1 : 0;
  }
  CHECK(across > 0);
  CHECK(file("blocks.h5", small) == whole);
  small.threads = 3;
  CHECK(file("threads.h5", small) == whole);
  int64_t left = 3 * faults.size();
  const auto stopped =
      run_to_file(folder / "resumed.h5", Resume::refuse, s.network, s.data, faults, small,
                  fast_engine(), [&](const Progress&) { return --left > 0; });
  CHECK(stopped.finished == (left > 0));
  CHECK(file("resumed.h5", {}) == whole);
  std::vector<Result> shards;
  for (int i = 0; i < 3; ++i) {
    RunOptions options;
    options.shard = {i, 3};
    shards.push_back(run(s.network, s.data, faults, options).result);
    CHECK(shards.back().representatives == result.representatives);
  }
  write_result(folder / "merged.h5", merge(shards, {"a", "b", "c"}));
  CHECK(test::read_bytes(folder / "merged.h5") == whole);
  shards.back().representatives = {};
  CHECK_THROWS_AS(merge(shards, {"a", "b", "c"}), InputError);
}

TEST_CASE("a result of another version is refused in one line") {
  const TemporaryFolder folder;
  Hdf5File file = Hdf5File::create(folder / "old.h5");
  file.write_schema("stuckat.campaign", 1);
  file.commit();
  CHECK_THROWS_WITH(read_result(folder / "old.h5"),
                    Catch::Contains("has schema version 1") && Catch::Contains("expected 2"));
}
