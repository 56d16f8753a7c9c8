#include "report/page/sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "report/aftermath.h"
#include "report/assumptions.h"
#include "report/fallback_table.h"
#include "report/floor.h"
#include "report/links.h"
#include "report/page/badges.h"
#include "report/page/environment.h"
#include "report/page/html.h"
#include "report/page/overview.h"
#include "report/page/rows.h"
#include "report/symptoms.h"
#include "report/token.h"
#include "report/units.h"
#include "report/wire.h"

namespace wiretax {
namespace {

constexpr auto kPlainInk = Colour::kNever;

constexpr std::string_view kWords =
    "<details><summary>What the words mean</summary><dl class=words>"
    "<dt>tp1, tp2<dd>One machine; tensor parallelism over two: each computes half of every layer, "
    "and "
    "they add their halves up (all-reduce) twice a layer."
    "<dt>pp2<dd>Pipeline parallelism: each machine has half of the layers. Sequences take turns, "
    "so "
    "the slowest stage counts, and messages hide behind it where there are several."
    "<dt>replicas2<dd>The whole model on each machine, and half of the sequences. A single "
    "sequence "
    "gains nothing."
    "<dt>batch<dd>Sequences decoded together, on all machines."
    "<dt>compute<dd>What computing takes beyond reading memory, behind which it hides: often "
    "nothing."
    "<dt>break-even<dd>How long an all-reduce may take before the best of the others is as fast."
    "<dt>bound<dd>What the slowest part of the way lets through: port, cage, or PCI Express."
    "<dt>one_shot<dd>RDMA writes of our own, which show what the wire itself can do."
    "<dt>mean, p99<dd>A token waits for means; p99 is of single operations."
    "</dl></details>\n";

std::string section(std::string_view id, std::string_view title, const std::string& content) {
  if (content.empty()) return {};
  return fmt::format("<section id={0} aria-labelledby={0}-h><h2 id={0}-h>{1}</h2>\n{2}</section>\n",
                     id, html_text(title), content);
}

/// Where a script draws; without one it is not there.
std::string chart(std::string_view id, std::string_view label, std::string_view before = {},
                  std::string_view after = {}) {
  return fmt::format(
      "<figure class=chart data-chart={0} hidden>{2}<div class=box><canvas id={0} role=img "
      "aria-label=\"{1}\"></canvas></div>{3}</figure>\n",
      id, html_text(label), before, after);
}

/// Lines of text as they are.
std::string pre_html(std::string_view lines) {
  std::string html = "<pre tabindex=0>";
  for (std::size_t from = 0; from < lines.size();) {
    const auto end = std::min(lines.find('\n', from), lines.size());
    html += html_text(lines.substr(from, end - from)) + "\n";
    from = end + 1;
  }
  return html + "</pre>\n";
}

template <typename Sentences>
std::string list_html(std::string_view tone, const Sentences& sentences) {
  std::string html;
  for (const auto& sentence : sentences) html += fmt::format("<li>{}\n", html_text(sentence));
  return html.empty() ? "" : fmt::format("<ul class={}>\n{}</ul>\n", tone, html);
}

/// In front of what belongs to one run of several.
std::string of_run(const Page& page, const PageRun& run, std::string_view what) {
  return page.runs.size() == 1 ? std::string(what) : fmt::format("{}: {}", run.name, what);
}

std::string_view tone_name(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "good";
    case Tone::kPlain:
      return "plain";
    case Tone::kDoubtful:
      return "doubtful";
    case Tone::kBad:
      return "bad";
  }
  return {};
}

std::string badges_html(const Page& page) {
  std::string html;
  for (const auto& run : page.runs) {
    html += fmt::format("<ul class=badges aria-label=\"{}\">",
                        html_text(of_run(page, run, "What to know first")));
    for (const auto& badge : badges_of(run)) {
      html += fmt::format("<li class={}>{}", tone_name(badge.tone),
                          html_text(of_run(page, run, badge.text)));
    }
    html += "</ul>\n";
  }
  return html;
}

/// The first answer of a fabric that decides, which is what the selectors begin with.
std::string first_sentence(const Page& page) {
  for (const auto& run : page.runs) {
    for (const auto& at : run.decided) {
      for (const auto& answer : at.decision.answers) {
        if (at.request.fabric(answer.fabric).decides()) return answer.sentence;
      }
    }
  }
  return "Nothing here can be decided with.";
}

std::string answer_section(const Page& page) {
  std::string html =
      "<form id=chosen class=chosen hidden aria-label=\"What the answer is for\"></form>\n";
  html += fmt::format("<p id=sentence class=sentence aria-live=polite>{}</p>\n",
                      html_text(first_sentence(page)));
  html += "<dl id=facts class=facts hidden></dl>\n";
  const bool none =
      std::ranges::all_of(page.runs, [](const PageRun& run) { return run.files.empty(); });
  if (none)
    html += "<p><b>Nothing of yours was used: this is what published figures say.</b></p>\n";
  return html + badges_html(page) + std::string(kWords);
}

std::string missing_section(const Page& page) {
  std::vector<std::string> sentences;
  for (const auto& run : page.runs) {
    for (const auto& sentence : run.missing) sentences.push_back(of_run(page, run, sentence));
  }
  return list_html("missing", sentences);
}

std::string maps_of(const Page& page, std::size_t number) {
  const auto& run = page.runs[number];
  std::string html;
  for (const auto& at : run.decided) {
    for (const auto& fabric : at.request.fabrics) {
      if (!fabric.decides()) continue;
      html += map_html(at, fabric,
                       fmt::format("data-run={} data-context={} data-network={}", number,
                                   at.request.context, &fabric - at.request.fabrics.data()));
    }
  }
  return html;
}

std::string map_section(const Page& page) {
  std::string html;
  for (std::size_t i = 0; i < page.runs.size(); ++i) {
    const auto maps = maps_of(page, i);
    if (page.runs.size() > 1 && !maps.empty()) {
      html += fmt::format("<h3>{}</h3>\n", html_text(page.runs[i].name));
    }
    html += maps;
    const auto stretches = stretches_table(page.runs[i]);
    if (stretches.empty()) continue;
    html += fmt::format(
        "<details><summary>{}</summary>\n{}</details>\n",
        html_text(of_run(page, page.runs[i], "Between which batches an answer stays")),
        html_table(stretches, {.caption = of_run(page, page.runs[i], "The answer by batch")}));
  }
  if (html.empty()) return {};
  return "<p>The percentage is how far the winner is ahead of the best of the others at equal "
         "assumptions, so their ranges may overlap. Too close: the order changes within the "
         "assumptions.</p>\n" +
         html;
}

std::string strategies_section(const Page& page) {
  std::string tables;
  for (const auto& run : page.runs) {
    if (run.decided.empty()) continue;
    // Where the choice begins. All networks are in the data, and as tables would be most of the
    // page.
    const auto& fabric = run.decided.front().request.fabrics.front().name;
    tables += html_table(
        strategies_table(run, fabric),
        {.caption = of_run(page, run,
                           fmt::format("What a step of every strategy is made of, with {}; with "
                                       "the others: wiretax-report decide --detail",
                                       fabric))});
    tables += html_table(answers_table(run), {.caption = of_run(page, run, "Every answer")});
    if (const auto fallbacks = fallbacks_table(run.decided.front().decision); !fallbacks.empty()) {
      tables +=
          html_table(fallbacks, {.caption = of_run(page, run,
                                                   "What a silent fallback would cost TP (AR: one "
                                                   "all-reduce; AR*: what it may take)")});
    }
  }
  if (tables.empty()) return {};
  return chart("chart-parts", "Milliseconds of a step by strategy and part, as in the table below",
               {}, "<div id=parts-now></div>") +
         "<details><summary>All models, batches and contexts as tables</summary>\n" + tables +
         "</details>\n";
}

std::string floor_html(const Page& page, const PageRun& run) {
  const auto table = floor_table(run.files);
  if (table.empty()) return {};
  const auto caption = of_run(page, run, "How much of a library's time is not the wire");
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", html_text(caption),
                     html_table(table, {.caption = caption, .hidden_caption = true}));
}

