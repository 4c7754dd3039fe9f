#include "trainer/checkpoint.h"

#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/version.h"

namespace stuckat::trainer {
namespace {

constexpr const char* schema = "stuckat-checkpoint";
constexpr int schema_version = 1;
constexpr int64_t history_columns = 5;

/// Calls visit(group of the file, layer, parameters, index) for every layer with weights.
template <class Visit>
void for_layers(const Network& network, const std::string& group, const Visit& visit) {
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (layer.has_weights()) visit(group + "/" + layer.name + "/", layer, i);
  }
}

int64_t norms(const Layer& layer) { return layer.accumulator_output ? 1 : layer.rows(); }

void write_model(Hdf5File& file, const std::string& group, const Model& model) {
  file.create_group(group);
  for_layers(model.architecture, group, [&](const std::string& name, const Layer& layer, size_t i) {
    const LayerParameters& p = model.layers[i];
    file.create_group(group + "/" + layer.name);
    file.write_array(name + "weights", p.weights, {layer.rows(), layer.columns()});
    file.write_array(name + "gamma", p.gamma, {norms(layer)});
    file.write_array(name + "beta", p.beta, {norms(layer)});
    file.write_array(name + "mean", p.mean, {norms(layer)});
    file.write_array(name + "variance", p.variance, {norms(layer)});
  });
}

void read_model(const Hdf5File& file, const std::string& group, Model& model) {
  for_layers(model.architecture, group, [&](const std::string& name, const Layer& layer, size_t i) {
    LayerParameters& p = model.layers[i];
    p.weights = file.read_array<float>(name + "weights", {layer.rows(), layer.columns()});
    p.gamma = file.read_array<float>(name + "gamma", {norms(layer)});
    p.beta = file.read_array<float>(name + "beta", {norms(layer)});
    p.mean = file.read_array<double>(name + "mean", {norms(layer)});
    p.variance = file.read_array<double>(name + "variance", {norms(layer)});
  });
}

void write_moments(Hdf5File& file, const std::string& group, const Network& network,
                   const std::vector<Adam::Moments>& moments) {
  file.create_group(group);
  for_layers(network, group, [&](const std::string& name, const Layer& layer, size_t i) {
    file.create_group(group + "/" + layer.name);
    file.write_array(name + "weights", moments[i].weights, {layer.rows(), layer.columns()});
    file.write_array(name + "gamma", moments[i].gamma, {norms(layer)});
    file.write_array(name + "beta", moments[i].beta, {norms(layer)});
  });
}

void read_moments(const Hdf5File& file, const std::string& group, const Network& network,
                  std::vector<Adam::Moments>& moments) {
  for_layers(network, group, [&](const std::string& name, const Layer& layer, size_t i) {
    moments[i].weights = file.read_array<float>(name + "weights", {layer.rows(), layer.columns()});
    moments[i].gamma = file.read_array<float>(name + "gamma", {norms(layer)});
    moments[i].beta = file.read_array<float>(name + "beta", {norms(layer)});
  });
}

}  // namespace

void write_checkpoint(const std::string& path, const TrainState& state) {
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(schema, schema_version);
  file.write_string("/", "tool_version", tool_version);
  file.write_strings("/configuration", {state.configuration});
  const auto epochs = static_cast<int64_t>(state.history.size());
  file.write_int("/", "epochs_done", epochs);
  file.write_int("/", "best_epoch", state.best_epoch);
  file.write_int("/", "updates", state.adam.updates);
  std::vector<double> history;
  for (const EpochRecord& r : state.history) {
    history.insert(history.end(), {r.learning_rate, r.loss, r.train_accuracy, r.validation_accuracy,
                                   static_cast<double>(r.injected_layer)});
  }
  file.write_array("/history", history, {epochs, history_columns});
  write_model(file, "/model", state.model);
  write_model(file, "/best", state.best);
  write_moments(file, "/adam_first", state.model.architecture, state.adam.first);
  write_moments(file, "/adam_second", state.model.architecture, state.adam.second);
  file.commit();
}

void read_checkpoint(const std::string& path, TrainState& state) {
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(schema, schema_version);
  if (file.read_strings("/configuration", 1).front() != state.configuration) {
    throw InputError(path, "checkpoint of a run with other options or data",
                     "the options that it was started with, or another checkpoint file");
  }
  constexpr int64_t most_epochs = 1'000'000;
  const int64_t epochs = file.read_int("/", "epochs_done", 1, most_epochs);
  state.best_epoch = static_cast<int>(file.read_int("/", "best_epoch", -1, epochs - 1));
  state.adam.updates = file.read_int("/", "updates", 0);
  const std::vector<double> history =
      file.read_array<double>("/history", {epochs, history_columns});
  state.history.clear();
  for (auto r = history.begin(); r != history.end(); r += history_columns) {
    state.history.push_back({r[0], r[1], r[2], r[3], static_cast<int>(r[4])});
  }
  read_model(file, "/model", state.model);
  read_model(file, "/best", state.best);
  read_moments(file, "/adam_first", state.model.architecture, state.adam.first);
  read_moments(file, "/adam_second", state.model.architecture, state.adam.second);
}

}  // namespace stuckat::trainer
