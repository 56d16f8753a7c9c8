#pragma once

#include <cstddef>
#include <string>

namespace wiretax::bench {

/// Tells on stderr what is being measured and how long it will take. Under mpirun no program can
/// see a terminal, so WIRETAX_PROGRESS=1 asks for a line that rewrites itself; else a line now and
/// then.
class Progress {
 public:
  Progress(std::size_t total, double worst_case_s);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// The next point begins.
  void begin(const std::string& name);

 private:
  [[nodiscard]] double left_s(double now) const;

  std::size_t total_;
  std::size_t begun_ = 0;
  double worst_case_s_;
  double started_s_;
  double spoke_s_ = 0;
  bool rewriting_;
};

}  // namespace wiretax::bench
