"""tools/results/systolic.py, fleets.py and memory.py: what they draw, and what their pages conclude, against values by hand."""

import json
import pathlib
import struct
import sys
import tempfile
import types
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "results"))
import fleets  # noqa: E402
import hardware  # noqa: E402
import memory  # noqa: E402
import sources  # noqa: E402
import systolic  # noqa: E402


def fap(none, fapt, further=90):
    rates = [{"broken": broken, "none": n, "fap": f, "fapt": f}
             for broken, n, f in zip((4, 32768), none, fapt)]
    return {"title": "MLP", "data": "MNIST", "side": 256, "healthy": 90, "further": further, "rates": rates}


def on_pes(free, placed, moved, ways):
    """What hardware.measure gives, of PEs with these errors."""
    pes = [{"pe": f"layer0/mvtu/pe[{i}]", "placed_error": p, "error": m, "fixed": ""} for i, (p, m) in enumerate(zip(placed, moved))]
    ways = [{"measure": name, "count": pes, "macs": 1 + pes / 10, "pes": pes, "worst_error": worst, "mean_error": worst / 2}
            for name, pes, worst in ways]
    return {"accelerator": "x", "images": 1000, "error_free_error": free, "pes": pes, "ways": ways}


class Hardware(unittest.TestCase):
    def test_the_fewest_pes_within_the_margin_of_standard_training(self):
        standard = on_pes(20, [30, 24], [26, 24], [("none", 0, 30), ("reschedule", 0, 26), ("copies", 2, 24), ("copies", 4, 20)])
        fat = on_pes(21, [25.5, 22], [25, 21], [("none", 0, 25.5), ("reschedule", 0, 25), ("copies", 4, 21)])
        trainings, ways = hardware.rows([("standard", standard), ("FAT", fat)], {"FAT": 23})
        # Lost: more than 5 points above the network's own errors without faults.
        self.assertEqual(trainings, [["standard", "20.00", "-", "30.00", "15.00", "1 of 2", "26.00", "1 of 2"],
                                     ["FAT", "21.00", "23.00", "25.50", "12.75", "0 of 2", "25.00", "0 of 2"]])
        # The limit is 25 for both.
        self.assertEqual(ways, [["standard", "nothing", "-", "-", "30.00: not enough"],
                                ["standard", "other channels on the broken PE", "-", "-", "26.00: not enough"],
                                ["standard", "three copies of PEs", "2", "1.200", "24.00"],
                                ["FAT", "nothing", "-", "-", "25.50: not enough"],
                                ["FAT", "other channels on the broken PE", "0", "1.000", "25.00"],
                                ["FAT", "three copies of PEs", "4", "1.400", "21.00"]])
        self.assertEqual(hardware.section([], {}), "")
        self.assertEqual(hardware.losing(standard), "1 of `layer0/mvtu`")
        self.assertEqual(hardware.losing(fat), "none")
        standard["pes"][0]["fixed"] = "layer0: PE = 1"
        self.assertEqual(hardware.losing(standard), "1 of `layer0/mvtu` (PE = 1)")


