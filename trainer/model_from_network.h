// A model to go on training from, made from an integer network that somebody trained.
#pragma once

#include "trainer/model.h"
#include "trainer/workers.h"
#include "workloads/dataset.h"

namespace stuckat::trainer {

/// An integer network keeps neither latent weights nor batch-norms. Latent weights become the
/// centres of what quantizes to the weights (one bit: +-0.5). Batch-norms take scale and offset so
/// that thresholds on the statistics of `calibration` images (all of them, one batch) are those of
/// the network: exactly where there is one threshold, by least squares where there are more. The
/// batch-norm of the logits starts at scale 1, offset 0.
///
/// A network that is no chain of few bits (by_tables()) keeps its thresholds instead, as what the
/// training moves (Model::moved_thresholds): without a step it is exported bit for bit. The
/// batch-norm of its logits starts where the loss of the calibration images is least. Throws
/// InputError: no or too many images, images that do not fit, a network that cannot be trained.
Model model_from_network(const Network& network, const DataSet& calibration, Workers& workers);

/// The same, by images of a training set: 1,000 at the most, spread over it.
Model start_model(const Network& network, const DataSet& train, Workers& workers);

}  // namespace stuckat::trainer
