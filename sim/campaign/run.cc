#include "sim/campaign/run.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "sim/campaign/disk.h"
#include "sim/campaign/fault_source.h"
#include "sim/campaign/journal.h"
#include "sim/campaign/representatives.h"
#include "sim/campaign/worker_pool.h"
#include "workloads/environment_error.h"
#include "workloads/hash.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::campaign {
namespace {

/// As it stands in a line of the journal's header.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// About as many fault-images between two checkpoints of a thread: seconds of work.
constexpr int64_t chunk_fault_images = 400'000;
constexpr int64_t least_chunks = 64;  // of a campaign, so that threads end together
constexpr int64_t most_chunk_images = 256;
constexpr int64_t most_prepared_faults = 16'384;
constexpr size_t most_configuration_bytes = 500'000;  // it stands in the journal's header

/// One campaign: what it is, how it is cut, and the counts so far.
class Campaign {
 public:
  Campaign(const Network& network, const DataSet& data, const FaultSet& faults,
           const RunOptions& options, const Engine& engine, const ProgressCallback& progress)
      : network_(network), data_(data), faults_(faults), options_(options), callback_(progress) {
    check_input();
    prepared_ = engine(network);
    identify();
    make_plan();
    progress_.total = plan_.faults * plan_.images;
  }

  const Identity& identity() const { return identity_; }
  const Shard& shard() const { return options_.shard; }
  bool has_counts() const { return recorded_ > 0; }

  Journal::Header header() const {
    const std::string names =
        Hasher().add(identity_.network).add(identity_.data).add(identity_.faults).hex();
    return {{"tool_version", identity_.tool_version},
            {"network_hash", identity_.network_hash},
            {"data_hash", identity_.data_hash},
            {"faults_hash", identity_.faults_hash},
            {"names_hash", names},
            {"configuration", one_line(identity_.configuration)},
            {"configuration_hash", Hasher().add(identity_.configuration).hex()},
            {"first_image", std::to_string(identity_.first_image)},
            {"images", std::to_string(identity_.images)},
            {"shard", std::to_string(shard().index) + "/" + std::to_string(shard().count)},
            {"chunk_images", std::to_string(plan_.chunk_images)},
            {"block_faults", std::to_string(plan_.block_faults)}};
  }

  /// Takes over how the earlier run cut the work, and what it had done.
  int64_t resume(Journal& journal) {
    plan_.chunk_images = positive(journal, "chunk_images");
    plan_.block_faults = positive(journal, "block_faults");
    reset();
    const int64_t torn = journal.replay([&](int64_t unit, std::span<const uint8_t> bytes) {
      if (unit < 0 || unit >= plan_.units() || done_[static_cast<size_t>(unit)]) return false;
      const int64_t block = unit / plan_.chunks();
      const int64_t images = plan_.chunk_size(unit % plan_.chunks());
      Counts counts(plan_.block_size(block), network_.classes(), network_.tensors());
      if (!counts.decode(bytes, images)) return false;
      sums_.add_block(counts, plan_.block_first(block));
      done_[static_cast<size_t>(unit)] = true;
      progress_.resumed += images * plan_.block_size(block);
      return true;
    });
    progress_.done = progress_.resumed;
    return torn;
  }

  /// journal may be null.
  Outcome run(Journal* journal) {
    if (sums_.faults == 0) reset();
    recorded_ = progress_.resumed;
    Work work{network_, data_, faults_, *prepared_, plan_, options_.threads, done_, {}, {}};
    work.image_done = [&](int64_t fault_images) {
      progress_.done += fault_images;
      return !callback_ || callback_(progress_);
    };
    work.unit_done = [&](int64_t unit, const Counts& counts) {
      if (journal != nullptr) journal->append(unit, counts.encode());
      sums_.add_block(counts, plan_.block_first(unit / plan_.chunks()));
      recorded_ += counts.faults * plan_.chunk_size(unit % plan_.chunks());
    };
    Outcome outcome;
    outcome.finished = work_off(work) || recorded_ == progress_.total;
    outcome.progress = progress_;
    outcome.progress.done = recorded_;
    if (outcome.finished) outcome.result = result();
    return outcome;
  }

  /// Of a result that is there already.
  Outcome finished(Result result) const {
    Outcome outcome{true, std::move(result), progress_, 0};
    outcome.progress.done = outcome.progress.resumed = progress_.total;
    return outcome;
  }

