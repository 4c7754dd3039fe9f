"""Numbers printed in Zahid et al., "FAT: Training Neural Networks for Reliable Inference Under Hardware
Faults" (2020): CNV at full width, 1000 epochs, CIFAR-10 unless the key says otherwise. (error-free,
minimum, variance) in percent and percent squared; None: not printed."""

# Table I, CNV-W1A1 trained without faults: (min, max) per layer, stuck at -1 and at +1.
LAYERS = [((79.69, 84.38), (80.94, 84.66)), ((79.81, 84.78), (50.83, 84.45)),
          ((76.33, 84.67), (78.46, 84.66)), ((83.21, 84.54), (78.17, 84.56)),
          ((82.63, 84.62), (82.76, 84.71)), ((84.24, 84.75), (84.25, 84.67)),
          ((84.40, 84.66), (84.38, 84.69)), ((84.50, 84.64), (84.51, 84.63))]

# (precision, method, percent, broken, data): Tables II, III and IV, and the text on method 1.
CELLS = {
    ("w1a1", "standard", 0, "channel", "CIFAR-10"): (84.57, 50.83, 1.211),
    ("w1a1", "fat2", 5, "channel", "CIFAR-10"): (85.07, 81.26, 0.150),
    ("w1a1", "fat2", 10, "channel", "CIFAR-10"): (84.75, 82.43, 0.085),
    ("w1a1", "fat2", 15, "channel", "CIFAR-10"): (84.25, 82.09, 0.052),
    ("w1a1", "fat1", 5, "channel", "CIFAR-10"): (82.57, 81.32, None),
    ("w1a2", "standard", 0, "channel", "CIFAR-10"): (87.46, 64.41, 2.612),
    ("w1a2", "fat2", 5, "channel", "CIFAR-10"): (88.31, 84.78, 0.153),
    ("w1a2", "fat2", 10, "channel", "CIFAR-10"): (87.72, 84.77, 0.092),
    ("w2a2", "standard", 0, "channel", "CIFAR-10"): (88.25, 67.98, 2.508),
    ("w2a2", "fat2", 5, "channel", "CIFAR-10"): (88.96, 86.07, 0.057),
    ("w2a2", "fat2", 10, "channel", "CIFAR-10"): (88.60, 86.66, 0.043),
    ("w1a3", "standard", 0, "channel", "CIFAR-10"): (89.21, 80.06, 2.331),
    ("w1a3", "fat2", 5, "channel", "CIFAR-10"): (89.73, 87.90, 0.089),
    ("w1a4", "standard", 0, "channel", "CIFAR-10"): (89.13, 80.69, 1.960),
    ("w1a4", "fat2", 5, "channel", "CIFAR-10"): (89.74, 88.45, 0.074),
    ("w1a1", "dropout2d", 2.5, "channel", "CIFAR-10"): (84.41, 80.14, 0.132),
    ("w1a2", "dropout2d", 2.5, "channel", "CIFAR-10"): (88.36, 85.07, 0.113),
    ("w1a3", "dropout2d", 2.5, "channel", "CIFAR-10"): (89.50, 88.38, 0.073),
    ("w1a4", "dropout2d", 2.5, "channel", "CIFAR-10"): (89.36, 88.60, 0.079),
    ("w2a2", "dropout2d", 2.5, "channel", "CIFAR-10"): (89.47, 86.33, 0.089),
    ("w1a1", "standard", 0, "pixel", "CIFAR-10"): (84.57, 79.83, None),
    ("w1a1", "fat2", 2.5, "pixel", "CIFAR-10"): (85.03, 83.60, None),
    ("w1a1", "dropout2d", 2.5, "pixel", "CIFAR-10"): (84.41, 81.14, None),
    ("w1a2", "standard", 0, "pixel", "CIFAR-10"): (87.46, 64.93, None),
    ("w1a2", "fat2", 2.5, "pixel", "CIFAR-10"): (88.06, 86.55, None),
    ("w1a2", "dropout2d", 10, "pixel", "CIFAR-10"): (88.50, 82.48, None),
    ("w2a2", "standard", 0, "pixel", "CIFAR-10"): (88.25, 71.34, None),
    ("w2a2", "fat2", 2.5, "pixel", "CIFAR-10"): (89.13, 88.00, None),
    ("w2a2", "dropout2d", 10, "pixel", "CIFAR-10"): (87.70, 83.71, None),
    ("w1a1", "standard", 0, "channel", "GTSRB"): (98.11, 95.89, 0.06),
    ("w1a1", "fat2", 5, "channel", "GTSRB"): (98.70, 98.00, 0.01),
}