std::string wire_html(const Page& page, const PageRun& run) {
  std::string html;
  for (const auto& table : wire_tables(run.files)) {
    html += html_table(table,
                       {.caption = of_run(page, run,
                                          table.columns()[2].title.find("GB/s") == std::string::npos
                                              ? "One way of a message over RDMA and TCP"
                                              : "RDMA, TCP and the bound")});
  }
  return html;
}

bool has_points(const Page& page) {
  return std::ranges::any_of(page.runs, [](const PageRun& run) {
    return std::ranges::any_of(run.files,
                               [](const ResultFile& file) { return !file.records.empty(); });
  });
}

std::string sizes_section(const Page& page) {
  std::string html;
  for (const auto& run : page.runs) html += floor_html(page, run) + wire_html(page, run);
  if (!has_points(page)) return html;
  return chart(
             "chart-time", "Time against bytes, as in the table of all points",
             "<h3>Time</h3><div id=sizes-choice class=chosen hidden></div>",
             "<figcaption class=note>Bands are 95 % intervals of the mean. Hollow: suspect. "
             "Dotted: published. Dashed: RDMA writes of our own, below what a library does. "
             "<span id=sizes-note hidden>Vertical lines are the all-reduces of the chosen model at "
             "batch 1 (b1) and so on.</span></figcaption>") +
         chart("chart-rate", "GB/s against bytes, as in the table of all points",
               "<h3>Bandwidth</h3><div id=rates-choice class=chosen hidden></div>",
               "<figcaption class=note>The table of all points has every number of this "
               "run.</figcaption>") +
         html;
}

