#include "report/page/packed_json.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>

namespace wiretax {
namespace {

PageJson shortened(const PageJson& value) {
  return value.is_number_float() ? rounded(value.get<double>()) : value;
}

/// One level down: {"step_s": {"low": 1}} has the key "step_s.low".
PageJson flat(const PageJson& object) {
  PageJson result = PageJson::object();
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      for (const auto& [part, inner] : value.items())
        result[fmt::format("{}.{}", key, part)] = shortened(inner);
    } else {
      result[key] = shortened(value);
    }
  }
  return result;
}

}  // namespace

PageJson rounded(double value) {
  if (!std::isfinite(value)) return {};
  return std::stod(fmt::format("{:.5g}", value));
}

PageJson packed(const PageJson& objects) {
  std::map<std::string, std::size_t> places;
  PageJson keys = PageJson::array();
  PageJson rows = PageJson::array();
  for (const auto& object : objects) {
    PageJson row = PageJson::array();
    const auto cells = flat(object);
    for (const auto& [key, value] : cells.items()) {
      const auto [place, fresh] = places.try_emplace(key, keys.size());
      if (fresh) keys.push_back(key);
      while (row.size() <= place->second) row.push_back(nullptr);
      row[place->second] = value;
    }
    while (!row.empty() && row.back().is_null()) row.erase(row.size() - 1);
    rows.push_back(std::move(row));
  }
  return {{"keys", keys}, {"rows", rows}};
}

}  // namespace wiretax
