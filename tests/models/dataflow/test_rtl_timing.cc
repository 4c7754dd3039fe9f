// FINN's parts in RTL: cycles that were measured on FINN's own RTL library under Verilator
// (finn-rtllib at Xilinx/finn 39f0c9a6, windows from FINN's generator), and the recurrences written
// down once more, as directly as they can be.
#include "tests/models/dataflow/random_window.h"
#include "tests/models/dataflow/rtl_bench.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using stuckat::test::BenchTimes;
using stuckat::test::Random;
using stuckat::test::RtlBench;
using stuckat::test::run_bench;
using stuckat::test::square_window;
using stuckat::test::thresholding;
using stuckat::test::uniform;

namespace {

constexpr int threshold_bits = 2;

/// Window of K = 3, MVU and thresholding; FIFOs of two words after each, `depth` after the layer.
void add_layer(RtlBench& bench, int size, int words_per_pixel, int64_t synapse_fold,
               int64_t neuron_fold, int depth = 2) {
  const int64_t windows = int64_t{size - 2} * (size - 2);
  bench.programs.push_back(RtlWindowProgram{square_window(size, words_per_pixel, 3)});
  bench.programs.push_back(RtlMvuShape{synapse_fold, neuron_fold, windows, 5});
  bench.programs.push_back(thresholding(windows * neuron_fold, threshold_bits));
  bench.depths.insert(bench.depths.end(), {2, 2, depth});
}

int64_t cycles_of(RtlBench bench, int64_t images) {
  bench.images = images;
  return run_bench(bench).cycles();
}

RtlBench alone(const PartProgram& program) { return {{program}, {2, 2}}; }

}  // namespace

TEST_CASE("windows_take_the_cycles_of_finns_rtl") {
  const auto window = [](int size, int words) {
    return alone(RtlWindowProgram{square_window(size, words, 3)});
  };
  CHECK(cycles_of(window(6, 2), 3) == 908);
  CHECK(cycles_of(window(6, 2), 3) - cycles_of(window(6, 2), 2) == 302);
  CHECK(cycles_of(window(32, 1), 3) == 24482);
  CHECK(cycles_of(window(32, 1), 3) - cycles_of(window(32, 1), 2) == 8160);
  CHECK(cycles_of(window(14, 2), 3) == 7916);
  CHECK(cycles_of(window(3, 2), 3) == 62);  // one window
  // One word in eight cycles: a pause of seven before each.
  RtlBench slow = window(32, 1);
  slow.source_interval = 8;
  slow.source.assign(3 * 1024, 7);
  CHECK(cycles_of(slow, 3) == 25847);
}

TEST_CASE("the_interval_of_a_window_that_writing_bounds_is_the_formula") {
  // ((K-1)W+K)m + OH*OW*K*K*m - K*K*m + 2
  for (const int kernel : {2, 3, 5}) {
    for (const int words : {1, 2, 3}) {
      for (const int size : {6, 9, 12}) {
        const WindowShape shape = square_window(size, words, kernel);
        const int64_t of_pixel = int64_t{kernel} * kernel * words;
        const int64_t outputs = int64_t{shape.out_height} * shape.out_width;
        const int64_t load = (int64_t{kernel - 1} * size + kernel) * words;
        const int64_t expected = load + outputs * of_pixel - of_pixel + 2;
        CHECK(cycles_per_image(RtlWindowProgram{shape}) == expected);
        const RtlBench bench = alone(RtlWindowProgram{shape});
        CHECK(cycles_of(bench, 3) - cycles_of(bench, 2) == expected);
      }
    }
  }
}

TEST_CASE("mvus_take_the_cycles_of_finns_rtl") {
  CHECK(cycles_of(alone(RtlMvuShape{9, 1, 12, 5}), 1) == 116);
  CHECK(cycles_of(alone(RtlMvuShape{9, 4, 12, 5}), 1) == 442);
}

