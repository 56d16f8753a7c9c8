#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/record.h"
#include "report/table.h"

namespace wiretax {

/// What the wire itself does, from the rows of wiretax-rdma, wiretax-tcp and wiretax-links: RDMA,
/// TCP and the physical bound side by side, link by link and for all of them together, then one way
/// of a message at the sizes that both have. Folders and groups of hosts are told apart. Empty
/// where no file has RDMA.
std::string wire_text(std::span<const ResultFile> files, const Ink& ink);

/// The same as tables, none of them empty, without what was not used.
std::vector<Table> wire_tables(std::span<const ResultFile> files);

}  // namespace wiretax
