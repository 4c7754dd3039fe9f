"""tools/results/measures.py against values by hand, and the exact invariants of replication."""

import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "results"))
import measures  # noqa: E402


def campaign(faults, macs, error_free):
    layers = [{"name": f"layer{i}", "macs": m} for i, m in enumerate(macs)]
    return {"error_free": error_free, "images": 100, "faults": faults, "layers": layers}


class Measures(unittest.TestCase):
    def test_values_by_hand(self):
        c = campaign([[0, 0, -1, 80], [0, 0, 1, 60], [0, 1, -1, 84], [0, 1, 1, 86], [1, 0, -1, 70],
                      [1, 0, 1, 84]], [10, 30], 85)
        self.assertEqual(measures.minimum(c), 60)
        self.assertAlmostEqual(measures.variance(c), 87.5556, 3)
        self.assertEqual(measures.by_layer_and_level(c)[0, 1], (60, 86))
        # Most critical first: layer0/channel0, layer1/channel0, layer0/channel1.
        self.assertEqual(measures.replication(c),
                         [(0, 1, 40), (1, 1.4, 30), (2, 2.6, 16), (3, 3, 15)])
        self.assertEqual(measures.channels_for(c, 16), 2)
        self.assertIsNone(measures.channels_for(c, 14))
        self.assertAlmostEqual(measures.replication(c, voter_cost=0.3)[1][1], 1.5)

    def test_half_width_of_an_accuracy(self):
        # Wald interval: 1.96 x sqrt(0.8 x 0.2 / 1600) = 0.0196.
        self.assertAlmostEqual(measures.half_width(80, 1600), 1.96)
        self.assertEqual(measures.half_width(100, 10), 0)

    def test_curves_never_rise_and_go_from_the_worst_channel_to_no_fault_at_cost_1_to_3(self):
        seed = random.randrange(10**6)
        rng = random.Random(seed)
        for _ in range(50):
            macs = [rng.randint(1, 99) for _ in range(3)]
            faults = [[layer, channel, level, rng.uniform(10, 90)] for layer in range(3)
                      for channel in range(rng.randint(1, 9)) for level in (-1, 1)]
            c = campaign(faults, macs, rng.uniform(60, 80))
            curve = measures.replication(c)
            self.assertEqual(curve[0][2], 100 - min(measures.minimum(c), c["error_free"]), seed)
            self.assertAlmostEqual(curve[-1][2], 100 - c["error_free"], msg=seed)
            self.assertAlmostEqual(curve[0][1], 1, msg=seed)
            self.assertAlmostEqual(curve[-1][1], 3, msg=seed)
            for before, after in zip(curve, curve[1:]):
                self.assertLessEqual(after[2], before[2], seed)
                self.assertGreater(after[1], before[1], seed)


if __name__ == "__main__":
    unittest.main()