// DSP48: 6 where NF = 1, else 8; DSP58: 3 + segments, + 2, segments of slices of three columns.
TEST_CASE("mvus_have_the_latencies_of_their_cores") {
  const struct {
    int dsp, simd, segment_length;
    int64_t neuron_fold, latency;
  } rows[] = {{48, 9, 0, 1, 6}, {48, 9, 0, 4, 8},  {58, 9, 0, 1, 4}, {58, 9, 0, 2, 6},
              {58, 9, 1, 1, 6}, {58, 10, 2, 1, 5}, {58, 1, 0, 1, 4}, {58, 20, 2, 3, 9}};
  for (const auto& row : rows) {
    INFO("DSP" << row.dsp << ", SIMD " << row.simd << ", segments of " << row.segment_length);
    LayerParams p;
    p.simd = row.simd;
    p.dsp = row.dsp;
    p.segment_length = row.segment_length;
    const BenchTimes times = run_bench(alone(RtlMvuShape{1, row.neuron_fold, 1, core_stages(p)}));
    CHECK(times.pushed.back().front() - times.popped.front().front() == row.latency);
  }
}

// Measured with 30 % pauses of up to 6 cycles before words: 455 cycles. Which words they were is
// not recorded, and need not be: the first window waits for each of its words, and the later ones
// are in the buffer in time, so that any such pattern costs what it pauses within the first window.
// Those of 13 cycles give the row.
TEST_CASE("pauses_of_its_source_cost_an_mvu_what_they_cost_its_first_window") {
  constexpr int synapse_fold = 9, windows = 12;
  int of_the_row = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    RtlBench bench = alone(RtlMvuShape{synapse_fold, 4, windows, 5});
    int64_t cycle = 0, within = 0;
    for (int word = 0; word < synapse_fold * windows; ++word) {
      const int pause = uniform(random, 0, 9) < 3 ? uniform(random, 1, 6) : 0;
      cycle += pause;
      if (word < synapse_fold) within += pause;
      bench.source.push_back(cycle++);
    }
    const int64_t cycles = run_bench(bench).cycles();
    CHECK(cycles == 442 + within);
    of_the_row += cycles == 455 ? 1 : 0;
  }
  CHECK(of_the_row > 10);
}

TEST_CASE("layers_take_the_cycles_of_finns_rtl") {
  RtlBench small{{}, {2}}, larger{{}, {2}};
  add_layer(small, 8, 1, 9, 2);
  add_layer(larger, 12, 1, 9, 4);
  const int64_t images[] = {1, 2, 10};
  const int64_t of_small[] = {676, 1324, 6508}, of_larger[] = {3636, 7236, 36036};
  for (int i = 0; i < 3; ++i) {
    CHECK(cycles_of(small, images[i]) == of_small[i]);
    CHECK(cycles_of(larger, images[i]) == of_larger[i]);
  }
}

TEST_CASE("chains_of_layers_take_the_cycles_of_finns_rtl") {
  // 3600, 4608 and 2592 cycles of MVUs; PE of one layer is SIMD of the next.
  const auto three = [](int depth) {
    RtlBench bench{{}, {2}};
    add_layer(bench, 12, 1, 9, 4, depth);
    add_layer(bench, 10, 4, 36, 2, depth);
    add_layer(bench, 8, 2, 18, 4);
    return bench;
  };
  CHECK(cycles_of(three(2), 1) == 5524);
  CHECK(cycles_of(three(2), 2) == 10740);
  CHECK(cycles_of(three(2), 10) == 52468);
  CHECK(cycles_of(three(32), 10) == 50038);
  // 16200 and 28224 cycles.
  const auto two = [](int depth) {
    RtlBench bench{{}, {2}};
    add_layer(bench, 32, 1, 9, 2, depth);
    add_layer(bench, 30, 2, 18, 2);
    return bench;
  };
  CHECK(cycles_of(two(2), 1) == 29433);
  CHECK(cycles_of(two(2), 2) == 58639);
  CHECK(cycles_of(two(2), 10) == 292287);
  CHECK(cycles_of(two(32), 10) == 289857);
  CHECK(cycles_of(two(128), 10) == 284007);
}

