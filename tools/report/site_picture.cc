#include "tools/report/site_picture.h"

#include <algorithm>
#include <string_view>

#include "tools/report/svg.h"

namespace stuckat::report {
namespace {

struct Position {
  double x = 0;
  double y = 0;
};

using Block = SiteDiagram::Block;

/// Where the sites of a PE stand in its panel, relative to the panel's corner.
struct PeAnchor {
  std::string_view site;
  Position at;
};

constexpr double picture_width = 980;
constexpr double row_height = 19;
constexpr double panel_height = 240;
constexpr double block_top = 60;
constexpr double block_height = 52;

constexpr PeAnchor pe_anchors[] = {
    {"pe/weight", {20, 78}},        {"pe/input", {20, 190}},     {"pe/product", {185, 166}},
    {"pe/accumulator", {415, 154}}, {"pe/threshold", {600, 78}}, {"pe/comparator", {600, 154}},
    {"pe/output", {800, 154}},      {"pe/dead", {76, 9}},
};

constexpr std::string_view site_style =
    "svg{background:#fff}text{font:12px 'DejaVu Sans',sans-serif;fill:#1b2130}.title{font-weight:"
    "bold}.soft{fill:#5b6475;font-size:11px}.site{font:bold 11.5px 'DejaVu Sans "
    "Mono',monospace;fill:#b3261e}rect{fill:#eef2f7;stroke:#5b6475}.panel{fill:#fafbfc;stroke-"
    "dasharray:5 4}.badge{fill:#fff1ef;stroke:#d9602b}line{stroke:#5b6475;stroke-width:1.4}path{"
    "fill:#eef2f7;stroke:#5b6475}";

void badge(Drawing& drawing, Position at, std::string_view name) {
  drawing.rectangle(at.x, at.y, 7.1 * static_cast<double>(name.size()) + 12, 17, "badge");
  drawing.text(at.x + 6, at.y + 12.5, name, "site");
}

void box(Drawing& drawing, const Block& block) {
  drawing.rectangle(block.left, block_top, block.width, block_height, "box");
  const double middle = block.left + block.width / 2;
  drawing.text(middle, block_top + 22, block.title, "title", Anchor::middle);
  drawing.text(middle, block_top + 40, block.more, "soft", Anchor::middle);
}

/// Sites below each other; returns where the next one would be.
double list(Drawing& drawing, Position at, const std::vector<const SiteRow*>& rows) {
  for (const SiteRow* row : rows) {
    badge(drawing, at, row->name);
    at.y += row_height;
  }
  return at.y;
}

/// Takes out of `rows` what begins with `prefix`.
std::vector<const SiteRow*> take(std::vector<const SiteRow*>& rows, std::string_view prefix) {
  const auto middle = std::stable_partition(rows.begin(), rows.end(), [&](const SiteRow* row) {
    return prefix.empty() || !std::string_view(row->name).starts_with(prefix);
  });
  std::vector<const SiteRow*> taken(middle, rows.end());
  rows.erase(middle, rows.end());
  return taken;
}

/// Memories feed lanes; products are summed up into the accumulator; comparators count.
void draw_pe(Drawing& drawing, Position corner, std::vector<const SiteRow*> rows) {
  const auto at = [&](double x, double y) { return Position{corner.x + x, corner.y + y}; };
  const auto part = [&](double x, double y, double w, double h, const char* title) {
    const Position p = at(x, y);
    drawing.rectangle(p.x, p.y, w, h, "box");
    drawing.text(p.x + w / 2, p.y + h / 2 + 4, title, "title", Anchor::middle);
  };
  const auto arrow = [&](double x1, double y1, double x2, double y2) {
    const Position a = at(x1, y1), b = at(x2, y2);
    drawing.line(a.x, a.y, b.x, b.y, "arrow");
  };
  drawing.rectangle(corner.x, corner.y, picture_width - 40, panel_height, "panel");
  drawing.text(corner.x + 14, corner.y + 22, "One PE", "title");
  part(20, 38, 130, 34, "weight memory");
  part(20, 150, 130, 34, "input lanes");
  part(195, 100, 60, 60, "\xC3\x97");
  part(300, 100, 70, 60, "\xCE\xA3 lanes");
  part(415, 112, 130, 36, "accumulator");
  part(600, 38, 140, 34, "threshold memory");
  part(600, 112, 140, 36, "comparators");
  part(800, 112, 110, 36, "output code");
  arrow(150, 55, 195, 115);
  arrow(150, 167, 195, 145);
  arrow(255, 130, 300, 130);
  arrow(370, 130, 415, 130);
  arrow(545, 130, 600, 130);
  arrow(670, 96, 670, 112);
  arrow(740, 130, 800, 130);
  arrow(910, 130, 935, 130);
  for (const PeAnchor& anchor : pe_anchors) {
    for (const SiteRow* row : take(rows, anchor.site)) {
      badge(drawing, at(anchor.at.x, anchor.at.y), row->name);
    }
  }
  double x = 20;  // what the panel has no place for
  for (const SiteRow* row : rows) {
    badge(drawing, at(x, panel_height - 26), row->name);
    x += 7.1 * static_cast<double>(std::string_view(row->name).size()) + 24;
  }
}

}  // namespace

std::string site_picture(const SiteDiagram& diagram, const std::vector<const SiteRow*>& breaking) {
  std::vector<const SiteRow*> rows = breaking;
  const std::vector<const SiteRow*> of_pe = take(rows, "pe/");
  const auto most = static_cast<double>(rows.size());
  const double panel_top = 130 + row_height * std::max(3.0, most) + 12;
  Drawing drawing(picture_width, panel_top + panel_height + 20, diagram.title);
  drawing.text(20, 28, diagram.title, "title");
  drawing.text(20, 46, diagram.legend, "soft");
  double bottom = 120;
  const std::vector<Block>& blocks = diagram.blocks;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    box(drawing, block);
    if (i + 1 < blocks.size()) {
      drawing.line(block.left + block.width, 86, blocks[i + 1].left, 86, "arrow");
    }
    if (block.sites.empty()) continue;
    const double end = list(drawing, {block.left, 120}, take(rows, block.sites));
    bottom = std::max(bottom, end);
  }
  if (!rows.empty()) {
    drawing.text(20, bottom + 14, "further parts", "soft");
    list(drawing, {110, bottom + 2}, rows);
  }
  for (const Block& block : blocks) {
    if (block.title.find("PE") == std::string::npos) continue;
    // Straight down between the lists of sites, then apart above the panel.
    const double fork = panel_top - 14;
    drawing.line(block.left, block_top + block_height, block.left, fork, "arrow");
    drawing.line(block.left, fork, 20, panel_top, "arrow");
    const double right = block.left + block.width;
    drawing.line(right, block_top + block_height, right, fork, "arrow");
    drawing.line(right, fork, picture_width - 20, panel_top, "arrow");
  }
  draw_pe(drawing, {20, panel_top}, of_pe);
  return standalone(drawing, site_style);
}

}  // namespace stuckat::report
