#include "trainer/predict.h"

#include <algorithm>
#include <numeric>

#include "trainer/graph/graph_predictor.h"
#include "trainer/images.h"
#include "trainer/model.h"
#include "trainer/table_predictor.h"

namespace stuckat::trainer {
namespace {

std::unique_ptr<PredictorPasses> passes_for(const Network& network, const Effects& effects,
                                            Workers& workers) {
  check_trainable(network);
  if (by_tables(network)) return std::make_unique<TablePredictor>(network, effects, workers);
  return std::make_unique<GraphPredictor>(network, effects, workers);
}

}  // namespace

Predictor::Predictor(const Network& network, const Effects& effects, Workers& workers)
    : passes_(passes_for(network, effects, workers)) {}

void for_each_logits(const Network& network, const DataSet& data, Workers& workers,
                     const Effects& effects,
                     const std::function<void(const std::vector<int32_t>& logits)>& visit) {
  const InputImages images(network, data);
  Predictor predictor(network, effects, workers);
  constexpr int most = 8 * lanes;
  constexpr size_t memory = size_t{16} << 20;  // of a batch's input: photographs come in fewer
  const size_t fitting = memory / block_elements(network.input()) * lanes;
  const int batch = static_cast<int>(std::clamp<size_t>(fitting, lanes, most));
  std::vector<int16_t> input(block_count(batch) * block_elements(network.input()));
  std::vector<int> order(static_cast<size_t>(data.size()));
  std::iota(order.begin(), order.end(), 0);
  ImageBatches batches(images, std::move(order), batch, workers);
  for (int first = 0; first < data.size(); first += batch) {
    const int samples = batches.next([](int) { return Shift{}; }, input.data());
    visit(predictor.logits(input.data(), samples, first));
  }
}

std::vector<int> predict(const Network& network, const DataSet& data, Workers& workers,
                         const Effects& effects) {
  std::vector<int> result;
  const auto classes = static_cast<size_t>(network.classes());
  for_each_logits(network, data, workers, effects, [&](const std::vector<int32_t>& logits) {
    for (size_t at = 0; at < logits.size(); at += classes) {
      result.push_back(predicted_class(network, logits.data() + at));
    }
  });
  return result;
}

double accuracy(const Network& network, const DataSet& data, Workers& workers,
                const Effects& effects) {
  const std::vector<int> classes = predict(network, data, workers, effects);
  int right = 0;
  for (int i = 0; i < data.size(); ++i) {
    if (classes[static_cast<size_t>(i)] == data.labels[static_cast<size_t>(i)]) ++right;
  }
  return data.size() == 0 ? 0 : static_cast<double>(right) / data.size();
}

}  // namespace stuckat::trainer
