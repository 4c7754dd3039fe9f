#include "tools/stuckat/memory_json.h"

#include <algorithm>
#include <limits>

#include "workloads/errors.h"
#include "workloads/json_file.h"

namespace stuckat::cli {
namespace {

constexpr int64_t many = int64_t{1} << 53;
constexpr double large = std::numeric_limits<double>::max();

/// What a command wrote with --json.
struct Document {
  Json json;
  JsonObject top;

  Document(const std::string& path, const std::string& command)
      : json(read_json_file(path)), top(json, path) {
    const std::string schema = top.has("schema") ? top.text("schema") : "";
    std::string expected = "stuckat.output." + command;
    std::replace(expected.begin(), expected.end(), ' ', '-');
    if (schema != expected) {
      throw InputError(path, "schema '" + schema + "'",
                       "a result of 'stuckat " + command + " --json'");
    }
    top.integer("schema_version", 1, 1);
  }
  Document(const Document&) = delete;  // top refers to json
  Document& operator=(const Document&) = delete;
};

double percent(const JsonObject& object, const char* key) { return object.number(key, 0, 100); }

report::MeanDeviation spread(const JsonObject& object, const char* key) {
  const JsonObject value = object.object(key);
  return {value.number("mean", -large, large), value.number("deviation", 0, large)};
}

/// "cifar10, test images 0 to 1016", and what tells them from others.
void read_data(const JsonObject& top, std::string& words, std::string& hash) {
  const JsonObject data = top.object("data");
  const int64_t first = data.integer("first_image", 0, many);
  words = data.text("name") + ", " + data.text("half") + " images " + std::to_string(first) +
          " to " + std::to_string(first + data.integer("images", 1, many) - 1);
  hash = data.text("hash");
}

}  // namespace

report::MemoryLots read_memory_lots(const std::string& path, const std::string& label) {
  const Document document(path, "memory");
  const JsonObject& top = document.top;
  report::MemoryLots lots;
  lots.network = label;
  const JsonObject made = top.object("configuration");
  const std::string repair = made.text("repair");
  lots.what = made.text("sites") + " of " + made.text("accelerator") + ", a " + made.text("unit") +
              " at a time, cells " +
              (made.text("cells") == "flip" ? "flipped" : "stuck at " + made.text("cells"));
  if (repair != "none") lots.what += ", repaired by " + repair;
  read_data(top, lots.data, lots.data_hash);
  lots.error_free = percent(top, "error_free");
  for (const JsonObject& row : top.objects("rows")) {
    lots.rows.push_back({row.text("group"), row.number("rate", 0, 1), row.integer("chips", 1, many),
                         row.number("mean_broken_cells", 0, large), percent(row, "mean"),
                         row.number("mean_low", -large, 100), row.number("mean_high", 0, large),
                         percent(row, "quantile5"), percent(row, "worst")});
  }
  return lots;
}

report::Sharpness read_sharpness(const std::string& path, const std::string& label) {
  const Document document(path, "sharpness");
  const JsonObject& top = document.top;
  report::Sharpness sharpness;
  sharpness.network = label;
  read_data(top, sharpness.data, sharpness.data_hash);
  sharpness.loss = top.number("loss", -large, large);
  sharpness.ascent_loss = top.number("ascent_loss", -large, large);
  sharpness.rho = top.object("configuration").number("rho", 0, large);
  sharpness.top_eigenvalue = spread(top, "top_eigenvalue");
  sharpness.trace = spread(top, "trace");
  return sharpness;
}

report::Zeros read_zeros(const std::string& path, const std::string& label) {
  const Document document(path, "info model");
  const JsonObject& top = document.top;
  if (!top.has("zeros")) {
    throw InputError(path, "has no shares of zeros",
                     "'stuckat info model MODEL --data NAME --json'");
  }
  report::Zeros zeros{label, top.text("data"), {}};
  const JsonObject shares = top.object("zeros");
  for (const auto& [layer, share] : top.member("zeros").items()) {
    zeros.layers.emplace_back(layer, 100 * shares.number(layer, 0, 1));
  }
  return zeros;
}

}  // namespace stuckat::cli
