#include "bench/harness/build_id.h"

#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace wiretax::bench {
namespace {

/// The build id among the notes of one segment, in hexadecimal, or "". A note is a header, a name
/// and a value, each padded to four bytes (elf(5)).
std::string build_id_in(std::string_view notes) {
  constexpr std::uint32_t kBuildIdNote = 3;  // NT_GNU_BUILD_ID
  constexpr std::string_view kOwner("GNU\0", 4);
  const auto padded = [](std::size_t length) { return (length + 3) & ~std::size_t{3}; };
  while (notes.size() > sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof note);
    const auto value_at = sizeof note + padded(note.n_namesz);
    if (value_at + note.n_descsz > notes.size()) return {};
    if (note.n_type == kBuildIdNote && notes.substr(sizeof note, note.n_namesz) == kOwner) {
      std::string text;
      for (const char byte : notes.substr(value_at, note.n_descsz)) {
        text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      }
      return text;
    }
    notes.remove_prefix(std::min(notes.size(), value_at + padded(note.n_descsz)));
  }
  return {};
}

/// What is looked for: the object at an address, or the first one, which is the executable.
struct Search {
  const void* base = nullptr;
  std::string id = {};
};

/// For dl_iterate_phdr.
int look(dl_phdr_info* info, std::size_t /*size*/, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  // The loader tells addresses as numbers. NOLINTNEXTLINE(performance-no-int-to-ptr)
  const auto* const base = reinterpret_cast<const char*>(info->dlpi_addr);
  if (search.base != nullptr && search.base != base) return 0;
  for (int i = 0; i < info->dlpi_phnum && search.id.empty(); ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type == PT_NOTE) search.id = build_id_in({base + header.p_vaddr, header.p_memsz});
  }
  return 1;
}

std::string search_for(const void* base) {
  Search search{.base = base};
  dl_iterate_phdr(look, &search);
  return search.id;
}

}  // namespace

std::string own_build_id() { return search_for(nullptr); }
std::string build_id_of(const void* base) { return search_for(base); }

}  // namespace wiretax::bench
