// Architectures of the network zoo: layers and formats without trained parameters.
#pragma once

#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

struct ZooOptions {
  double width = 1.0;      ///< multiplies the channels of every hidden layer (rounded, >= 1)
  int input_channels = 0;  ///< 0: the architecture's own (3 for CNV, 1 for LFC and TFC)
  int classes = 0;         ///< 0: the architecture's own: 10 for most
  int input_side = 0;      ///< height and width of the input; 0: the architecture's own
};

/// "cnv-w1a1", "cnv-w1a2", "cnv-w2a2", "cnv-w1a3", "cnv-w1a4", the same for lfc- and tfc-,
/// "dorefa-w1a2" and "dorefa-pruned-w1a2"; and with 8, 4 or 2 bits for both ("-w8a8") resnet-8,
/// resnet-20, vgg-11, mobilenet-0.25, ds-cnn and mlp, vgg-11 and mlp also as "-w1a1".
std::vector<std::string> zoo_names();

/// The architecture with weights at their greatest level and thresholds at 0: shapes and formats
/// to fill. CNV as in docs/hardware.md (32x32 input, fixed-point first layer); LFC
/// 784-1024-1024-1024-10 and TFC 784-64-64-64-10 with a binary 28x28 input at every precision, as
/// BNN-PYNQ's LFC has it; DoReFa-Net 224x224 with unsigned activations and 8-bit weights in the
/// first and last layer. ResNet-8 and -20, VGG-11 for CIFAR, MobileNet-V1 of a quarter of the
/// width, DS-CNN for keywords and the MLP 784-256-256-256-10 with unsigned activations, signed ones
/// before a residual add, and 8-bit weights in the first and last layer. Layers with weights are
/// "layer0", "layer1", ..., pools "pool0", "pool1", each kind in its order. Throws InputError on an
/// unknown name or impossible options.
Network zoo_network(const std::string& name, const ZooOptions& options = {});

}  // namespace stuckat
