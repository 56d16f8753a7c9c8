#include "report/transport/log_line.h"

#include <utility>

#include "report/transport/cursor.h"

namespace wiretax {
namespace {

constexpr int kWordsBeforeLevel = 3;  // "[0] 12.5 file:line NCCL TRACE"

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

/// The last word of `text`, which is cut off it.
std::string_view take_last_word(std::string_view& text) {
  const auto end = text.find_last_not_of(' ');
  if (end == std::string_view::npos) return text = {};
  const auto blank = text.find_last_of(' ', end);
  const auto begin = blank == std::string_view::npos ? 0 : blank + 1;
  const auto word = text.substr(begin, end + 1 - begin);
  text = text.substr(0, begin);
  return word;
}

/// The digits behind the last colon, which are cut off.
std::optional<std::uint64_t> take_last_number(std::string_view& word) {
  const auto colon = word.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Cursor cursor(word.substr(colon + 1));
  const auto number = cursor.number<std::uint64_t>();
  if (!number || !cursor.rest().empty()) return std::nullopt;
  word = word.substr(0, colon);
  return number;
}

/// Without what stands before it in the same word: mpirun's "[1,0]<stdout>:".
std::string_view host_of(std::string_view word) {
  auto begin = word.size();
  while (begin > 0 && is_host_character(word[begin - 1])) --begin;
  return word.substr(begin);
}

std::optional<int> device_of(std::string_view word) {
  Cursor cursor(word);
  if (!cursor.skip("[")) return std::nullopt;
  const auto device = cursor.number();
  return device && cursor.rest() == "]" ? device : std::nullopt;
}

std::optional<Speaker> speaker_of(std::string_view before) {
  std::optional<int> device;
  for (int i = 0; i < kWordsBeforeLevel && !device; ++i) device = device_of(take_last_word(before));
  if (!device) return std::nullopt;
  auto word = take_last_word(before);
  const auto tid = take_last_number(word);
  const auto pid = take_last_number(word);
  const auto host = host_of(word);
  if (!tid || !pid || host.empty()) return std::nullopt;
  return Speaker{host, *pid, *tid, *device};
}

/// Where Ray's " [repeated 2x across cluster]" begins: it prints equal lines of several ranks once.
std::size_t repeat_mark(std::string_view text) {
  const auto mark = text.find(" [repeated ");
  return text.find("x across cluster]", mark) == std::string_view::npos ? std::string_view::npos
                                                                        : mark;
}

/// Without Ray's mark, the end of a DOS line, blanks, and what follows an odd byte.
std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kOdd("\033\n\0", 3);
  text = text.substr(0, text.find_first_of(kOdd));
  text = text.substr(0, repeat_mark(text));
  const auto end = text.find_last_not_of(" \r\t");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

/// Two lines that were written into each other: neither can be trusted.
bool is_glued(std::string_view text) {
  return text.find(" NCCL INFO ") != std::string_view::npos ||
         text.find(" NCCL WARN ") != std::string_view::npos;
}

std::optional<LogLine::Level> take_level(Cursor& cursor) {
  using enum LogLine::Level;
  static constexpr std::pair<std::string_view, LogLine::Level> kLevels[] = {
      {"INFO ", kInfo}, {"WARN ", kWarn}, {"TRACE ", kOther}, {"CALL ", kOther}};
  for (const auto& [name, level] : kLevels) {
    if (cursor.skip(name)) return level;
  }
  return std::nullopt;
}

}  // namespace

std::optional<LogLine> parse_log_line(std::string_view line) {
  static constexpr std::string_view kName = "NCCL ";
  for (auto at = line.find(kName); at != std::string_view::npos; at = line.find(kName, at + 1)) {
    Cursor cursor(line.substr(at + kName.size()));
    if (cursor.skip("version ")) {
      return LogLine{LogLine::Level::kVersion, {}, trimmed(cursor.rest()), false};
    }
    const auto level = take_level(cursor);
    if (!level || at == 0 || line[at - 1] != ' ') continue;
    const auto speaker = speaker_of(line.substr(0, at));
    if (!speaker) continue;
    const auto text = trimmed(cursor.rest());
    const bool repeated = repeat_mark(cursor.rest()) != std::string_view::npos;
    return LogLine{is_glued(text) ? LogLine::Level::kOther : *level, speaker, text, repeated};
  }
  return std::nullopt;
}

}  // namespace wiretax
