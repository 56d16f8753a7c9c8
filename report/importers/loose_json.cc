#include "report/importers/loose_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "report/importers/builder.h"

namespace wiretax {
namespace {

constexpr std::string_view kJsonSpace = " \t\r\n";
constexpr std::size_t kMostBrackets = 64;

/// The keys of an object: most have few, and those of a hostile one must not take quadratic time.
class KeySet {
 public:
  /// False where it is there already.
  bool insert(std::string_view key) {
    constexpr std::size_t kFew = 32;
    if (few_.size() < kFew) {
      if (std::ranges::count(few_, key) > 0) return false;
      few_.reserve(16);
      few_.push_back(key);
      return true;
    }
    return std::ranges::count(few_, key) == 0 && many_.insert(key).second;
  }

 private:
  std::vector<std::string_view> few_;
  std::unordered_set<std::string_view> many_;
};

bool is_json_word(std::string_view word) {
  if (word == "true" || word == "false" || word == "null") return true;
  const auto digits = word.substr(word.starts_with('-') ? 1 : 0);
  const bool number = !digits.empty() && digits.front() >= '0' && digits.front() <= '9';
  return number && number_in(word).has_value();
}

/// Copies one document after another and mends it on the way; lines stay where they are, and null
/// stands for what is not read.
class Mender {
 public:
  Mender(const ForeignText& source, std::span<const std::string_view> unread)
      : source_(source), text_(source.text), unread_(unread) {
    mended_.reserve(text_.size() + text_.size() / 8);
  }

  /// To the next document; false at the end.
  bool next() {
    mended_.clear();
    skip_space();
    if (at_ == text_.size()) return false;
    if (text_[at_] != '{') fail_at(source_, line_, "text that is no JSON");
    mended_.clear();
    first_line_ = line_;
    do {
      step();
      skip_space();
    } while (!open_.empty());
    return true;
  }
  [[nodiscard]] const std::string& mended() const { return mended_; }
  [[nodiscard]] std::size_t first_line() const { return first_line_; }

 private:
  static constexpr std::size_t kNone = std::string::npos;
  struct Open {
    char closing;
    std::size_t line;
    KeySet keys;
  };

  void step() {
    if (at_ == text_.size()) fail_cut_off();
    const char c = text_[at_];
    const bool closes = c == '}' || c == ']';
    if ((c == ',' || closes) && open_.size() == muted_) muted_ = kNone;
    if (c == ',') {
      comma_ = is_muted() ? kNone : mended_.size();
      copy(1);
      return;
    }
    if (closes && comma_ != kNone) mended_[comma_] = ' ';
    comma_ = kNone;
    if (c == '{' || c == '[') {
      open(c);
    } else if (closes) {
      close(c);
    } else if (c == ':') {
      copy(1);
      if (std::exchange(mute_next_, false) && !is_muted()) {
        mended_ += "null";
        muted_ = open_.size();
      }
    } else {
      copy_word();
    }
  }

  [[noreturn]] void fail_cut_off() const {
    const auto& last = open_.back();
    fail_at(source_, line_,
            fmt::format("cut off: the '{}' that closes what began at line {} is missing",
                        last.closing, last.line));
  }

  [[nodiscard]] bool is_muted() const { return muted_ != kNone; }

  void emit(std::string_view text) {
    if (!is_muted()) mended_ += text;
  }

  void copy(std::size_t length) {
    emit(text_.substr(at_, length));
    at_ += length;
  }

  void skip_space() {
    for (; at_ < text_.size() && kJsonSpace.find(text_[at_]) != std::string_view::npos; ++at_) {
      if (text_[at_] != '\n') continue;
      ++line_;
      mended_ += '\n';
    }
  }

  void open(char c) {
    if (open_.size() == kMostBrackets) {
      fail_at(source_, line_, "brackets within brackets, too deep");
    }
    open_.push_back({c == '{' ? '}' : ']', line_, {}});
    copy(1);
  }

  void close(char c) {
    if (open_.back().closing != c) {
      fail_at(source_, line_,
              fmt::format("a '{}' where the bracket of line {} closes with '{}'", c,
                          open_.back().line, open_.back().closing));
    }
    open_.pop_back();
    copy(1);
  }

