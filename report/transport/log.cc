#include "report/transport/log.h"

#include <algorithm>
#include <memory>

#include "report/record.h"
#include "report/transport/messages.h"
#include "report/transport/unwrap.h"

namespace wiretax {
namespace {

constexpr std::size_t kBlock = std::size_t{1}
                               << 18;  // longer lines are not NCCL's, which have 1 KiB
constexpr std::size_t kEvidenceBytes = 300;

}  // namespace

void NcclLog::read(std::istream& stream, std::string name) {
  files_.push_back(std::move(name));
  line_number_ = 0;
  const auto block = std::make_unique_for_overwrite<char[]>(kBlock);
  std::size_t kept = 0;
  bool inside_long_line = false;
  while (stream) {
    stream.read(block.get() + kept, static_cast<std::streamsize>(kBlock - kept));
    std::string_view text(block.get(), kept + static_cast<std::size_t>(stream.gcount()));
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      take(inside_long_line ? std::string_view() : text.substr(0, end));
      inside_long_line = false;
      text.remove_prefix(end + 1);
    }
    const bool full = text.size() == kBlock;
    inside_long_line = inside_long_line || full;
    kept = full ? 0 : text.size();
    std::copy_n(text.data(), kept, block.get());
  }
  if (stream.bad()) throw InputError(files_.back() + ": cannot be read");
}

void NcclLog::take(std::string_view line) {
  ++lines_;
  ++line_number_;
  line = unwrapped(line, unwrapped_);
  const auto parsed = parse_log_line(line);
  if (!parsed) return;
  ++nccl_lines_;
  line_ = line;
  if (parsed->level == LogLine::Level::kInfo) ++info_lines_;
  if (parsed->level == LogLine::Level::kVersion) {
    versions_.emplace(parsed->text.substr(0, parsed->text.find(' ')));
  }
  if (!parsed->speaker || parsed->level == LogLine::Level::kOther) return;
  if (starts_again(*parsed)) {
    process_index_.erase({std::string(parsed->speaker->host), parsed->speaker->pid});
  }
  auto& thread = thread_of(*parsed->speaker);
  processes_[thread.process].repeated |= parsed->repeated;
  Messages(*this, thread).take(*parsed);
}

/// A process says once how it meets the others. Twice in a file: a container that was started again
/// has the same host and pid.
bool NcclLog::starts_again(const LogLine& line) const {
  if (line.repeated || (!line.text.starts_with("Bootstrap : Using ") &&
                        !line.text.starts_with("Bootstrap: Using "))) {
    return false;
  }
  const auto found = process_index_.find({std::string(line.speaker->host), line.speaker->pid});
  if (found == process_index_.end()) return false;
  const auto& before = processes_[found->second].bootstrap_line;
  return before && before->file == files_.back();
}

std::size_t NcclLog::process_of(const Speaker& speaker) {
  const auto [found, added] =
      process_index_.try_emplace({std::string(speaker.host), speaker.pid}, processes_.size());
  if (added) {
    auto& process = processes_.emplace_back();
    process.host = speaker.host;
    process.pid = speaker.pid;
  }
  return found->second;
}

NcclLog::Thread& NcclLog::thread_of(const Speaker& speaker) {
  const auto process = process_of(speaker);
  auto& thread = threads_[{process, speaker.tid}];
  thread.process = process;
  return thread;
}

Evidence NcclLog::evidence() const {
  return {files_.back(), line_number_, std::string(line_.substr(0, kEvidenceBytes))};
}

}  // namespace wiretax