std::string links_section(const Page& page) {
  std::string tables;
  for (const auto& run : page.runs) {
    for (const auto& file : run.files) {
      int number = 0;
      for (const auto& table : links_tables(file)) {
        tables += html_table(
            table, {.caption = of_run(page, run, number++ == 0 ? "Links" : "Their devices")});
      }
    }
  }
  if (tables.empty()) return {};
  return chart("chart-links", "GB/s of every link alone and together, as in the table below") +
         tables;
}

std::string token_section(const Page& page) {
  std::string tables;
  for (const auto& run : page.runs) {
    for (const auto& file : run.files) {
      const auto table = token_table(file, Ink(kPlainInk));
      if (table.empty()) continue;
      const auto name = fmt::format("A token's messages, {}", file.path.filename().string());
      tables += html_table(table, {.caption = of_run(page, run, name)});
      const auto causes = token_causes(file);
      if (!causes.empty()) {
        tables += fmt::format(
            "<details><summary>Why they differ from their price</summary>{}</details>\n",
            pre_html(causes));
      }
    }
  }
  if (tables.empty()) return {};
  return chart("chart-token", "A token's messages, measured and priced, as in the table below") +
         tables;
}

/// A run's findings. What to do is not said again right below itself.
class FindingList {
 public:
  void add(std::string_view severity, std::string_view id, std::string_view where,
           std::string_view evidence, const std::string& fix) {
    items_ += fmt::format(
        "<li class=\"{0}\"><b>{0}: {1}</b>{2}<br>{3}<br><span>What to do: {4}</span>\n",
        html_text(severity), html_text(id), where.empty() ? "" : ", " + html_text(where),
        html_text(evidence), fix != last_fix_ ? html_text(fix) : "as above");
    last_fix_ = fix;
  }
  [[nodiscard]] std::string html() const {
    return items_.empty() ? "" : fmt::format("<ul class=findings>\n{}</ul>\n", items_);
  }

 private:
  std::string items_;
  std::string last_fix_;
};

/// What the doctor saw before, and what only the results show.
std::string findings_section(const Page& page) {
  std::string html;
  for (const auto& run : page.runs) {
    FindingList list;
    for (const auto& finding : run.doctor.findings) {
      list.add(finding.severity, finding.id, finding.who, finding.evidence, finding.fix);
    }
    for (const auto& [id, evidence] : aftermath(run.files)) {
      list.add("warning", id, "seen in the results", evidence, find_symptom(id).fix);
    }
    if (page.runs.size() > 1) html += fmt::format("<h3>{}</h3>\n", html_text(run.name));
    if (const auto items = list.html(); !items.empty()) {
      html += items;
    } else if (run.doctor.examined) {
      html += "<p>Nothing: wiretax-doctor found no fault, and the results show none.</p>\n";
    } else {
      html +=
          "<p>Nobody has looked: there is no doctor.json. Type wiretax-doctor --out "
          "doctor.json in the folder of the run, and make the page anew.</p>\n";
    }
  }
  return html;
}

/// What the table of both does not hold.
std::vector<std::string> comparison_notes(const RunComparison& comparison) {
  auto notes = comparison.notes;
  const auto add = [&](const std::vector<LonePoint>& points, std::string_view what) {
    if (points.empty()) return;
    std::vector<std::string> names;
    names.reserve(points.size());
    for (const auto& point : points) names.push_back(point.fabric + " " + point.name);
    notes.push_back(fmt::format("{}: {}", what, fmt::join(names, ", ")));
  };
  add(comparison.only_a, "only in A");
  add(comparison.only_b, "only in B");
  add(comparison.broken_a, "failed or skipped in A");
  add(comparison.broken_b, "failed or skipped in B");
  return notes;
}

