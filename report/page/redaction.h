#pragma once

#include <map>
#include <string>
#include <string_view>

#include "report/page/page.h"

namespace wiretax {

/// Takes the names of hosts, home folders and addresses out of text, so that a page can be shown to
/// strangers. The same name gets the same stand-in everywhere: "host-1", "address-2".
class Redaction {
 public:
  /// A name; also what follows it behind a dot, such as a domain.
  void add_host(std::string_view name);
  /// The hosts that the files of a run and its doctor name.
  void add_hosts_of(const PageRun& run);

  [[nodiscard]] std::string text(std::string_view text);
  /// All that a page shows of the run.
  void apply(PageRun& run);

 private:
  std::string without_hosts(std::string_view text) const;
  std::string without_addresses(std::string_view text);

  std::map<std::string, std::string, std::less<>> hosts_;
  std::map<std::string, std::string, std::less<>> addresses_;
};

}  // namespace wiretax
