#include "report/page/page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "report/embedded.h"
#include "report/page/curves.h"
#include "report/page/html.h"
#include "report/page/packed_json.h"
#include "report/page/sections.h"

namespace wiretax {
namespace {

/// Those of networks that can name a winner.
PageJson of_deciding(const Request& request, const PageJson& list) {
  PageJson deciding = PageJson::array();
  for (const auto& one : list) {
    if (request.fabric(one["fabric"].get<std::string>()).decides()) deciding.push_back(one);
  }
  return deciding;
}

/// decide's own JSON, packed.
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

}  // namespace

std::string page_json(const Page& page) {
  PageJson document = {{"schema", 1},
                       {"runs", PageJson::array()},
                       {"published", published_curves_json(page.published)}};
  for (std::size_t i = 0; i < page.runs.size(); ++i) {
    document["runs"].push_back(run_json(page, i));
  }
  return document.dump(-1, ' ', false, PageJson::error_handler_t::replace);
}

std::string page_html(const Page& page) {
  Filler filler(kEmbeddedPage);
  filler.put("@title@", html_text(title_of(page)));
  filler.put("@body@", page_body(page));
  filler.put("@data@", json_in_html(page_json(page)));
  return filler.text();
}

}  // namespace wiretax