 private:
  void check_input() const {
    const int64_t size = data_.size();
    if (options_.first_image < 0 || options_.first_image >= size) {
      throw InputError("first image", std::to_string(options_.first_image),
                       "0 to " + std::to_string(size - 1));
    }
    const int64_t rest = size - options_.first_image;
    if (options_.images == 0 || options_.images < -1 || options_.images > rest) {
      throw InputError("number of images", std::to_string(options_.images),
                       "1 to " + std::to_string(rest));
    }
    if (faults_.size() == 0) {
      throw InputError("faults", "'" + faults_.spec() + "' are none", "at least one");
    }
    const int64_t images = options_.images < 0 ? rest : options_.images;
    const Shard& shard = options_.shard;
    if (shard.count < 1 || shard.count > images || shard.index < 0 || shard.index >= shard.count) {
      throw InputError("shard", std::to_string(shard.index) + "/" + std::to_string(shard.count),
                       "i/n with i below n, and n at most the number of images");
    }
    for (int64_t i = options_.first_image; i < options_.first_image + images; ++i) {
      if (const int label = data_.labels[static_cast<size_t>(i)]; label >= network_.classes()) {
        throw InputError(data_.name, "label " + std::to_string(label),
                         "0 to " + std::to_string(network_.classes() - 1) + ", as " +
                             network_.name + " predicts");
      }
    }
    if (options_.configuration.size() > most_configuration_bytes) {
      throw InputError("configuration", std::to_string(options_.configuration.size()) + " bytes",
                       "at most " + std::to_string(most_configuration_bytes));
    }
    if (options_.threads < 1 || options_.chunk_images < 0 || options_.block_faults < 0) {
      throw InputError("threads", std::to_string(options_.threads), "1 or more");
    }
  }

  void identify() {
    identity_.tool_version = tool_version;
    identity_.configuration = options_.configuration;
    identity_.network = network_.name;
    identity_.data = data_.name;
    identity_.faults = faults_.spec();
    identity_.network_hash = content_hash(network_);
    identity_.data_hash = content_hash(data_);
    identity_.faults_hash = content_hash(faults_);
    identity_.accelerator_hash = faults_.source()->accelerator_hash();
    identity_.first_image = options_.first_image;
    identity_.images = options_.images < 0 ? data_.size() - options_.first_image : options_.images;
    identity_.sampling = faults_.sampling();
  }

  void make_plan() {
    const auto [first, count] = shard_images(identity_.images, shard());
    plan_.faults = faults_.size();
    plan_.first_image = identity_.first_image;
    plan_.shard_first = first;
    plan_.images = count;
    const int64_t part = prepared_->part_faults();
    const int64_t block = part > 0 ? std::min(part, most_prepared_faults) : most_prepared_faults;
    plan_.block_faults = options_.block_faults > 0 ? options_.block_faults : block;
    plan_.prepared_faults = part > 0 ? most_prepared_faults : 1;
    const int64_t unit = part > 0 ? std::min(part, chunk_fault_images) : chunk_fault_images;
    const int64_t by_work = unit / std::min(plan_.faults, plan_.block_faults);
    const int64_t chosen = std::min({by_work, count / least_chunks, most_chunk_images});
    plan_.chunk_images =
        options_.chunk_images > 0 ? options_.chunk_images : std::max<int64_t>(chosen, 1);
  }

  void reset() {
    sums_ = Counts(plan_.faults, network_.classes(), network_.tensors());
    done_.assign(static_cast<size_t>(plan_.units()), false);
  }

  static int64_t positive(const Journal& journal, const std::string& key) {
    const std::string& text = journal.value(key);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 ||
        value > INT32_MAX) {
      throw InputError("journal", key + " '" + text + "'", "a positive number");
    }
    return value;
  }

  Result result() const {
    Result result;
    result.identity = identity_;
    result.shard = shard();
    for (const Layer& layer : network_.layers) result.layer_names.push_back(layer.name);
    result.classes = network_.classes();
    const auto classes = static_cast<size_t>(result.classes);
    if (network_.class_names.size() == classes) {
      result.class_names = network_.class_names;
    } else if (data_.class_names.size() == classes) {
      result.class_names = data_.class_names;
    }
    for (int64_t f = 0; f < faults_.size(); ++f) result.faults.push_back(faults_.info(f));
    result.representatives = representatives(network_, faults_);
    result.strata = faults_.strata();
    result.images = plan_.images;
    result.labels.assign(sums_.labels.begin(), sums_.labels.end());
    result.golden_correct.assign(sums_.golden_correct.begin(), sums_.golden_correct.end());
    result.correct = sums_.correct;
    result.critical = sums_.critical;
    result.last_difference = sums_.last_difference;
    return result;
  }

  const Network& network_;
  const DataSet& data_;
  const FaultSet& faults_;
  const RunOptions& options_;
  const ProgressCallback& callback_;
  std::unique_ptr<PreparedNetwork> prepared_;
  Identity identity_;
  Plan plan_;
  Counts sums_;             // of all units that are done
  std::vector<bool> done_;  // [units], as the journal had them
  Progress progress_;
  int64_t recorded_ = 0;  // fault-images of whole units
};

/// What a run that was killed while it wrote the result left behind. The journal's lock says that
/// nobody is writing now.
void remove_partial_files(const std::string& path) {
  const std::filesystem::path target(path);
  const auto folder = target.has_parent_path() ? target.parent_path() : ".";
  const std::string prefix = target.filename().string() + ".partial-";
  std::error_code error;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  for (const auto& partial : found) std::filesystem::remove(partial, error);
}

