#include "trainer/checkpoint.h"

#include "trainer/learned_scales.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/json_file.h"
#include "workloads/version.h"

namespace stuckat::trainer {
namespace {

constexpr const char* checkpoint_schema = "stuckat-checkpoint";
constexpr int checkpoint_version = 4;
constexpr int without_scales = 3;     // written where none are learned: others read it, too
constexpr int oldest_checkpoint = 2;  // without a hash over everything
constexpr int64_t history_columns = 6;
constexpr int64_t most_epochs = 1'000'000;

/// Calls visit(group of the file, layer, index) for every layer with parameters.
template <class Visit>
void for_layers(const Network& network, const std::string& group, const Visit& visit) {
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (layer.kind->sums) visit(group + "/" + layer.name + "/", layer, i);
  }
}

void write_model(Hdf5File& file, const std::string& group, const Model& model) {
  file.create_group(group);
  if (model.moved_thresholds) file.write_int(group, "moved_thresholds", 1);
  for_layers(model.architecture, group, [&](const std::string& name, const Layer& layer, size_t i) {
    const LayerParameters& p = model.layers[i];
    file.create_group(group + "/" + layer.name);
    const int64_t count = norms(model.architecture, static_cast<int>(i));
    if (layer.has_weights()) {
      file.write_array(name + "weights", p.weights, {layer.rows(), layer.columns()});
    }
    file.write_array(name + "gamma", p.gamma, {count});
    file.write_array(name + "beta", p.beta, {count});
    file.write_array(name + "mean", p.mean, {count});
    file.write_array(name + "variance", p.variance, {count});
    if (!p.scale.empty()) file.write_array(name + "scale", p.scale, {1});
  });
}

void read_model(const Hdf5File& file, const std::string& group, Model& model) {
  for_layers(model.architecture, group, [&](const std::string& name, const Layer& layer, size_t i) {
    LayerParameters& p = model.layers[i];
    const int64_t count = norms(model.architecture, static_cast<int>(i));
    if (layer.has_weights()) {
      p.weights = file.read_array<float>(name + "weights", {layer.rows(), layer.columns()});
    }
    p.gamma = file.read_array<float>(name + "gamma", {count});
    p.beta = file.read_array<float>(name + "beta", {count});
    p.mean = file.read_array<double>(name + "mean", {count});
    p.variance = file.read_array<double>(name + "variance", {count});
    p.scale.clear();
    if (has_steps(layer) && file.exists(name + "scale")) {
      p.scale = file.read_array<float>(name + "scale", {1});
    }
  });
}

void write_moments(Hdf5File& file, const std::string& group, const Network& network,
                   const std::vector<Adam::Moments>& moments) {
  file.create_group(group);
  for_layers(network, group, [&](const std::string& name, const Layer& layer, size_t i) {
    file.create_group(group + "/" + layer.name);
    const int64_t count = norms(network, static_cast<int>(i));
    if (layer.has_weights()) {
      file.write_array(name + "weights", moments[i].weights, {layer.rows(), layer.columns()});
    }
    file.write_array(name + "gamma", moments[i].gamma, {count});
    file.write_array(name + "beta", moments[i].beta, {count});
    if (!moments[i].scale.empty()) file.write_array(name + "scale", moments[i].scale, {1});
  });
}

void read_moments(const Hdf5File& file, const std::string& group, const Network& network,
                  std::vector<Adam::Moments>& moments) {
  for_layers(network, group, [&](const std::string& name, const Layer& layer, size_t i) {
    const int64_t count = norms(network, static_cast<int>(i));
    if (layer.has_weights()) {
      moments[i].weights =
          file.read_array<float>(name + "weights", {layer.rows(), layer.columns()});
    }
    moments[i].gamma = file.read_array<float>(name + "gamma", {count});
    moments[i].beta = file.read_array<float>(name + "beta", {count});
    if (!moments[i].scale.empty()) moments[i].scale = file.read_array<float>(name + "scale", {1});
  });
}

/// What runs with a penalty have in their history besides.
void write_zeros(Hdf5File& file, const TrainState& state) {
  if (state.history.empty() || state.history.front().zeros.empty()) return;
  const auto epochs = static_cast<int64_t>(state.history.size());
  std::vector<double> penalties;
  std::vector<double> zeros;
  for (const EpochRecord& r : state.history) {
    penalties.push_back(r.penalty);
    zeros.insert(zeros.end(), r.zeros.begin(), r.zeros.end());
  }
  file.write_array("/penalty", penalties, {epochs});
  file.write_array("/zeros", zeros,
                   {epochs, static_cast<int64_t>(state.model.architecture.layers.size())});
}

void read_zeros(const Hdf5File& file, TrainState& state) {
  if (!file.exists("/zeros")) return;
  const auto epochs = static_cast<int64_t>(state.history.size());
  const size_t layers = state.model.architecture.layers.size();
  const auto penalties = file.read_array<double>("/penalty", {epochs});
  const auto zeros = file.read_array<double>("/zeros", {epochs, static_cast<int64_t>(layers)});
  for (size_t e = 0; e < state.history.size(); ++e) {
    state.history[e].penalty = penalties[e];
    const auto first = zeros.begin() + static_cast<ptrdiff_t>(e * layers);
    state.history[e].zeros.assign(first, first + static_cast<ptrdiff_t>(layers));
  }
}

/// What decides the epochs that are done already: all but when a run ends, unless the learning rate
/// of every epoch depends on that.
std::string trajectory(const std::string& configuration) {
  // What the run started from stands after the JSON.
  const size_t end = configuration.rfind('}') + 1;
  auto json = json_or_nothing(configuration.substr(0, end));
  if (!json || !json->is_object()) return configuration;
  if (json->value("schedule", "") != "cosine") json->erase("epochs");
  json->erase("patience");
  return json->dump() + configuration.substr(end);
}

/// " (seed 1, now 4)": the first option that differs; "" if none does.
std::string difference(const std::string& of_file, const std::string& now) {
  // What the run started from stands after the JSON.
  const auto parsed = [](const std::string& text) {
    return json_or_nothing(text.substr(0, text.rfind('}') + 1)).value_or(Json());
  };
  const Json before = parsed(of_file);
  const Json after = parsed(now);
  if (!before.is_object() || !after.is_object()) return "";
  for (const auto& [from, to] : {std::pair{&before, &after}, std::pair{&after, &before}}) {
    for (const auto& [key, value] : from->items()) {
      if (to->contains(key) && (*to)[key] == value) continue;
      if (key.ends_with("_hash")) return " (" + key.substr(0, key.size() - 5) + ")";
      const auto text = [&key = key](const Json& json) {
        return json.contains(key) ? json[key].dump() : "none";
      };
      return " (" + key + " " + text(before) + ", now " + text(after) + ")";
    }
  }
  return " (what it started from)";
}

}  // namespace