namespace {

std::vector<int64_t> random_pauses(Random& random, int64_t words) {
  const int rate = uniform(random, 0, 4);
  std::vector<int64_t> ready;
  int64_t cycle = uniform(random, 0, 20);
  for (int64_t n = 0; n < words; ++n) {
    if (uniform(random, 0, 9) < rate) cycle += uniform(random, 1, 30);
    ready.push_back(cycle);
  }
  return ready;
}

/// What each word of the source and the sink does, given when the part takes and gives them.
class Ends {
 public:
  explicit Ends(const RtlBench& bench) : bench_(bench) {}
  /// Word `e` of the source is visible to the part, which took the words before in these cycles.
  int64_t visible(int64_t e) {
    const int64_t depth = bench_.depths.front();
    int64_t push = std::max(bench_.source[at(e)], e > 0 ? pushed[at(e - 1)] + 1 : 0);
    if (e >= depth) push = std::max(push, taken[at(e - depth)] + 1);
    pushed.push_back(push);
    return push + 1;
  }
  int64_t slot(int64_t o) const {
    const int64_t depth = bench_.depths.back();
    return o < depth ? 0 : popped[at(o - depth)] + 1;
  }
  void give(int64_t o, int64_t cycle) {
    given.push_back(cycle);
    popped.push_back(std::max({bench_.sink[at(o)], cycle + 1, o > 0 ? popped[at(o - 1)] + 1 : 0}));
  }

  std::vector<int64_t> pushed, taken, given, popped;

 private:
  static size_t at(int64_t i) { return static_cast<size_t>(i); }
  const RtlBench& bench_;
};

void require_equal(const Ends& ends, const BenchTimes& times) {
  REQUIRE(times.pushed.front() == ends.pushed);
  REQUIRE(times.popped.front() == ends.taken);
  REQUIRE(times.pushed.back() == ends.given);
  REQUIRE(times.popped.back() == ends.popped);
}

/// r, f and w of every word, straight from the rules.
void evaluate_window(const WindowShape& shape, int64_t images, Ends& ends) {
  const int64_t m = shape.words_per_pixel, row = shape.width * m, k = shape.kernel;
  const int64_t buffer = shape.ring_words();
  std::vector<int64_t> elements, firsts;  // [fetch]
  const int64_t groups = shape.by_channels ? m : 1;
  for (int64_t window = 0; window < shape.out_height * shape.out_width * groups; ++window) {
    const int64_t pixel = window / groups;
    const int64_t first = pixel / shape.out_width * shape.stride * row +
                          pixel % shape.out_width * shape.stride * m + window % groups;
    for (int64_t i = 0; i < k * k * (shape.by_channels ? 1 : m); ++i) {
      const int64_t place = shape.by_channels ? i : i / m;
      elements.push_back(first + place / k * row + place % k * m + (shape.by_channels ? 0 : i % m));
      firsts.push_back(first);
    }
  }
  const auto fetches = static_cast<int64_t>(elements.size());
  const auto at = [](int64_t i) { return static_cast<size_t>(i); };
  /// The first fetch after which the element's place is free.
  const auto last_needed = [&](int64_t element) {
    for (int64_t j = 0; j < fetches - 1; ++j) {
      int64_t next_window = j;
      while (next_window < fetches && firsts[at(next_window)] == firsts[at(j)]) ++next_window;
      const bool behind_window =
          next_window == fetches || element - buffer < firsts[at(next_window)];
      if (element - buffer < elements[at(j + 1)] && behind_window) return j;
    }
    return fetches - 1;
  };
  int64_t start = 0;
  for (int64_t image = 0; image < images; ++image) {
    std::vector<int64_t> r, f;
    int64_t w = start - 1;
    const auto read_until = [&](int64_t element) {
      while (static_cast<int64_t>(r.size()) <= element) {
        const auto e = static_cast<int64_t>(r.size());
        int64_t time = std::max(start, ends.visible(image * shape.words_per_image() + e));
        if (e > 0) time = std::max(time, r.back() + 1);
        if (e >= buffer) time = std::max(time, f.at(at(last_needed(e))) + 1);
        r.push_back(time);
        ends.taken.push_back(time);
      }
    };
    for (int64_t j = 0; j < fetches; ++j) {
      read_until(elements[at(j)]);
      int64_t time = std::max(r[at(elements[at(j)])] + 1, w);
      if (j > 0) time = std::max(time, f.back() + 1);
      f.push_back(time);
      const int64_t output = image * fetches + j;
      w = std::max(time + 1, ends.slot(output));
      ends.give(output, w);
    }
    read_until(shape.words_per_image() - 1);
    start = std::max(w, r.back()) + 1;
  }
}

/// a, s, c, x and w of every word and step, straight from the rules.
void evaluate_mvu(const RtlMvuShape& shape, int64_t images, Ends& ends) {
  const int64_t sf = shape.synapse_fold, nf = shape.neuron_fold;
  int64_t places = 2;
  while (places < sf) places *= 2;
  std::vector<int64_t> a, freed, w;
  std::vector<std::pair<int64_t, int64_t>> disabled;
  int64_t s = -1, c = -1;
  const auto enabled = [&](int64_t cycle) {
    return std::none_of(disabled.begin(), disabled.end(),
                        [&](const auto& gap) { return gap.first <= cycle && cycle <= gap.second; });
  };
  for (int64_t window = 0; window < images * shape.windows; ++window) {
    for (int64_t fold = 0; fold < nf; ++fold) {
      for (int64_t step = 0; step < sf; ++step) {
        const int64_t e = window * sf + step;
        if (nf == 1) {
          int64_t time = std::max(ends.visible(e), c + 1);
          while (!enabled(time)) ++time;
          ends.taken.push_back(c = time);
          continue;
        }
        if (fold == 0) {
          int64_t time = ends.visible(e);
          if (e > 0) time = std::max(time, a.back() + 1);
          if (e >= places) time = std::max(time, freed[static_cast<size_t>(e - places)] + 1);
          a.push_back(time);
          ends.taken.push_back(time);
        }
        s = std::max({s + 1, a[static_cast<size_t>(e)] + 1, c});
        if (fold == nf - 1) freed.push_back(s);
        int64_t time = std::max(s + 1, c + 1);
        while (!enabled(time)) ++time;
        c = time;
      }
      const auto output = static_cast<int64_t>(w.size());
      int64_t x = c;
      for (int left = shape.core_stages; left > 0; --left) {
        ++x;
        while (!enabled(x)) ++x;
      }
      const int64_t before = w.empty() ? -1 : w.back();
      if (before > x) disabled.emplace_back(x + 1, before);
      w.push_back(std::max({x + 1, before + 1, ends.slot(output)}));
      ends.give(output, w.back());
    }
  }
}

}  // namespace

