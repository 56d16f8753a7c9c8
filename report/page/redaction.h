#pragma once

#include <map>
#include <string>
#include <string_view>

#include "report/page/packed_json.h"
#include "report/page/page.h"

namespace wiretax {

/// Takes the names of hosts and users, folders and addresses out of what a page says, so that it
/// can be shown to strangers. The same name gets the same stand-in everywhere: "host-1",
/// "address-2".
class Redaction {
 public:
  /// A name, in any case; also the domain that follows it.
  void add_host(std::string_view name);
  /// The hosts that the files of a run and its doctor name, and the users whose folders they name.
  void learn(const PageRun& run);

  [[nodiscard]] std::string text(std::string_view text);
  /// The text of HTML that the page itself has written, and the labels in it.
  [[nodiscard]] std::string html(std::string_view html);
  /// All strings of it, but no keys.
  void apply(PageJson& json);

 private:
  void learn_users(std::string_view text);
  std::string without_names(std::string_view text) const;
  std::string without_addresses(std::string_view text);

  std::map<std::string, std::string, std::less<>> names_;  // in lower case
  std::map<std::string, std::string, std::less<>> addresses_;
  std::size_t hosts_ = 0;
};

}  // namespace wiretax
