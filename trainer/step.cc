#include "trainer/step.h"

#include "trainer/graph/graph_step.h"
#include "trainer/table_step.h"

namespace stuckat::trainer {
namespace {

std::unique_ptr<StepPasses> passes_for(const Network& architecture, StepReach reach,
                                       Workers& workers) {
  check_trainable(architecture);
  if (by_tables(architecture)) return std::make_unique<TableStep>(architecture, reach, workers);
  return std::make_unique<GraphStep>(architecture, workers);
}

}  // namespace

TrainingStep::TrainingStep(const Network& architecture, StepReach reach, Workers& workers)
    : passes_(passes_for(architecture, reach, workers)) {}

}  // namespace stuckat::trainer