void write_checkpoint(const std::string& path, const TrainState& state) {
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(checkpoint_schema,
                    has_learned_scales(state.model) ? checkpoint_version : without_scales);
  file.write_string("/", "tool_version", tool_version);
  file.write_strings("/configuration", {state.configuration});
  const auto epochs = static_cast<int64_t>(state.history.size());
  file.write_int("/", "epochs_done", epochs);
  file.write_int("/", "best_validation_epoch", state.best_validation.epoch);
  file.write_int("/", "best_test_epoch", state.best_test.epoch);
  file.write_int("/", "updates", state.adam.updates);
  std::vector<double> history;
  for (const EpochRecord& r : state.history) {
    history.insert(history.end(), {r.learning_rate, r.loss, r.train_accuracy, r.validation_accuracy,
                                   r.test_accuracy, static_cast<double>(r.injected_layer)});
  }
  file.write_array("/history", history, {epochs, history_columns});
  write_zeros(file, state);
  write_model(file, "/model", state.model);
  if (state.best_validation.epoch >= 0) {
    write_model(file, "/best_validation", state.best_validation.model);
  }
  if (state.best_test.epoch >= 0) write_model(file, "/best_test", state.best_test.model);
  write_moments(file, "/adam_first", state.model.architecture, state.adam.first);
  write_moments(file, "/adam_second", state.model.architecture, state.adam.second);
  file.commit();
}

void read_checkpoint(const std::string& path, TrainState& state) {
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(checkpoint_schema, checkpoint_version, oldest_checkpoint);
  const std::string configuration = file.read_strings("/configuration", 1).front();
  const std::string there = trajectory(configuration);
  const std::string wanted = trajectory(state.configuration);
  if (there != wanted) {
    throw InputError(path,
                     "checkpoint of a run with other options or data" + difference(there, wanted),
                     "the options that it was started with, or another checkpoint file");
  }
  const int64_t epochs = file.read_int("/", "epochs_done", 1, most_epochs);
  const auto best_epoch = [&](const char* attribute) {
    return static_cast<int>(file.read_int("/", attribute, -1, epochs - 1));
  };
  state.best_validation.epoch = best_epoch("best_validation_epoch");
  state.best_test.epoch = best_epoch("best_test_epoch");
  state.adam.updates = file.read_int("/", "updates", 0);
  const std::vector<double> history =
      file.read_array<double>("/history", {epochs, history_columns});
  state.history.clear();
  for (auto r = history.begin(); r != history.end(); r += history_columns) {
    state.history.push_back({r[0], r[1], r[2], r[3], r[4], static_cast<int>(r[5])});
  }
  read_zeros(file, state);
  read_model(file, "/model", state.model);
  if (state.best_validation.epoch >= 0) {
    read_model(file, "/best_validation", state.best_validation.model);
  }
  if (state.best_test.epoch >= 0) read_model(file, "/best_test", state.best_test.model);
  read_moments(file, "/adam_first", state.model.architecture, state.adam.first);
  read_moments(file, "/adam_second", state.model.architecture, state.adam.second);
}

const std::vector<std::string>& kept_names() {
  static const std::vector<std::string> names = {"last", "best-validation", "best-test"};
  return names;
}

bool is_checkpoint(const std::string& path) {
  const Hdf5File file = Hdf5File::open(path);
  return file.has_attribute("/", "schema") && file.read_string("/", "schema") == checkpoint_schema;
}

Model read_checkpoint_model(const std::string& path, const Network& architecture, Kept kept) {
  const char* const groups[] = {"/model", "/best_validation", "/best_test"};
  const char* const group = groups[static_cast<size_t>(kept)];
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(checkpoint_schema, checkpoint_version, oldest_checkpoint);
  if (!file.exists(group)) {
    throw InputError(path, "holds no " + kept_names()[static_cast<size_t>(kept)] + " model",
                     "a run with such a set of images, or the last model");
  }
  if (file.has_attribute(group, "moved_thresholds")) {
    throw InputError(path,
                     "is of a network that keeps the thresholds of the model file it began with",
                     "the model file that the run wrote, or the run's own --checkpoint");
  }
  Model model = initial_model(architecture, 0);
  try {
    read_model(file, group, model);
  } catch (const InputError& error) {
    throw InputError(path, "does not fit " + architecture.name + " of this size: " + error.what(),
                     "the --network, --width and --input-channels that it was trained with");
  }
  return model;
}

}  // namespace stuckat::trainer
