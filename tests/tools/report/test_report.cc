#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/tools/report/demo_input.h"
#include "tools/report/plot.h"
#include "tools/report/report.h"
#include "tools/report/statistics.h"
#include "tools/report/svg.h"
#include "workloads/errors.h"

namespace stuckat::report {
namespace {

using test::demo_input;

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What is wrong with the tags of a page: "" if every element is closed in order, every attribute
/// quoted and no attribute given twice. Knows HTML's void elements; skips style and script.
std::string tag_error(const std::string& page) {
  const std::set<std::string> voids = {"meta", "br", "hr", "img", "link", "input"};
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at)) {
    if (page.compare(at, 2, "<!") == 0) {
      at = page.find('>', at);
      continue;
    }
    const size_t end = page.find('>', at);  // '>' in attributes is escaped
    if (end == std::string::npos) return "no end: " + page.substr(at, 40);
    const std::string tag = page.substr(at + 1, end - at - 1);
    at = end;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "closes what is not open: " + tag;
      open.pop_back();
      continue;
    }
    const std::string name = tag.substr(0, tag.find_first_of(" /"));
    std::set<std::string> attributes;
    for (size_t i = name.size(); i < tag.size();) {
      if (tag[i] == ' ' || tag[i] == '/') {
        ++i;
        continue;
      }
      const size_t equals = tag.find("=\"", i);
      const size_t quote = equals == std::string::npos ? equals : tag.find('"', equals + 2);
      if (quote == std::string::npos) return "bad attribute: " + tag;
      if (!attributes.insert(tag.substr(i, equals - i)).second) return "twice: " + tag;
      i = quote + 1;
    }
    if (voids.count(name) != 0 || tag.back() == '/') continue;
    if (name == "style" || name == "script") {
      at = page.find("</" + name + ">", at);
      if (at == std::string::npos) return "no end of " + name;
      at += name.size();
      continue;
    }
    open.push_back(name);
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

/// A slow design and one of `frames_per_second`, neither of which beats the other, and a bad one.
Exploration demo_exploration(double frames_per_second) {
  return {"mine",
          "cnv-w1a1",
          "0123abcd",
          {"dataflow", "loopback array"},
          {{"dataflow:small", 0, 9, 70, 1'600'000, 2'100, 5, 70, 3, -1, true},
           {"dataflow:bad", 0, 1500, 9000, 2'100'000, 80'000, 60, 9000, 2, -1, false},
           {"loopback:fast", 1, 1200, 2400, 2'000'000, 0, 0, 0, frames_per_second, -1, true}}};
}

/// A tick of the x axis, with the least that its text takes.
struct TickText {
  std::string text;
  double left = 0;
  double right = 0;
};
std::vector<TickText> x_ticks(const std::string& drawing) {
  const std::regex element(
      "<text x=\"([0-9.]+)\" y=\"[0-9.]+\" class=\"tick\" "
      "text-anchor=\"middle\">([^<]*)</text>");
  std::vector<TickText> ticks;
  for (std::sregex_iterator match(drawing.begin(), drawing.end(), element), end; match != end;
       ++match) {
    // The page's 11 px digits are about 6.6 px wide.
    const double half = 3.3 * static_cast<double>((*match)[2].length());
    const double at = std::stod((*match)[1]);
    ticks.push_back({(*match)[2], at - half, at + half});
  }
  return ticks;
}

/// Chips at two rates, and the same with one memory broken at a time.
MemoryLots demo_memory(const std::string& network, const std::string& part) {
  return {network,
          "pe/weight of " + part,
          "fashion-mnist " + part,
          "0123" + part,
          80,
          {{"all", 0.001, 50, 12.5, 79.5, 79.25, 79.75, 78, 77},
           {"all", 0.01, 50, 125, 70.25, 69, 71.5, 61.5, 50},
           {part + "1", 0.01, 50, 25, 78, 77, 79, 75, 74},
           {part + "2", 0.01, 50, 100, 72, 71, 73, 63, 52}}};
}

/// Puts this text wherever the input takes any.
ReportInput with_text_everywhere(const std::string& text) {
  ReportInput input = demo_input();
  for (NetworkInfo& network : input.networks) {
    network = {network.label + text, text, text, text};
  }
  for (auto* campaigns : {&input.campaigns, &input.pe_campaigns}) {
    for (Campaign& campaign : *campaigns) {
      campaign.network += text;
      campaign.kind += text;
      campaign.accelerator += text;
      campaign.note = text;
      for (Campaign::Group& group : campaign.groups) group.name += text;
      for (std::string& level : campaign.levels) level += text;
      for (FaultOutcome& fault : campaign.faults) fault.name += text;
    }
  }
  for (Simulation& run : input.simulations) {
    run.network += text;
    run.accelerator += text;
    for (ModuleStatistics& module : run.modules) module.name += text;
    for (StreamStatistics& stream : run.streams) stream.name += text;
    for (Simulation::LayerTime& layer : run.layers) layer.name += text;
    run.faults.push_back(text);
    run.effects.push_back(text);
    run.predictions.push_back({0, text, text, text + text});
    run.bottleneck += text;
  }
  Exploration exploration = demo_exploration(1e5);
  exploration.network += text;
  exploration.architecture = exploration.hash = text;
  for (Exploration::Design& design : exploration.designs) design.name += text;
  input.explorations = {exploration};
  input.memories = {demo_memory(text, text)};
  input.sharpness = {{text, text, text, 0.4, 0.25, 0.5, {1, 2}, {3, 4}}};
  input.zeros = {{text, text, {{text, 50}}}};
  input.title = input.tool_version = input.data = text;
  input.facts = {{text, text}};
  input.recipes = {{text, text}};
  return input;
}

}  // namespace

TEST_CASE("the checker of these tests finds broken markup") {
  CHECK(tag_error("<p><b>x</b></p>") == "");
  CHECK(tag_error("<p><b>x</p></b>") != "");
  CHECK(tag_error("<p>") != "");
  CHECK(tag_error("<p class=a></p>") != "");
  CHECK(tag_error("<p a=\"1\" a=\"2\"></p>") != "");
}

TEST_CASE("the page is well formed") { CHECK(tag_error(html(demo_input())) == ""); }

TEST_CASE("the page loads nothing") {
  const std::string page = html(demo_input());
  for (const char* forbidden : {"http:", "https:", "src=", "@import", "url(", "<link", "<iframe"}) {
    INFO(forbidden);
    CHECK_FALSE(contains(page, forbidden));
  }
}

TEST_CASE("the same input gives the same bytes") {
  CHECK(html(demo_input()) == html(demo_input()));
}

TEST_CASE("every result shows up") {
  const ReportInput input = demo_input();
  const std::string page = html(input);
  for (const NetworkInfo& network : input.networks) {
    CHECK(contains(page, network.training));
    CHECK(contains(page, network.hash));
  }
  for (const Campaign& campaign : input.campaigns) {
    CHECK(contains(page, fixed(golden_accuracy(campaign), 2)));
    for (int g = 0; g < static_cast<int>(campaign.groups.size()); ++g) {
      for (int level = 0; level < 2; ++level) {  // Table I
        const Extremes pair = extremes(campaign, g, level);
        CHECK(contains(page, ">" + fixed(accuracy(campaign, *pair.worst), 2) + "<"));
        CHECK(contains(page, ">" + fixed(accuracy(campaign, *pair.best), 2) + "<"));
      }
    }
  }
  CHECK(count(page, "class=\"curve s0\"") == 1);
  CHECK(count(page, "class=\"curve s1\"") == 1);
  CHECK(count(page, "class=\"dots s0\"") == 8);
  CHECK(count(page, "class=\"dots s1\"") == 8);
  size_t pes = 0;
  for (const Campaign& campaign : input.pe_campaigns) {
    for (const Campaign::Group& group : campaign.groups) pes += static_cast<size_t>(group.units);
  }
  CHECK(count(page, "<rect x=") >= pes);
  CHECK(count(page, ", PE ") == pes);  // a tip on each cell
  for (const Simulation& run : input.simulations) {
    CHECK(contains(page, escape(run.accelerator)));
    CHECK(contains(page, grouped(run.first_image_cycles)));
    CHECK(contains(page, grouped(*run.interval_cycles)));
    CHECK(contains(page, grouped(run.total_cycles)));
    for (const auto& module : run.modules) CHECK(contains(page, module.name));
    for (const auto& stream : run.streams) CHECK(contains(page, stream.name));
    for (const auto& layer : run.layers) CHECK(contains(page, grouped(layer.cycles)));
    for (const std::string& fault : run.faults) CHECK(contains(page, fault));
    for (const std::string& effect : run.effects) CHECK(contains(page, effect));
  }
  CHECK(contains(page, "2 of 8 predictions changed"));
  for (const Recipe& recipe : input.recipes) CHECK(contains(page, escape(recipe.text)));
}

TEST_CASE("lots of broken memories that broke alike are drawn side by side") {
  ReportInput input;
  input.memories = {demo_memory("one", "layer"), demo_memory("other", "layer"),
                    demo_memory("elsewhere", "array")};
  input.sharpness = {{"one", "train images", "", 0.4, 0.25, 0.375, {1.5, 0.25}, {-3, 4}}};
  input.zeros = {{"one", "test images", {{"conv", 12.5}, {"dense", 50}}},
                 {"other", "test images", {{"dense", 75}}}};
  const std::string page = html(input);
  CHECK(tag_error(page) == "");
  CHECK(count(page, "<h4>All memories</h4>") == 2);  // of like lots, and of the one elsewhere
  CHECK(count(page, "<h4>One at a time, 1 % broken</h4>") == 2);
  CHECK(contains(page, "one, 0.1 %\n79.50 % on average (79.25 to 79.75)"));
  CHECK(contains(page, "other, layer2, 1 %\n72.00 %"));
  CHECK(contains(page, ">0.1250<"));  // the ascent's rise
  CHECK(contains(page, ">1.500 ± 0.250<"));
  CHECK(contains(page, ">-</td><td class=\"n\">75.0<"));
  CHECK(summary(input).front() ==
        "Chips of \"one\" with 1 % of the cells broken (pe/weight of layer) lose 9.8 points on "
        "average; 5 % of them lose 18.5 or more.");
  CHECK(contains(page, "<a href=\"#memories\">"));
}

TEST_CASE(
    "of a repaired fleet its repair and its orders of channels are shown, of others neither") {
  Fleet fleet;
  fleet.label = "lot";
  fleet.accelerator = "array";
  fleet.rates = {0, 1};
  fleet.across = 1;
  fleet.dies = {{0, 0}};
  fleet.policies.resize(1);
  fleet.policies[0].name = "fap";
  fleet.policies[0].networks = 1;
  fleet.policies[0].accuracy = {90, 80};
  fleet.policies[0].sold = {true, true};
  ReportInput input;
  input.fleets = {fleet};
  const std::string plain = html(input);
  CHECK(tag_error(plain) == "");
  CHECK(!contains(plain, "repaired"));
  CHECK(!contains(plain, ">orders</th>"));
  CHECK(contains(plain, "nothing is broken"));
  input.fleets[0].repair = "spares 1 & reschedule";
  input.fleets[0].policies[0].orders = 17;
  const std::string page = html(input);
  CHECK(tag_error(page) == "");
  CHECK(contains(page, "repaired before any policy but 'none': spares 1 &amp; reschedule."));
  CHECK(contains(page, ">orders</th>"));
  CHECK(contains(page, ">17</td>"));
  CHECK(contains(page, "nothing is left broken"));  // rates are those behind spares
  CHECK(contains(summary(input).front(), "of array, each repaired (spares 1 & reschedule), fap"));
}

TEST_CASE("a FIFO is drawn with the cycles at each number of words") {
  Simulation run;
  run.network = "net";
  run.accelerator = "dataflow:x";
  run.images = 1;
  run.total_cycles = 100;
  run.streams = {{"short", 2, 50, 2, {25, 65, 10}},
                 {"deep", 100, 50, 6, {50, 0, 0, 0, 10, 10, 30}},
                 {"uncounted", 3, 50, 1, {}}};
  ReportInput input;
  input.networks = {{.label = "net", .architecture = "a", .training = "", .hash = ""}};
  input.simulations = {run};
  const std::string page = html(input);
  for (const char* tip :
       {"short\n0 words in it\n25.00 % of the cycles", "short\n1 word in it\n65.00 %",
        "short\n2 words in it\n10.00 %", "deep\n0 to 3 words in it\n50.00 %",
        "deep\n4 to 7 words in it\n50.00 %", ">0.85<"}) {
    INFO(tip);
    CHECK(contains(page, tip));
  }
  CHECK_FALSE(contains(page, "deep\n8 to"));
  CHECK(tag_error(page) == "");
  input.simulations[0].streams = {run.streams[2]};
  CHECK_FALSE(contains(html(input), "class=\"histogram\""));
}

TEST_CASE("hostile text injects no markup") {
  const std::string hostile = "</script><img src=x onerror=alert(1)>\"'&<!--\x01\xff\xc0\xaf";
  const std::string page = html(with_text_everywhere(hostile));
  CHECK(tag_error(page) == "");
  CHECK_FALSE(contains(page, "<img"));
  CHECK_FALSE(contains(page, "<!--"));
  CHECK(count(page, "</script>") == 1);
  for (const char byte : {'\x01', '\xff', '\xc0'}) CHECK(page.find(byte) == std::string::npos);
  CHECK(escape("a<b>&\"'\n") == "a&lt;b&gt;&amp;&quot;&#39;\n");
  CHECK(escape("\xC2\xB5s \xE2\x82\xAC \xF0\x9F\x98\x80") ==
        "\xC2\xB5s \xE2\x82\xAC \xF0\x9F\x98\x80");
  CHECK(escape("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  CHECK(escape("\xE2\x82") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // cut off
}

TEST_CASE("reports with parts missing are whole pages") {
  ReportInput input;
  CHECK(tag_error(html(input)) == "");
  CHECK(summary(input) == std::vector<std::string>{"There are no results in this report yet."});

  input = demo_input();
  const auto part = GENERATE(0, 1, 2, 3, 4, 5, 6, 7);
  INFO("part " << part);
  switch (part) {
    case 0:
      input.campaigns.clear();
      break;
    case 1:
      input.pe_campaigns.clear();
      break;
    case 2:
      input.simulations.clear();
      break;
    case 3:
      input.campaigns.pop_back();
      break;
    case 4:  // a campaign without faults beside one that has some
      input.campaigns[0].faults.clear();
      input.pe_campaigns[0].faults.clear();
      break;
    case 5:  // one fault only, in one layer of one level
      for (auto* campaigns : {&input.campaigns, &input.pe_campaigns}) {
        for (Campaign& campaign : *campaigns) campaign.faults.resize(1);
      }
      break;
    case 6:
      input.simulations = {{}};
      input.simulations[0].network = "standard";
      break;
    case 7:  // networks of different architectures: a table each
      input.campaigns[1].groups.emplace_back();
      break;
  }
  const std::string page = html(input);
  CHECK(tag_error(page) == "");
  for (const char* wrong : {"nan", "inf\"", "NaN"}) {
    INFO(wrong);
    CHECK_FALSE(contains(page, wrong));
  }
}

TEST_CASE("a result that cannot be right is refused") {
  struct Row {
    const char* what;
    void (*damage)(ReportInput&);
  };
  const Row rows[] = {
      {"network", [](ReportInput& r) { r.campaigns[0].network = "nobody"; }},
      {"simulated network", [](ReportInput& r) { r.simulations[0].network = ""; }},
      {"label twice", [](ReportInput& r) { r.networks[1].label = "standard"; }},
      {"no image", [](ReportInput& r) { r.campaigns[0].images = 0; }},
      {"more right than images", [](ReportInput& r) { r.campaigns[0].golden_correct = 1001; }},
      {"group", [](ReportInput& r) { r.campaigns[0].faults[3].group = 8; }},
      {"unit", [](ReportInput& r) { r.pe_campaigns[0].faults[3].unit = 16; }},
      {"negative units", [](ReportInput& r) { r.pe_campaigns[0].groups[0].units = -1; }},
      {"level", [](ReportInput& r) { r.campaigns[0].faults[3].level = -1; }},
      {"count", [](ReportInput& r) { r.campaigns[0].faults[3].critical = -1; }},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    ReportInput input = demo_input();
    row.damage(input);
    CHECK_THROWS_AS(html(input), InputError);
  }
}

TEST_CASE("the summary says what the worst fault costs") {
  ReportInput input;
  input.networks = {{"standard", "", "", ""}, {"fault-aware", "", "", ""}};
  Campaign campaign;
  campaign.network = "standard";
  campaign.kind = "channel";
  campaign.images = 1000;
  campaign.golden_correct = 846;
  campaign.groups = {{"layer0", 2}};
  campaign.levels = {"-1"};
  campaign.faults = {{"channel 0", 0, 0, 0, 846, 1000, 0}, {"channel 1", 0, 1, 0, 496, 0, 400}};
  input.campaigns = {campaign, campaign};
  input.campaigns[1].network = "fault-aware";
  input.campaigns[1].faults[1].correct = 836;
  CHECK(summary(input) ==
        std::vector<std::string>{
            "The worst single broken channel costs the network \"standard\" 35.0 points (from 84.6 "
            "% of the images classified right to 49.6 %), the network \"fault-aware\" 1.0 point "
            "(from 84.6 % to 83.6 %)."});
  const Spread values = spread(campaign);
  CHECK(values.mean == Approx(67.1));
  CHECK(values.variance == Approx(17.5 * 17.5));
  CHECK(sorted_losses(campaign) == std::vector<double>{35, 0});
  const StatusCounts counts = statuses(campaign);
  CHECK(counts.masked == 1);
  CHECK(counts.critical_rest == 1);
  CHECK(counts.image_masked == 1000);
  CHECK(counts.image_critical == 400);
  CHECK(counts.image_tolerated == 600);
}

TEST_CASE("lots of chips of two accelerators are shown apart, what networks share is said once") {
  ReportInput input;
  input.networks = {{"standard", "cnv-w1a1", "", ""}, {"aware", "cnv-w1a1", "", ""}};
  for (const char* network : {"standard", "aware"}) {
    for (const char* accelerator : {"dataflow:a", "loopback:8x8"}) {
      Campaign lot = test::demo_campaign(network, "chip", accelerator, {{"all", 20}}, 800, 30, 3);
      lot.levels = {""};
      for (FaultOutcome& chip : lot.faults) chip.level = 0;
      input.campaigns.push_back(lot);
      FaultMaps maps;
      maps.label = network;
      maps.accelerator = accelerator;
      maps.chips = 20;
      maps.faults = 104;
      input.maps.push_back(maps);
    }
  }
  const std::vector<std::string> sentences = summary(input);
  CHECK(std::count_if(sentences.begin(), sentences.end(), [](const std::string& sentence) {
          return sentence.find("On loopback:8x8 the worst of ") == 0;
        }) == 1);
  CHECK(std::count(sentences.begin(), sentences.end(),
                   "The fault maps of \"standard\" and \"aware\" break 104 sites of dataflow:a on "
                   "20 chips.") == 1);
  const std::string page = html(input);
  const auto count = [&](const std::string& text) {
    int found = 0;
    for (size_t at = 0; (at = page.find(text, at)) != std::string::npos; at += text.size()) ++found;
    return found;
  };
  CHECK(count("<h3>One broken chip at a time: dataflow:a</h3>") == 1);
  CHECK(count("<h3>One broken chip at a time: loopback:8x8</h3>") == 1);
  CHECK(count("Yield: chips with at least this accuracy") == 2);
  CHECK(count("in &quot;standard&quot; and &quot;aware&quot;, each over") == 2);
  CHECK(count("Every single fault, by layer") == 0);
}

TEST_CASE("classes of damage begin at their edges") {
  CHECK(damage_class(-3) == 0);
  for (int i = 0; i < static_cast<int>(damage_edges.size()); ++i) {
    CHECK(damage_class(damage_edges[static_cast<size_t>(i)]) == i);
  }
  CHECK(damage_class_name(0) == "below 0.5");
  CHECK(damage_class_name(7) == "40 and more");
}

TEST_CASE("ticks are round and within the range") {
  CHECK(nice_ticks(0, 100, 5) == std::vector<double>{0, 20, 40, 60, 80, 100});
  CHECK(nice_ticks(-7, 12, 4) == std::vector<double>{-5, 0, 5, 10});
  CHECK(nice_ticks(3, 3, 5) == std::vector<double>{3});
  const Scale scale = nice_scale(26.9, 84.6, 4, 6);
  CHECK(scale.low == 20);
  CHECK(scale.high == 90);
  CHECK(fixed(-0.001, 2) == "0.00");
  CHECK(grouped(-1234567) == "-1,234,567");
  CHECK(grouped(999) == "999");
  CHECK(shortened("abcdefghij", 5) == "ab\xE2\x80\xA6ij");
}

TEST_CASE("numbers on axes are short, the same on both, whole and apart from each other") {
  CHECK(tick_label(0, 0) == "0");
  CHECK(tick_label(-0.0001, 1) == "0.0");
  CHECK(tick_label(2.5, 1) == "2.5");
  CHECK(tick_label(1000, 0) == "1,000");
  CHECK(tick_label(100'000, 0) == "100,000");
  CHECK(tick_label(1e6, 0) == "1 M");
  CHECK(tick_label(1.5e7, 0) == "15 M");
  CHECK(tick_label(1e14, 0) == "100 T");
  for (double most = 30; most < 1e15; most *= 10) {
    ReportInput input;
    input.explorations = {demo_exploration(most)};
    const std::string page = html(input);
    INFO(most);
    CHECK(tag_error(page) == "");
    for (size_t at = page.find("<svg viewBox"); at != std::string::npos;
         at = page.find("<svg viewBox", at + 1)) {
      const std::string drawing = page.substr(at, page.find("</svg>", at) - at);
      const double width = std::stod(drawing.substr(drawing.find("0 0 ") + 4));
      const auto ticks = x_ticks(drawing);
      REQUIRE(ticks.size() >= 2);
      CHECK(ticks.back().right <= width);
      for (size_t i = 1; i < ticks.size(); ++i) {
        INFO(ticks[i - 1].text << " beside " << ticks[i].text);
        CHECK(ticks[i - 1].right + 3 <= ticks[i].left);
      }
    }
  }
  ReportInput input;
  input.explorations = {demo_exploration(40'000)};
  const std::string page = html(input);
  CHECK(contains(page, ">10,000</text>"));
  CHECK_FALSE(contains(page, ">10000</text>"));
}

TEST_CASE("a design space says of which network, and lists what no other beats, fastest first") {
  ReportInput input;
  input.explorations = {demo_exploration(40'000)};
  const std::string page = html(input);
  CHECK(contains(page, "<h3>mine <small>cnv-w1a1, 3 accelerators</small>"));
  CHECK(contains(page, "hash 0123abcd"));
  CHECK(summary(input)[0] == "Of 3 accelerators for cnv-w1a1, \"mine\", 2 are beaten by no other.");
  const size_t table = page.find("Beaten by no other: 2");
  REQUIRE(table != std::string::npos);
  const std::string rows = page.substr(table, page.find("</table>", table) - table);
  CHECK(rows.find("loopback:fast") < rows.find("dataflow:small"));
  CHECK(contains(rows, "<td class=\"n\">40,000</td><td class=\"n\">1,200</td>"));
  CHECK(contains(rows,
                 "<td class=\"n\">70</td><td class=\"n\">1,600,000</td>"
                 "<td class=\"n\">2,100</td><td class=\"n\">5</td>"));
  CHECK_FALSE(contains(rows, "dataflow:bad"));
  CHECK_FALSE(contains(rows, "worst dead PE"));
  input.explorations[0].designs.resize(1);
  input.explorations[0].designs[0].worst_accuracy = 71.25;
  CHECK(contains(html(input), "1 accelerator</small>"));
  CHECK(contains(html(input), "<td class=\"n\">71.25</td>"));
  CHECK(summary(input)[0] == "Of 1 accelerator for cnv-w1a1, \"mine\", 1 is beaten by no other.");
}

TEST_CASE("a report appears whole or not at all") {
  const stuckat::test::TemporaryFolder folder;
  write_report(folder / "report.html", demo_input());
  CHECK(folder.files() == std::vector<std::string>{"report.html"});
  CHECK(stuckat::test::read_bytes(folder / "report.html") == html(demo_input()));
  CHECK_THROWS_AS(write_report(folder / "missing/report.html", demo_input()), InputError);
  ReportInput wrong = demo_input();
  wrong.campaigns[0].images = 0;
  CHECK_THROWS_AS(write_report(folder / "report.html", wrong), InputError);
  CHECK(stuckat::test::read_bytes(folder / "report.html") == html(demo_input()));
  CHECK(folder.files() == std::vector<std::string>{"report.html"});
}

}  // namespace stuckat::report
