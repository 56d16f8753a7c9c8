#include "report/page/packed_json.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
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

/// As whichever is shorter.
PageJson column_of(const PageJson& values) {
  std::map<std::string, std::size_t> places;
  PageJson different = PageJson::array();
  PageJson at = PageJson::array();
  for (const auto& value : values) {
    const auto [place, fresh] = places.try_emplace(value.dump(), different.size());
    if (fresh) different.push_back(value);
    at.push_back(place->second);
  }
  PageJson by_place = {{"of", different}};
  if (different.size() > 1) by_place["at"] = std::move(at);
  return by_place.dump().size() < values.dump().size() ? by_place : values;
}

}  // namespace

PageJson rounded(double value) {
  if (!std::isfinite(value)) return {};
  const double figures = std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
  return std::isfinite(figures) ? PageJson(figures) : PageJson();
}

PageJson packed(const PageJson& objects) {
  PageJson values = PageJson::object();
  std::size_t count = 0;
  for (const auto& object : objects) {
    const auto cells = flat(object);
    for (const auto& [key, value] : cells.items()) {
      auto& column = values[key];
      while (column.size() < count) column.push_back(nullptr);
      column.push_back(value);
    }
    ++count;
  }
  PageJson columns = PageJson::object();
  for (auto& [key, column] : values.items()) {
    while (column.size() < count) column.push_back(nullptr);
    columns[key] = column_of(column);
  }
  return {{"count", count}, {"columns", columns}};
}

}  // namespace wiretax