TEST_CASE("a_window_in_rtl_follows_the_rules_whatever_pauses_at_its_ends") {
  int wide = 0, by_channels = 0, skipping = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const WindowShape shape = test::random_window(random);
    if (!shape.fits_ring()) continue;
    RtlBench bench{{RtlWindowProgram{shape}},
                   {uniform(random, 1, 4), uniform(random, 1, 4)},
                   uniform(random, 1, 3)};
    bench.source = random_pauses(random, bench.images * shape.words_per_image());
    bench.sink =
        random_pauses(random, bench.images * words_written_per_image(bench.programs.front()));
    wide += shape.stride > shape.kernel ? 1 : 0;
    by_channels += shape.by_channels && shape.words_per_pixel > 1 ? 1 : 0;
    skipping += (shape.height - shape.kernel) % shape.stride != 0 ? 1 : 0;
    Ends ends(bench);
    evaluate_window(shape, bench.images, ends);
    require_equal(ends, run_bench(bench));
  }
  CHECK(wide > 10);
  CHECK(by_channels > 20);
  CHECK(skipping > 20);
}

TEST_CASE("an_mvu_in_rtl_follows_the_rules_whatever_pauses_at_its_ends") {
  int one_fold = 0, short_folds = 0, no_power_of_two = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const RtlMvuShape shape{uniform(random, 1, 12), uniform(random, 1, 5), uniform(random, 1, 20),
                            uniform(random, 2, 9)};
    RtlBench bench{{shape}, {uniform(random, 1, 4), uniform(random, 1, 4)}, uniform(random, 1, 3)};
    bench.source = random_pauses(random, bench.images * shape.words_read_per_image());
    bench.sink = random_pauses(random, bench.images * shape.words_written_per_image());
    one_fold += shape.neuron_fold == 1 ? 1 : 0;
    short_folds += shape.synapse_fold < shape.core_stages ? 1 : 0;
    no_power_of_two += shape.replay_words() > shape.synapse_fold ? 1 : 0;
    Ends ends(bench);
    evaluate_mvu(shape, bench.images, ends);
    require_equal(ends, run_bench(bench));
  }
  CHECK(one_fold > 40);
  CHECK(short_folds > 100);
  CHECK(no_power_of_two > 100);
}