  void copy_word() {
    const auto line = line_;
    const bool quoted = text_[at_] == '"';
    const auto word = quoted ? quoted_word() : bare_word();
    const bool key = open_.back().closing == '}' && colon_follows();
    if (quoted || (!key && is_json_word(word))) {
      emit(word);
    } else {
      emit(nlohmann::json(word).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    if (!key || is_muted()) return;
    const auto name = quoted ? word.substr(1, word.size() - 2) : word;
    mute_next_ = std::ranges::count(unread_, name) > 0;
    if (!open_.back().keys.insert(name) && !mute_next_) {
      fail_at(source_, line,
              fmt::format("'{}' stands twice in one object, and which counts is not known", name));
    }
  }

  [[nodiscard]] bool colon_follows() const {
    const auto next = text_.find_first_not_of(kJsonSpace, at_);
    return next != std::string_view::npos && text_[next] == ':';
  }

  std::string_view quoted_word() {
    const auto begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= text_.size() || text_[at_] != '"') {
      fail_at(source_, line_, "cut off within a text in quotes");
    }
    return text_.substr(begin, ++at_ - begin);
  }

  /// May hold blanks, but none at its end.
  std::string_view bare_word() {
    const auto begin = at_;
    at_ = std::min(text_.find_first_of("{}[]:,\"\n", at_), text_.size());
    const auto word = text_.substr(begin, at_ - begin);
    return word.substr(0, word.find_last_not_of(kJsonSpace) + 1);
  }

  const ForeignText& source_;
  std::string_view text_;
  std::span<const std::string_view> unread_;
  std::string mended_;
  std::size_t first_line_ = 1;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<Open> open_;
  std::size_t comma_ = kNone;  // in what is mended, where nothing stands behind it yet
  std::size_t muted_ = kNone;  // the depth of an unread field whose value this is
  bool mute_next_ = false;
};

nlohmann::json parse(const ForeignText& source, const std::string& mended, std::size_t first_line) {
  try {
    return nlohmann::json::parse(mended);
  } catch (const nlohmann::json::exception&) {
    // The position is asked for only now: most files are what they should be.
  }
  struct Finder : nlohmann::json_sax<nlohmann::json> {
    std::size_t byte = 0;
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return true; }
    bool key(string_t&) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::json::exception&) override {
      byte = position;
      return false;
    }
  } finder;
  nlohmann::json::sax_parse(mended, &finder);
  const auto upto =
      mended.begin() + static_cast<std::ptrdiff_t>(std::min(finder.byte, mended.size()));
  fail_at(source, first_line + static_cast<std::size_t>(std::count(mended.begin(), upto, '\n')),
          "not JSON");
}

}  // namespace

std::vector<nlohmann::json> read_loose_json(const ForeignText& source,
                                            std::span<const std::string_view> unread) {
  std::vector<nlohmann::json> documents;
  each_loose_json(source, unread,
                  [&](nlohmann::json document) { documents.push_back(std::move(document)); });
  return documents;
}

void each_loose_json(const ForeignText& source, std::span<const std::string_view> unread,
                     const std::function<void(nlohmann::json)>& take) {
  Mender mender(source, unread);
  while (mender.next()) take(parse(source, mender.mended(), mender.first_line()));
}

bool drop_repeats(std::vector<nlohmann::json>& documents) {
  const auto rest = std::unique(documents.begin(), documents.end());
  const bool any = rest != documents.end();
  documents.erase(rest, documents.end());
  return any;
}

bool begins_as_json(std::string_view text) {
  const auto first = text.find_first_not_of(kJsonSpace);
  return first != std::string_view::npos && text[first] == '{';
}

std::optional<double> foreign_number(const nlohmann::json& object, std::string_view field) {
  const auto found = object.find(field);
  if (found == object.end()) return std::nullopt;
  if (found->is_number()) return found->get<double>();
  const auto* const text = found->get_ptr<const std::string*>();
  if (text == nullptr) return std::nullopt;
  return number_in(
      std::string_view(*text).substr(std::min(text->find_first_not_of(' '), text->size())));
}

std::string foreign_text(const nlohmann::json& object, std::string_view field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const nlohmann::json& foreign_object(const nlohmann::json& object, std::string_view field) {
  static const auto kNone = nlohmann::json::object();
  const auto found = object.find(field);
  return found != object.end() && found->is_object() ? *found : kNone;
}

const nlohmann::json& foreign_array(const nlohmann::json& object, std::string_view field) {
  static const auto kNone = nlohmann::json::array();
  const auto found = object.find(field);
  return found != object.end() && found->is_array() ? *found : kNone;
}

}  // namespace wiretax
