// wiretax-report: what result files say, and what follows from them for a model.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>

#include "report/catalogue.h"
#include "report/commands/assumption_options.h"
#include "report/commands/colour_option.h"
#include "report/commands/commands.h"
#include "report/commands/compare.h"
#include "report/commands/export.h"
#include "report/commands/page.h"
#include "report/commands/scale.h"
#include "report/record.h"

namespace wiretax {

namespace {

constexpr int kInternal = 1;
constexpr int kUsage = 2;
constexpr std::uint64_t kMostRanks = 1024;

constexpr const char* kFooter =
    "Exit codes: 0 ok; 1 internal error; 2 wrong usage or an unknown name; 5 a file that cannot be "
    "used.\n"
    "status ends with the code of the first file that is not complete, 6 for a program that was "
    "killed.\n"
    "transport ends with 0 for RDMA or one host, 5 for sockets or a mix, 3 where the log does not "
    "tell.\n"
    "compare ends with 4 where something is slower, 3 where the comparison is not whole.";

using Command = std::function<int()>;

void add_summary(CLI::App& app, SummaryOptions& options, Command& chosen) {
  auto& command = *app.add_subcommand("summary", "every measured point and its verdict");
  command.add_option("paths", options.paths, "result files, or folders of them")->required();
  add_colour(command, options.colour);
  command.callback([&] { chosen = [&] { return run_summary(options); }; });
}

void add_model(CLI::App& app, ModelOptions& options, Command& chosen) {
  auto& command =
      *app.add_subcommand("model", "a model's parameters, bytes per token and messages");
  command.add_option("model", options.model, "NAME[:quant] or config.json[:quant]");
  command.add_option("--batch", options.batches, "sequences decoded together, a list")
      ->capture_default_str();
  command.add_option("--ranks", options.ranks, "machines")
      ->check(CLI::Range(std::uint64_t{1}, kMostRanks))
      ->capture_default_str();
  command.add_flag("--json", options.json, "JSON instead of text");
  add_colour(command, options.colour);
  command.callback([&] {
    chosen = [&] {
      return options.model.empty() ? run_models(options.colour) : run_model(options);
    };
  });
}

void add_workload(CLI::App& command, DecideOptions& options) {
  const auto tokens = CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000});
  auto* const drafts =
      command
          .add_option("--drafts", options.drafts, "tokens guessed for each sequence before a step")
          ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{64}));
  auto* const accepted =
      command.add_option("--accepted", options.accepted, "of those, how many are right: a mean")
          ->check(finite(0, 64));
  drafts->needs(accepted);
  accepted->needs(drafts);
  command.add_option("--kv", options.kv, "KV cache in bf16 or fp8")->capture_default_str();
  command
      .add_option("--strategies", options.strategies,
                  "also price sp, ep or ep-alltoall, a list (sequence and expert parallelism)")
      ->delimiter(',');
  auto* const input =
      command.add_option("--input", options.input, "tokens of a prompt: what serving yields")
          ->check(tokens);
  auto* const output =
      command.add_option("--output", options.output, "tokens of an answer, with --input")
          ->check(tokens);
  input->needs(output);
  output->needs(input);
  command.add_option("--chunk", options.chunk, "prompt tokens that the engine reads at once")
      ->check(tokens)
      ->needs(input)
      ->capture_default_str();
  command
      .add_option("--prefill-tflops", options.prefill_tflops,
                  "TFLOP/s a machine reaches on prompts: one value, or low,mid,high")
      ->delimiter(',')
      ->needs(input);
  command.add_flag("--why", options.why, "every row's derivation, line by line");
}

void add_decide(CLI::App& app, DecideOptions& options, Command& chosen) {
  auto& command =
      *app.add_subcommand("decide", "TP, PP or replicas, for models on measured fabrics");
  command.add_option("paths", options.paths, "result files, or folders of them");
  command.add_option("--published", options.published, "a published profile beside the measured");
  command.add_option("--model", options.models, "NAME[:quant] or config.json[:quant], a list")
      ->delimiter(',');
  command.add_option("--batch", options.batches, "sequences decoded together, a list")
      ->capture_default_str();
  command
      .add_option("--context", options.context,
                  "mean tokens of KV cache of a sequence; 1024, or what --input and --output mean")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
  command.add_option("--ranks", options.ranks, "machines")
      ->check(CLI::Range(std::uint64_t{2}, kMostRanks))
      ->capture_default_str();
  add_assumptions(command, options);
  add_workload(command, options);
  command.add_flag("--detail", options.detail,
                   "The parts of every step, and why what does not fit");
  command.add_flag("--json", options.json, "JSON instead of text");
  command.add_option("--out", options.out, "write the JSON to FILE as well");
  add_colour(command, options.colour);
  command.callback([&] { chosen = [&] { return run_decide(options); }; });
}