/// The journal is needed until the file is known to be good.
void write_checked(const std::string& path, const Result& result) {
  try {
    write_result(path, result);
  } catch (const InputError& error) {
    throw EnvironmentError(path, std::string("cannot be written: ") + error.what(),
                           "room on the disk; what was done is kept and can be resumed");
  }
}

/// "images 24, now 7": the first property in which two campaigns differ, "" if none does.
std::string difference(const Result& there, const Campaign& campaign) {
  const Identity& a = there.identity;
  Identity b = campaign.identity();
  // An older version's result does not say; the hash of its fault set covers it.
  if (a.accelerator_hash.empty()) b.accelerator_hash.clear();
  const auto shard = [](const Shard& s) {
    return std::to_string(s.index) + "/" + std::to_string(s.count);
  };
  const auto sampling = [](const Identity& id) {
    return id.sampling ? "seed " + std::to_string(id.sampling->seed) : std::string("none");
  };
  const std::tuple<const char*, std::string, std::string> rows[] = {
      {"network", a.network, b.network},
      {"data", a.data, b.data},
      {"faults", a.faults, b.faults},
      {"first image", std::to_string(a.first_image), std::to_string(b.first_image)},
      {"images", std::to_string(a.images), std::to_string(b.images)},
      {"shard", shard(there.shard), shard(campaign.shard())},
      {"sample", sampling(a), sampling(b)},
      {"network_hash", a.network_hash, b.network_hash},
      {"data_hash", a.data_hash, b.data_hash},
      {"faults_hash", a.faults_hash, b.faults_hash},
      {"accelerator_hash", a.accelerator_hash, b.accelerator_hash},
      {"tool_version", a.tool_version, b.tool_version},
      {"configuration", a.configuration, b.configuration}};
  for (const auto& [name, before, now] : rows) {
    if (before != now) return std::string(name) + " '" + before + "', now '" + now + "'";
  }
  return a == b ? "" : "the sample's margin or confidence";
}

/// What is at `path`: nothing, the result of this campaign, or something that is not replaced.
std::optional<Result> earlier_result(const std::string& path, const Campaign& campaign) {
  constexpr const char* expected = "another name, or --force to replace it";
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  Result result;
  try {
    result = read_result(path);
  } catch (const InputError& read) {
    throw InputError(path,
                     "is there and no result of this campaign (" + std::string(read.what()) + ")",
                     expected);
  }
  const std::string other = difference(result, campaign);
  if (other.empty()) return result;
  throw InputError(path, "holds another campaign: " + other, expected);
}

}  // namespace

Outcome run(const Network& network, const DataSet& data, const FaultSet& faults,
            const RunOptions& options, const Engine& engine, const ProgressCallback& progress) {
  return Campaign(network, data, faults, options, engine, progress).run(nullptr);
}

Unfinished read_unfinished(const std::string& path) {
  Unfinished unfinished;
  std::string shard;
  for (const auto& [key, value] : Journal::header_of(journal_path(path))) {
    if (key == "configuration") unfinished.configuration = value;
    if (key == "shard") shard = value;
  }
  if (std::sscanf(shard.c_str(), "%d/%d", &unfinished.shard.index, &unfinished.shard.count) != 2) {
    throw InputError(journal_path(path), "has no shard", "a whole journal");
  }
  return unfinished;
}

std::string journal_path(const std::string& result_path) { return result_path + ".journal"; }

Outcome run_to_file(const std::string& path, Resume resume, const Network& network,
                    const DataSet& data, const FaultSet& faults, const RunOptions& options,
                    const Engine& engine, const ProgressCallback& progress) {
  Campaign campaign(network, data, faults, options, engine, progress);
  std::error_code ignored;
  const bool journal_there = std::filesystem::exists(journal_path(path), ignored);
  if (journal_there && resume == Resume::refuse) {
    throw InputError(journal_path(path), "belongs to a run that did not finish",
                     "to resume that run, or to remove the file");
  }
  if (!options.replace) {
    auto result = earlier_result(path, campaign);
    // With a journal, a kill came between the writing of the result and the end.
    if (result && !journal_there) return campaign.finished(std::move(*result));
  }
  if (!journal_there && resume == Resume::required) {
    throw InputError(path, "nothing to resume: no journal next to it, and no such result",
                     "a run that did not finish");
  }
  Journal journal(journal_path(path), campaign.header(), {"chunk_images", "block_faults"});
  remove_partial_files(path);
  const int64_t torn_bytes = journal.existed() ? campaign.resume(journal) : 0;
  Outcome outcome;
  try {
    outcome = campaign.run(&journal);
  } catch (...) {
    // Refused input leaves nothing behind; a full disk leaves what can be resumed.
    if (!journal.existed() && !journal.failed() && !campaign.has_counts()) journal.remove();
    throw;
  }
  outcome.torn_bytes = torn_bytes;
  if (outcome.finished) {
    write_checked(path, outcome.result);
    journal.remove();
  }
  return outcome;
}

}  // namespace stuckat::campaign
