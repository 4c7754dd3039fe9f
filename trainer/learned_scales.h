// Scales of weights that are learned as step sizes (LSQ: Esser et al., ICLR 2020). A layer's
// weights are w' = s * q, q = w / s rounded to the nearest level and cut to qn .. qp; without
// learned scales s = 1 / qp. Where the loss has the gradient g by w', straight through the rounding
//
//   by w:  g where qn <= w/s <= qp, else 0
//   by s:  sum of g * (q - w/s) there, of g * q elsewhere; times 1 / sqrt(N * qp), N weights
//
// Kept and learned is the scale S = qp * s, the real value of the greatest level: ADAM divides by
// the size of gradients, so that its steps would be qp times as great, to the size of s.
#pragma once

#include <vector>

#include "trainer/model.h"
#include "trainer/training_layer.h"

namespace stuckat::trainer {

/// Layers whose weights have steps: more than one bit.
bool has_steps(const Layer& layer);

/// Adds scales to all layers with steps that have none. Where the weights are random, s = 2 * mean
/// of abs(w) / sqrt(qp); else S = 1, as the weights were learned. Throws InputError for a network
/// without such layers, and one that keeps its thresholds: they are in units of its weights.
void add_learned_scales(Model& model, bool random_weights);
bool has_learned_scales(const Model& model);

/// From derivatives by real quantized weights, as a step gives them (LayerGradient), to those by
/// latent weights and scales. Nothing changes in layers without learned scales.
void pass_weight_quantizers(const Model& model, std::vector<LayerGradient>& gradients);

}  // namespace stuckat::trainer