void add_status(CLI::App& app, Paths& paths, Command& chosen) {
  auto& command = *app.add_subcommand("status", "how the programs that wrote the files ended");
  command.add_option("paths", paths, "result files, or folders of them")->required();
  command.callback([&] { chosen = [&] { return run_status(paths); }; });
}

void add_transport(CLI::App& app, TransportOptions& options, Command& chosen) {
  auto& command = *app.add_subcommand("transport", "did NCCL use RDMA? From its logs");
  command
      .add_option("paths", options.paths, "logs written with NCCL_DEBUG=INFO; - is standard input")
      ->required();
  command.add_flag("--json", options.json, "JSON instead of text");
  add_colour(command, options.colour);
  command.footer("Exit codes: 0 RDMA, or within one host; 3 inconclusive; 5 sockets, or mixed.");
  command.callback([&] { chosen = [&] { return run_transport(options); }; });
}

void add_symptoms(CLI::App& app, SymptomsOptions& options, Command& chosen) {
  auto& command = *app.add_subcommand("symptoms", "what goes wrong, and what to type");
  command.add_option("name", options.id, "one of them; without, a list");
  command.add_flag("--json", options.json, "JSON instead of text");
  command.add_flag("--markdown", options.markdown, "docs/symptoms.md");
  add_colour(command, options.colour);
  command.callback([&] { chosen = [&] { return run_symptoms(options); }; });
}

void add_import(CLI::App& app, ImportOptions& options, Command& chosen) {
  auto& command = *app.add_subcommand("import", "other tools' output as results of wiretax");
  command.add_option("paths", options.paths, "what nccl-tests, perftest, iperf3 or OSU printed")
      ->required();
  command.add_option("--format", options.format,
                     "nccl-tests, perftest, iperf3 or osu; else it is recognised");
  command.add_option("--fabric", options.fabric, "a name for the network; else tool and file");
  command.add_option("--ranks", options.ranks, "how many there were, where the file does not say")
      ->check(CLI::Range(std::uint64_t{1}, kMostRanks));
  command.add_option("--unit", options.unit,
                     "MiB/s, MB/s, GB/s or Gb/s, where the file does not say");
  command.add_option("--operation", options.operation,
                     "the collective, such as all_reduce, where the file does not say");
  command.add_option("-o,--out", options.out, "write a result file instead of a table");
  add_colour(command, options.colour);
  command.callback([&] { chosen = [&] { return run_import(options); }; });
}

void add_list(CLI::App& app, const char* name, const char* text, int (*list)(Colour),
              Colour& colour, Command& chosen) {
  auto& command = *app.add_subcommand(name, text);
  add_colour(command, colour);
  command.callback([&colour, &chosen, list] { chosen = [&colour, list] { return list(colour); }; });
}

int run(int argc, char** argv) {
  CLI::App app("What result files say, and what follows from them for a model.", "wiretax-report");
  app.set_version_flag("--version", "wiretax-report " WIRETAX_VERSION);
  app.require_subcommand(0, 1);
  app.footer(kFooter);
  SummaryOptions summary;
  ModelOptions model;
  DecideOptions decide;
  Paths status;
  TransportOptions transport;
  SymptomsOptions symptoms;
  ImportOptions import;
  Colour colour = Colour::kAuto;
  Command chosen;
  add_summary(app, summary, chosen);
  add_model(app, model, chosen);
  add_decide(app, decide, chosen);
  add_explain(app, chosen);
  add_calibrate(app, chosen);
  add_status(app, status, chosen);
  add_transport(app, transport, chosen);
  add_symptoms(app, symptoms, chosen);
  add_import(app, import, chosen);
  add_compare(app, chosen);
  add_export(app, chosen);
  add_page(app, chosen);
  add_scale(app, chosen);
  add_list(app, "models", "the catalogue of models", run_models, colour, chosen);
  add_list(app, "machines", "the machines that are known", run_machines, colour, chosen);
  add_list(app, "profiles", "the published profiles", run_profiles, colour, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    fmt::print(stderr, "error: {} (see wiretax-report --help)\n", printable(error.what()));
    return kUsage;
  }
  if (!chosen) throw std::invalid_argument("what to do? (see wiretax-report --help)");
  return chosen();
}

int fail(const std::exception& error, int code) {
  fmt::print(stderr, "error: {}\n", printable(error.what()));
  return code;
}

}  // namespace
}  // namespace wiretax

int main(int argc, char** argv) {
  try {
    return wiretax::run(argc, argv);
  } catch (const wiretax::UnknownName& error) {
    return wiretax::fail(error, wiretax::kUsage);
  } catch (const wiretax::InputError& error) {
    return wiretax::fail(error, wiretax::kUnusable);
  } catch (const std::invalid_argument& error) {
    return wiretax::fail(error, wiretax::kUsage);
  } catch (const std::exception& error) {
    return wiretax::fail(error, wiretax::kInternal);
  }
}