class Systolic(unittest.TestCase):
    def test_chips_are_the_same_pes_bypassed_and_unmitigated_each_once(self):
        with tempfile.TemporaryDirectory() as folder:
            options = types.SimpleNamespace(work=pathlib.Path(folder), out=pathlib.Path(folder))
            study = systolic.Study(options, "x")
            row = systolic.FAPS[0]
            pes = {}
            for kind, path in study.lots(row, 655).items():
                lines = path.read_text().splitlines()
                self.assertEqual(lines[0], "chip,fault")
                pes[kind] = [line.rsplit("/", 1)[0] for line in lines[1:]]
            self.assertEqual(pes["none"], pes["fap"])
            self.assertEqual(len(set(pes["fap"])), 655 * row.chips)

    def test_claims_hold_or_not(self):
        row, = systolic.claims(fap(([20, 30], []), ([89.5, 90.5], [89, 89.5])))
        self.assertEqual(row, "| MLP | 65.00: holds | 50 % | 50 % | 0.75 | 0.75 | - | holds |")
        # A control that lost some, and a longer training that finds it again.
        some = fap(([88, 89], []), ([88.5, 89.5], [70, 80]), further=89)
        row, = systolic.claims(some)
        self.assertEqual(row, "| MLP | 1.50: does not hold | 0.0061 % | 0.0061 % | 15.00 | 14.00 | - | does not hold |")
        row, = systolic.claims({**some, "long": [{"accuracy": 89.5}]})
        self.assertTrue(row.endswith("| 15.00 | 14.00 | 0.50 | holds |"), row)

    def test_what_was_not_computed_is_a_dash(self):
        self.assertEqual(systolic.of_chips([]), "- | -")
        self.assertEqual(systolic.of_chips([80, 90]), "85.00 ± 7.07 | 80.00")
        self.assertTrue(systolic.lost({"none": []}))
        self.assertFalse(systolic.lost({"none": [16, 15]}))

    def test_the_worst_register_and_those_within_its_interval(self):
        mean, low, high = systolic.interval([1, 3])
        self.assertAlmostEqual(mean - low, 1.96)
        self.assertAlmostEqual(high - mean, 1.96)
        registers = [{"register": name, "value": 1, "accuracy": values} for name, values in
                     (("a", [80, 82]), ("b", [50, 52]), ("d", [51, 53]))]
        self.assertEqual(systolic.ranking({"registers": registers}), "Worst: `b` at 1; within its interval `d` at 1.")
        self.assertIn("then `a` at 1", systolic.ranking({"registers": registers[:2]}))


