// report.html: one file that says what broken hardware does to networks. Self-contained: CSS, SVG
// and a few lines of script are inline, nothing is loaded. The input is plain values; convert.h
// fills them from results.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/common/run_statistics.h"

namespace stuckat::report {

/// One line of "name: value".
struct Fact {
  std::string name;
  std::string value;
};

/// A network under examination. Results refer to it by `label`, which also fixes its colour:
/// the n-th network has the n-th colour in every picture.
struct NetworkInfo {
  std::string label;         ///< "standard", "fault-aware": unique, short, shown in every legend
  std::string architecture;  ///< "cnv-w1a1 x 0.25"
  std::string training;      ///< one line in plain words, may be empty
  std::string hash;          ///< content hash of the model, may be empty
};

/// What one fault did, counted over the images of its campaign.
struct FaultOutcome {
  std::string name;      ///< "channel 5 of layer1 stuck at -1"; for tooltips
  int group = 0;         ///< index in Campaign::groups
  int unit = 0;          ///< channel, pixel or PE, 0 .. groups[group].units-1
  int level = 0;         ///< index in Campaign::levels
  int64_t correct = 0;   ///< images classified right
  int64_t masked = 0;    ///< images in which no logit differs
  int64_t critical = 0;  ///< images whose predicted class changed
  double weight = 1;     ///< how many faults it stands for: of a sample, more than one
  std::string id = {};   ///< as 'campaign replay --fault' takes it; may be empty
};

/// Exhaustive single faults in one network: of channels or pixels (groups are layers) or of the
/// PEs of an accelerator (groups are its arrays, or one array's layers).
struct Campaign {
  struct Group {
    std::string name;  ///< "layer1", "layer1/mvtu", "array"
    int units = 0;
  };
  std::string network;      ///< NetworkInfo::label
  std::string kind;         ///< "channel", "pixel", "PE dead", "fault map"
  std::string accelerator;  ///< "dataflow:...", empty if the faults need no accelerator
  std::string data = {};    ///< which images: campaigns over others are not compared
  int64_t images = 0;
  int64_t golden_correct = 0;  ///< images that the fault-free network classifies right
  std::vector<Group> groups;
  std::vector<std::string> levels;  ///< "-1", "+1"
  std::vector<FaultOutcome> faults;
  std::string note;      ///< one line below the figures: "a sample of 200 of 1,920 faults"
  bool sampled = false;  ///< the faults are some of more: their worst is not the worst of all
  /// What the number of images leaves open at `confidence`, in percent and points: the accuracy
  /// without faults, and what the worst fault costs. Not shown where confidence is 0.
  struct Limits {
    double confidence = 0;
    double golden_low = 0, golden_high = 0;
    double loss_low = 0, loss_high = 0;
  } limits;
};

/// A cycle-level run, with or without a fault map.
struct Simulation {
  struct Prediction {
    int64_t image = 0;
    std::string label;       ///< what the image shows, may be empty
    std::string fault_free;  ///< class
    std::string faulty;      ///< class; equal to fault_free if nothing changed
  };
  /// One layer's share of an image, where layers follow each other on one array.
  struct LayerTime {
    std::string name;
    int64_t cycles = 0;
    double utilisation = 0;  ///< of the multipliers, 0 .. 1
    bool operator==(const LayerTime&) const = default;
  };
  std::string network;  ///< NetworkInfo::label
  std::string accelerator;
  std::string data;  ///< "fashion-mnist, test images 0 to 9", empty for timing alone
  std::string data_hash;
  int64_t images = 0;
  int64_t total_cycles = 0;
  int64_t first_image_cycles = 0;          ///< latency of the first image
  std::optional<int64_t> interval_cycles;  ///< from image to image once steady
  std::string bottleneck;                  ///< name of the module that sets the interval
  double clock_mhz = 0;                    ///< 0: no times are shown, only cycles
  std::vector<ModuleStatistics> modules;   ///< in the order of the data
  std::vector<StreamStatistics> streams;
  std::vector<LayerTime> layers;              ///< may be empty
  std::vector<std::string> faults;            ///< names of the map's faults; empty: fault-free
  std::vector<std::string> effects;           ///< described, as lowered
  std::vector<ErrorReport> reports;           ///< of comparators, if any spoke
  std::optional<bool> agrees_with_reference;  ///< every output equal, bit for bit
  std::vector<Prediction> predictions;        ///< of the images simulated, in order
};

/// One fault, and what it does to the network.
struct FaultLine {
  std::string name;
  std::vector<std::string> effects;  ///< as lowered, empty if there are none
  std::string masked;                ///< when a site of this kind is without effect
};

/// The fault maps of some chips, drawn over the parts of an accelerator (fault_picture.h).
struct FaultMaps {
  struct Chip {
    int64_t number = 0;
    int64_t faults = 0;
    std::vector<std::string> pictures;  ///< svg_picture() of each part
    std::vector<std::string> memories;  ///< memory_summary()
    std::vector<FaultLine> lines = {};  ///< of the first faults
  };
  std::string label;  ///< NetworkInfo::label
  std::string file;   ///< without its folder: a campaign calls its chips "FILE[3]"
  std::string made;   ///< command that draws them again; may be empty
  std::string accelerator;
  int64_t chips = 0;   ///< of the file; `drawn` are the first of them
  int64_t faults = 0;  ///< of all
  std::vector<Chip> drawn;
};

/// Many accelerators for one network, and which of them no other beats.
struct Exploration {
  struct Design {
    std::string name;  ///< for tooltips
    int family = 0;    ///< index in Exploration::families
    int64_t pes = 0;
    int64_t multipliers = 0;
    int64_t memory_bits = 0;
    int64_t luts = 0;  ///< 0: no estimate
    int64_t bram18 = 0;
    int64_t dsps = 0;
    double frames_per_second = 0;
    double worst_accuracy = -1;  ///< percent, under the worst single dead PE; -1: not examined
    bool pareto = false;
  };
  std::string network;                ///< NetworkInfo::label or any other name
  std::string architecture;           ///< "cnv-w1a1"
  std::string hash;                   ///< of the network, as hex text, or empty
  std::vector<std::string> families;  ///< of accelerators: a mark each, in the legend
  std::vector<Design> designs;
};

/// What a chip of at least this accuracy (percent) is sold for.
struct PriceBin {
  double accuracy = 0;
  double price = 0;
};

/// A lot of broken chips: how much retraining they need, and what came of it, policy by policy.
struct Fleet {
  struct Point {
    double rate = 0;  ///< of faults, percent
    int64_t images = 0;
  };
  struct Group {
    int chips = 0;
    double rate = 0;  ///< of the union, percent
    int64_t images = 0;
    bool split = false;  ///< it missed the constraint
  };
  struct Policy {
    std::string name;
    std::string words;  ///< what it does
    int64_t networks = 0;
    int64_t orders = 0;            ///< of channels, in which sold chips have the deployed network
    int64_t images = 0;            ///< of retraining
    int64_t images_of_map = 0;     ///< on top: what measuring E(f) has cost; 0 where it needs none
    std::vector<double> accuracy;  ///< [chip], percent
    std::vector<bool> sold;        ///< [chip]
    std::vector<Group> groups;
  };
  /// Mean accuracies after retraining; may be empty.
  struct Map {
    std::vector<double> rates;                  ///< percent
    std::vector<int64_t> amounts;               ///< images
    std::vector<std::vector<double>> accuracy;  ///< [rate][amount], percent; negative: unknown
  };
  std::string label;
  std::string network;
  std::string accelerator;    ///< with what breaks
  std::string repair;         ///< of each chip, what it takes included; empty: none
  std::string images;         ///< "test", "validation": what `accuracy` is on
  double constraint = 0;      ///< percent, on validation images
  double deployed = 0;        ///< likewise
  double deployed_here = 0;   ///< percent, on `images`
  std::vector<double> rates;  ///< [chip], percent
  std::vector<Point> curve;   ///< E(f)
  double saving_of_two = 0;   ///< images that two chips of the mean rate save together
  double saving_of_five = 0;
  int64_t map_images = 0;  ///< what the resilience map has cost
  Map map;
  std::vector<Policy> policies;
  std::vector<PriceBin> prices;  ///< by falling accuracy; empty: no profit is shown
  double network_price = 0;      ///< of each stored network
  /// Places of the chips on wafers that are `across` dies wide; [chip mod dies].
  int across = 0;                         ///< 0: they come from no wafer
  std::vector<std::pair<int, int>> dies;  ///< column, row
};

/// Ways to protect a network on an accelerator against the faults of one campaign, and what they
/// cost. Errors in percent; PEs and memory beside the accelerator's.
struct Protection {
  struct Point {
    std::string measure;
    std::string detail;
    double macs = 1;
    int64_t pes = 0;
    int64_t memory_bits = 0;
    double worst_error = 0;
    double mean_error = 0;
  };
  std::string network;   ///< NetworkInfo::label or any other name
  std::string evidence;  ///< which faults: "channel", "pe"
  std::string accelerator;
  double error_free = 0;
  std::vector<Point> points;  ///< of one measure side by side, in the order of their cost
};

/// Lots of chips with broken memory cells (`stuckat memory`); accuracies in percent.
struct MemoryLots {
  struct Row {
    std::string group;  ///< memories that break: "all", a part, "bit 1"
    double rate = 0;    ///< of broken units, 0 .. 1
    int64_t chips = 0;
    double broken_cells = 0;  ///< of a chip, on average
    double mean = 0;
    double low = 0;  ///< 95 % limits of the mean over all such chips, on these images
    double high = 0;
    double quantile5 = 0;  ///< 5 % of the chips are no better
    double worst = 0;
  };
  std::string network;  ///< NetworkInfo::label or any other name
  std::string what;     ///< which memories of what, broken how: others are not compared
  std::string data;
  std::string data_hash;
  double error_free = 0;
  std::vector<Row> rows;  ///< by group, then rate
};

/// Mean and deviation over starts or probes.
struct MeanDeviation {
  double mean = 0;
  double deviation = 0;
};

/// How sharp the minimum is that a network lies in (`stuckat sharpness`).
struct Sharpness {
  std::string network;
  std::string data;
  std::string data_hash;
  double rho = 0;  ///< radius of the ascent step
  double loss = 0;
  double ascent_loss = 0;
  MeanDeviation top_eigenvalue;  ///< of the Hessian
  MeanDeviation trace;
};

/// Share of activations that are 0 (`stuckat info model --data`).
struct Zeros {
  std::string network;
  std::string data;
  std::vector<std::pair<std::string, double>> layers;  ///< name, percent
};

/// A command or configuration that made one of the results.
struct Recipe {
  std::string title;  ///< "campaign, standard"
  std::string text;   ///< shown as it is, in fixed width
};

struct ReportInput {
  std::string title = "stuckat report";
  std::string tool_version;
  std::string data;         ///< "fashion-mnist, test images 0 .. 999"
  std::vector<Fact> facts;  ///< more lines for the header: hashes, dates if wanted
  std::vector<NetworkInfo> networks;
  std::vector<Campaign> campaigns;     ///< channel or pixel faults
  std::vector<Campaign> pe_campaigns;  ///< dead PEs: one damage map each
  std::vector<Simulation> simulations;
  std::vector<Exploration> explorations;
  std::vector<FaultMaps> maps;
  std::vector<Fleet> fleets;
  std::vector<Protection> protections;
  std::vector<MemoryLots> memories;
  std::vector<Sharpness> sharpness;
  std::vector<Zeros> zeros;
  std::vector<Recipe> recipes;
};

/// The whole page. The same input gives the same bytes. Throws InputError("report", ...) if a
/// result names an unknown network, or an outcome a group, unit or level that is not there.
std::string html(const ReportInput& input);

/// The summary in plain words, one sentence an entry, for the terminal too.
std::vector<std::string> summary(const ReportInput& input);

/// html(input) to a temporary name, then renamed. Throws InputError if that fails.
void write_report(const std::string& path, const ReportInput& input);

}  // namespace stuckat::report
