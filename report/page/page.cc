#include "report/page/page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "report/embedded.h"
#include "report/page/curves.h"
#include "report/page/html.h"
#include "report/page/packed_json.h"
#include "report/page/redaction.h"
#include "report/page/sections.h"

namespace wiretax {
namespace {

/// Those of networks that can name a winner.
PageJson of_deciding(const Request& request, const PageJson& list) {
  PageJson deciding = PageJson::array();
  for (const auto& one : list) {
    const auto fabric =
        std::ranges::find(request.fabrics, one["fabric"].get<std::string>(), &Fabric::name);
    if (fabric != request.fabrics.end() && fabric->decides()) deciding.push_back(one);
  }
  return deciding;
}

/// Of decide's own JSON what the charts and selectors show.
PageJson decision_of(const DecidedContext& at) {
  const auto json = PageJson::parse(decision_json(at.request, at.decision));
  return {{"context", at.request.context},
          {"fabrics", json["assumptions"]["fabrics"]},
          {"rows", packed(of_deciding(at.request, json["rows"]))},
          {"answers", packed(of_deciding(at.request, json["answers"]))}};
}

PageJson run_json(const Page& page, std::size_t number) {
  const auto& run = page.runs[number];
  const auto* const comparison = number > 0 && number <= page.comparisons.size()
                                     ? &page.comparisons[number - 1].comparison
                                     : nullptr;
  auto json = measured_json(run, comparison);
  json["name"] = run.name;
  json["decided"] = PageJson::array();
  for (const auto& at : run.decided) json["decided"].push_back(decision_of(at));
  return json;
}

/// Fills the places of the template, each once: what goes in is not searched again.
class Filler {
 public:
  explicit Filler(std::string_view text) : rest_(text) {}
  void put(std::string_view place, std::string_view content) {
    const auto at = rest_.find(place);
    if (at == std::string_view::npos) {
      throw std::logic_error(fmt::format("the page has no place {}", place));
    }
    filled_ += rest_.substr(0, at);
    filled_ += content;
    rest_.remove_prefix(at + place.size());
  }
  [[nodiscard]] std::string text() const { return filled_ + std::string(rest_); }

 private:
  std::string filled_;
  std::string_view rest_;
};

std::string title_of(const Page& page) {
  std::vector<std::string> names;
  for (const auto& run : page.runs) names.push_back(run.name);
  return fmt::format("wiretax: {}", fmt::join(names, " and "));
}

PageJson page_json(const Page& page) {
  PageJson document = {{"runs", PageJson::array()},
                       {"published", published_curves_json(page.published)}};
  for (std::size_t i = 0; i < page.runs.size(); ++i) {
    document["runs"].push_back(run_json(page, i));
  }
  return document;
}

}  // namespace

std::string page_html(const Page& page, Redaction* redaction) {
  auto title = title_of(page);
  auto body = page_body(page, redaction != nullptr);
  auto data = page_json(page);
  if (redaction != nullptr) {
    title = redaction->text(title);
    body = redaction->html(body);
    redaction->apply(data);
  }
  Filler filler(kEmbeddedPage);
  filler.put("@title@", html_text(title));
  filler.put("@body@", body);
  filler.put("@data@", json_in_html(data.dump(-1, ' ', false, PageJson::error_handler_t::replace)));
  return filler.text();
}

}  // namespace wiretax