class Fleets(unittest.TestCase):
    def test_what_unions_need_says_whether_merging_can_pay(self):
        plans = {"greatest_rate": 0.1, "fixed_part": 100, "plans": [
            {"policy": "reduce", "groups": [{"images": 100}, {"images": 300}, {"images": 0}]},
            {"policy": "tre-map", "groups": [{"images": 500}, {"images": 0}]}]}
        self.assertEqual(fleets.planned(plans), {"greatest_rate": 0.1, "fixed_part": 100, "chip_images": 200,
                                                 "chip_networks": 2, "union_images": 500, "union_networks": 1})

    def test_a_row_is_complete_with_all_of_its_lots(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "row.json"
            self.assertFalse(fleets.is_complete(path))
            path.write_text(json.dumps({"lots": 2, "results": [{}]}))
            self.assertFalse(fleets.is_complete(path))
            path.write_text(json.dumps({"lots": 2, "results": [{}, {}]}))
            self.assertTrue(fleets.is_complete(path))
            self.assertFalse(fleets.is_complete(path, repaired=True))
            path.write_text(json.dumps({"lots": 2, "results": [{"repaired": []}, {"repaired": []}]}))
            self.assertTrue(fleets.is_complete(path, repaired=True))

    def test_lots_are_kept_where_the_map_is_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "row.json"
            kept = {"accelerator": "x", "sites": "pe/dead", "train": "t", "learning_rate": "1", "commit": "b", "resilience": {"deployed": 90}}
            self.assertEqual(fleets.known(path, kept), ({}, "b"))
            lot = {"lot": "2 %", "drop": 1}
            path.write_text(json.dumps({**kept, "commit": "a", "results": [lot]}))
            self.assertEqual(fleets.known(path, kept), ({("2 %", 1): lot}, "a, b"))
            self.assertEqual(fleets.known(path, {**kept, "commit": "a"})[1], "a")
            self.assertEqual(fleets.known(path, {**kept, "resilience": {"deployed": 91}}), ({}, "b"))

    def test_what_repair_sells_stands_beside_what_retraining_sells(self):
        def outcome(policy, sold, images=0):
            return {"policy": policy, "sold": sold, "images": images, "networks": 1, "orders": 3, "least": 10, "median": 80}

        def repaired(repair, pes, *outcomes):
            return {"repair": repair, "spares": {"pes": pes, "multipliers": 4 * pes, "memory_bits": 9 * pes},
                    "resilience_images": 500, "outcomes": list(outcomes)}
        result = {"chips": 50, "outcomes": [outcome("fap", 20)], "repaired": [
            repaired("", 0, outcome("fixed", 25, 9000)),
            repaired("reschedule", 0, outcome("fap", 30), outcome("fixed", 34, 2000)),
            repaired("spares 1", 7, outcome("fap", 48), outcome("reduce", 48))]}
        lines = fleets.repaired_table(result)
        self.assertIn("| reschedule | `fixed` | 68 % | 1 | 3 | 2,000 | 2,000 | 10.00 | 80.00 |", lines)
        self.assertIn("| spares 1 | `reduce` | 96 % | 1 | 3 | 0 | 500 | 10.00 | 80.00 |", lines)
        self.assertEqual(lines[-1], "Without repair 25 chips are sold at most, with 9,000 images of `fixed` 25. Sold by repair alone and "
                         "with retraining: reschedule: 30, 4 more after `fixed` of 2,000 images; spares 1: 48, retraining adds none. "
                         "A spare in each array takes 7 PEs, 28 multipliers and 63 bits of memory.")
        self.assertEqual(fleets.repaired_table({"outcomes": []}), [])


class Sources(unittest.TestCase):
    def test_pictures_hold_the_planes_pixel_by_pixel(self):
        planes = bytes((7 * i) % 251 for i in range(3072))
        picture = sources.png(planes)
        start = picture.index(b"IDAT")
        rows = zlib.decompress(picture[start + 4:])
        for y, x, c in ((0, 0, 0), (0, 1, 2), (31, 31, 1), (5, 9, 0)):
            self.assertEqual(rows[97 * y + 1 + 3 * x + c], planes[1024 * c + 32 * y + x])
        # The chunk's check, as zlib computes it.
        length, = struct.unpack(">I", picture[start - 4:start])
        self.assertEqual(struct.unpack(">I", picture[start + 4 + length:start + 8 + length])[0],
                         zlib.crc32(picture[start:start + 4 + length]))

    def test_only_what_a_source_names_is_made(self):
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            sources.prepare("fashion-mnist", work, "/data")
            self.assertEqual(list(work.iterdir()), [])
            sources.prepare("gtsrb:{work}/gtsrb", work, "/data")
            self.assertEqual((work / "gtsrb").readlink(), pathlib.Path("/data/gtsrb"))


class Memory(unittest.TestCase):
    def test_trends_compare_rate_by_rate(self):
        def run(sparse, training, means):
            return {"sparse": sparse, "training": training, "error_free": 90,
                    "rows": [{"rate": 0.1, "mean": m, "mean_low": m - 1, "mean_high": m + 1} for m in means],
                    "sharpness": {"top_eigenvalue": {"mean": 2 if sparse else 1, "deviation": 1.5 if training == "saq" else 0.5}}}
        text = "\n".join(memory.trends([run(False, "plain", [88, 60]), run(True, "plain", [80, 61]),
                                        run(True, "saq", [89, 70])]))
        self.assertIn("by 8.00, -1.00 points at the rates of the table; holds at 1 of 2 rates, the difference being greater "
                      "than both intervals at 1.", text)
        self.assertIn("SAQ gains accuracy on sparse: by 9.00, 9.00 points at the rates of the table; holds, the "
                      "difference being greater than both intervals at 2.", text)
        self.assertNotIn("SAQ gains accuracy on standard", text)
        self.assertIn("top eigenvalues 2 and 1, holds", text)
        self.assertIn("top eigenvalues 2 and 2, not told apart", text)


if __name__ == "__main__":
    unittest.main()