std::string compare_section(const Page& page) {
  std::string html;
  for (std::size_t i = 0; i < page.comparisons.size(); ++i) {
    const auto& [sentence, comparison] = page.comparisons[i];
    html += fmt::format("<p>A is {}, B is {}. {}</p>\n", html_text(page.runs.front().name),
                        html_text(page.runs[i + 1].name), html_text(sentence));
    Table differences({{"what differs", Table::Align::kLeft},
                       {"A", Table::Align::kLeft},
                       {"B", Table::Align::kLeft},
                       {"so", Table::Align::kLeft}});
    for (const auto& difference : comparison.differences) {
      differences.add({difference.what, difference.a, difference.b,
                       difference.forbids ? "times cannot be compared" : ""});
    }
    if (!differences.empty()) {
      html += html_table(
          differences, {.caption = fmt::format("What differs from {} to {}", page.runs.front().name,
                                               page.runs[i + 1].name)});
    }
    html += list_html("notes", comparison_notes(comparison));
    const auto table = comparison_table(comparison);
    if (table.empty()) continue;
    const auto caption = fmt::format("{} beside {}", page.runs[i + 1].name, page.runs.front().name);
    html += fmt::format("<details><summary>Every point of both</summary>\n{}</details>\n",
                        html_table(table, {.caption = caption, .classes = "sortable"}));
  }
  return html;
}

std::string points_section(const Page& page) {
  std::string html;
  for (const auto& run : page.runs) {
    const auto table = rows_table(run);
    if (table.empty()) continue;
    html += html_table(table, {.caption = of_run(page, run, "All points"),
                               .classes = "sortable points",
                               .hidden_caption = page.runs.size() == 1});
  }
  if (html.empty()) return {};
  return "<p class=note>bytes: nccl-tests' size; mean: total time over operations, from and to: "
         "its 95 % interval; p50, p99, max: of single operations; GB/s: 10^9 bytes per second; n: "
         "batches measured. An empty cell: the samples cannot say.</p>\n" +
         html;
}

std::string environment_section(const Page& page) {
  std::string html;
  for (const auto& run : page.runs) {
    const auto table = environment_table(run);
    if (!table.empty()) html += html_table(table, {.caption = of_run(page, run, "As it was told")});
  }
  return html;
}

std::string assumptions_section(const Page& page) {
  std::string html;
  for (const auto& run : page.runs) {
    std::set<std::string> notes;
    std::string lines;
    for (const auto& at : run.decided) {
      lines += assumptions_text(at.request);
      notes.insert(at.decision.notes.begin(), at.decision.notes.end());
    }
    if (lines.empty()) continue;
    if (page.runs.size() > 1) html += fmt::format("<h3>{}</h3>\n", html_text(run.name));
    html += pre_html(lines) + list_html("notes", notes);
  }
  return html;
}

std::string heading(const Page& page, bool redacted) {
  std::vector<std::string> names;
  for (const auto& run : page.runs) names.push_back(run.name);
  return fmt::format(
      "<header><h1>What the wire costs per token</h1><p>{}{}</p></header>\n",
      html_text(fmt::format("{}", fmt::join(names, " and "))),
      redacted ? ", without the names of hosts and users, absolute folders and addresses" : "");
}

}  // namespace

std::string page_body(const Page& page, bool redacted) {
  std::string body =
      "<a class=skip href=#answer>To the answer</a>\n" + heading(page, redacted) + "<main>\n";
  body += section("answer", "TP, PP or replicas?", answer_section(page));
  body += section("missing", "What is missing", missing_section(page));
  body += section("compare", "The runs beside each other", compare_section(page));
  body += section("map", "Decision map", map_section(page));
  body += section("strategies", "Time per token, by strategy", strategies_section(page));
  body += section("sizes", "Time and bandwidth, by size", sizes_section(page));
  body += section("links", "Links, alone and together", links_section(page));
  body += section("token", "A token's messages, measured and priced", token_section(page));
  body += section("findings", "What was found, and what to do", findings_section(page));
  body += section("points", "All points", points_section(page));
  body += section("assumptions", "What was assumed", assumptions_section(page));
  body += section("environment", "Environment", environment_section(page));
  return body +
         fmt::format("</main>\n<footer><p>wiretax {}</p></footer>\n", html_text(page.version));
}

}  // namespace wiretax
