#include "report/module_patterns.h"

#include <algorithm>
#include <optional>

namespace wiretax {
namespace {

// In a glob: any text, any one character, one or more digits.
constexpr char kAny = '*';
constexpr char kOne = '?';
constexpr char kDigits = '#';

/// Of one expression.
constexpr std::size_t kMostAlternatives = 256;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/// Without wrappers' prefixes. All experts of a layer count as the first.
std::string canonical(std::string_view name) {
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (const std::string_view prefix : {"model.", "language_model."}) {
      if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        stripped = true;
      }
    }
  }
  std::string text(name);
  constexpr std::string_view kExperts = "experts.";
  const auto at = text.find(kExperts);
  if (at == std::string::npos) return text;
  const auto begin = at + kExperts.size();
  const auto end = std::min(text.find_first_not_of("0123456789", begin), text.size());
  if (end == begin) return text;
  text.erase(begin, end - begin);
  text.insert(begin, 1, '0');
  return text;
}

/// How much of the text a token takes: a run of digits whole, anything else one character.
std::size_t taken(char token, std::string_view text) {
  if (text.empty()) return 0;
  if (token != kDigits) return token == kOne || token == text.front() ? 1 : 0;
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

/// Of the whole text. Only the last * can have taken too little: what stands before it fits as
/// early as it can.
bool matches_whole(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  auto after_any = std::string_view::npos;
  std::size_t any_ends = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == kAny) {
      after_any = ++g;
      any_ends = t;
    } else if (const auto step = g < glob.size() ? taken(glob[g], text.substr(t)) : 0; step > 0) {
      ++g;
      t += step;
    } else if (after_any != std::string_view::npos) {
      g = after_any;
      t = ++any_ends;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of(kAny, g) == std::string_view::npos;
}

/// Of the whole text, or up to a dot in it.
bool glob_matches(std::string_view glob, std::string_view text) {
  const auto literal = glob.substr(0, glob.find_first_of("*?#"));
  if (!text.starts_with(literal)) return false;
  for (auto end = text.find('.', literal.size()); end != std::string_view::npos;
       end = text.find('.', end + 1)) {
    if (matches_whole(glob, text.substr(0, end))) return true;
  }
  return matches_whole(glob, text);
}

/// Translates a regular expression into globs, one for each alternative.
class Expression {
 public:
  explicit Expression(std::string_view text) : rest_(text) {}

  std::optional<std::vector<std::string>> globs() {
    if (rest_.starts_with('^')) rest_.remove_prefix(1);
    auto all = alternatives(0);
    if (!rest_.empty()) failed_ = true;
    if (failed_) return std::nullopt;
    for (auto& glob : all) finish(glob);
    return all;
  }

 private:
  using Globs = std::vector<std::string>;
  static constexpr char kEnd = '$';
  static constexpr int kDeepest = 8;

  /// Expressions match from the start on; what follows is free unless they end in $.
  static void finish(std::string& glob) {
    if (glob.ends_with(kEnd)) {
      glob.pop_back();
    } else if (!glob.ends_with(kAny)) {
      glob += kAny;
    }
  }

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  Globs alternatives(int depth) {
    Globs all;
    do {
      const auto one = sequence(depth);
      all.insert(all.end(), one.begin(), one.end());
    } while (!failed_ && take("|"));
    return all;
  }

  Globs sequence(int depth) {
    Globs built = {""};
    while (!failed_ && !rest_.empty() && rest_.front() != '|' && rest_.front() != ')') {
      const auto next = item(depth);
      Globs longer;
      for (const auto& head : built) {
        for (const auto& tail : next) longer.push_back(head + tail);
      }
      built = std::move(longer);
      failed_ = failed_ || built.size() > kMostAlternatives;
    }
    return built;
  }

  Globs item(int depth) {
    if (take(".*")) return {std::string(1, kAny)};
    if (take(".+")) return {std::string{kOne, kAny}};
    if (take("\\d+") || take("[0-9]+")) return {std::string(1, kDigits)};
    if (take("(")) return group(depth);
    return {std::string(1, character())};
  }

  Globs group(int depth) {
    take("?:");
    if (depth >= kDeepest) failed_ = true;
    if (failed_) return {""};
    auto all = alternatives(depth + 1);
    if (!take(")")) failed_ = true;
    refuse_repetition();
    return all;
  }

  char character() {
    char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '$') {
      failed_ = failed_ || !rest_.empty();
      return kEnd;
    }
    if (c == '\\' && !rest_.empty() && !is_word(rest_.front())) {
      c = rest_.front();
      rest_.remove_prefix(1);
    } else if (c == '.') {
      c = kOne;
    } else if (!is_word(c)) {
      failed_ = true;
    }
    refuse_repetition();
    return c;
  }

  void refuse_repetition() {
    if (!rest_.empty() && std::string_view("*+?{").find(rest_.front()) != std::string_view::npos) {
      failed_ = true;
    }
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

bool ModulePatterns::add(std::string_view pattern) {
  constexpr std::string_view kExpression = "re:";
  std::vector<std::string> globs;
  if (pattern.starts_with(kExpression)) {
    auto translated = Expression(pattern.substr(kExpression.size())).globs();
    if (!translated) return false;
    globs = std::move(*translated);
  } else if (pattern.find_first_of("*?") != std::string_view::npos) {
    if (pattern.find_first_of("[]#") != std::string_view::npos) return false;
    globs.emplace_back(pattern);
  } else {
    names_.insert(canonical(pattern));
    return true;
  }
  for (const auto& glob : globs) globs_.push_back(canonical(glob));
  return globs_.size() <= kMostPatterns;
}

bool ModulePatterns::match(std::string_view module) const {
  // Every run of whole components: a name has few.
  for (std::size_t begin = 0; begin < module.size() && !names_.empty();) {
    for (auto end = module.find('.', begin);; end = module.find('.', end + 1)) {
      if (names_.contains(module.substr(begin, end - begin))) return true;
      if (end == std::string_view::npos) break;
    }
    const auto dot = module.find('.', begin);
    begin = dot == std::string_view::npos ? module.size() : dot + 1;
  }
  return std::ranges::any_of(globs_, [&](const auto& glob) { return glob_matches(glob, module); });
}

}  // namespace wiretax
