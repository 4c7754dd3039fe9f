// What the page's words mean, as rows.
#include "tools/report/sections.h"
#include "tools/report/svg.h"

namespace stuckat::report {
namespace {

struct Word {
  const char* word;
  const char* meaning;
};

constexpr Word words[] = {
    {"stuck at", "a bit, or the output of a part, that has one value whatever should be there"},
    {"channel, pixel", "one feature map of a layer's output; one place of it, in all channels"},
    {"PE",
     "processing element: computes output channels, one after the other; a dead one gives a "
     "level instead"},
    {"error-free", "the same network on the same images, without any fault"},
    {"points", "percentage points of accuracy: from 84 % to 80 % is 4 points"},
    {"critical", "the fault changes the predicted class of an image"},
    {"tolerated", "it changes outputs, but not the predicted class"},
    {"masked", "it changes no output of the network on that image"},
    {"sample", "faults drawn at random from all of a kind; its worst is not the worst of all"},
    {"leaves open, at 95 %",
     "between which values the figure lies for all images of that kind, of "
     "which those counted are a sample: right for 95 of 100 such statements"},
    {"chip, yield",
     "one manufactured device with its own faults; the share of chips that are good "
     "enough"},
    {"fault map", "the faults of one chip"},
    {"FIFO", "a queue of words between two parts of the hardware"},
    {"busy, starved, blocked",
     "cycles in which a part works, waits for input, waits for room after "
     "it"},
    {"interval", "cycles from one image's result to the next, in a long run"},
};

}  // namespace

std::string glossary_section() {
  std::string text = "<section id=\"words\">\n<h2>Words</h2>\n<div class=\"facts\"><dl>\n";
  for (const Word& row : words) {
    text += "<dt>" + escape(row.word) + "</dt><dd>" + escape(row.meaning) + "</dd>\n";
  }
  return text + "</dl></div>\n</section>\n";
}

}  // namespace stuckat::report
