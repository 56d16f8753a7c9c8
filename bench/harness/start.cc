#include "bench/harness/start.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace wiretax::bench {

bool leads_before_mpi() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* const rank = std::getenv(variable)) return std::string_view(rank) == "0";
  }
  return true;
}

bool use_color(const std::string& wish) {
  if (wish != "auto") return wish == "always";
  // Under mpirun a rank's stdout is a terminal of mpirun's own, whatever the user's is.
  const char* const terminal = std::getenv("TERM");
  return std::getenv("OMPI_COMM_WORLD_RANK") == nullptr && std::getenv("NO_COLOR") == nullptr &&
         terminal != nullptr && std::string_view(terminal) != "dumb" && isatty(STDOUT_FILENO) == 1;
}

void print_error(const Failure& failure) {
  std::fputs(fmt::format("error: {}\n", failure.what()).c_str(), stderr);
}

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& help) {
    return leads_before_mpi() ? app.exit(help) : 0;
  } catch (const CLI::ParseError& error) {
    if (leads_before_mpi()) {
      print_error({ExitCode::kUsage, fmt::format("{} (--help lists the options)", error.what())});
    }
    return static_cast<int>(ExitCode::kUsage);
  }
}

void explain_endings(Supervisor& supervisor) {
  supervisor.set_last_will([](const Failure& failure) {
    // Of a signal one rank's word is enough; a deadline of its own every rank has to explain.
    if (leads_before_mpi() || failure.code() == ExitCode::kTimeout) print_error(failure);
  });
}

int with_ranks(Supervisor& supervisor, const std::function<int(Ranks&)>& work) {
  std::unique_ptr<Ranks> ranks;
  try {
    ranks = std::make_unique<Ranks>(supervisor);
    constexpr double kGrace = 0.6;  // rank 0 writes its file within half a second
    supervisor.set_grace_s(ranks->leads() ? 0 : kGrace);
    supervisor.set_parties(ranks->describe(ranks->rank()), ranks->others());
    return work(*ranks);
  } catch (const std::exception& error) {
    const auto failure = as_failure(error);
    const bool agreed = dynamic_cast<const AgreedFailure*>(&error) != nullptr;
    if (ranks && !agreed) ranks->abandon();
    // Rank 0 speaks for all of what all know.
    const bool speaks = !agreed || ranks->leads();
    if (speaks) print_error(failure);
    return speaks ? static_cast<int>(failure.code()) : 0;
  }
}

}  // namespace wiretax::bench
