#include <fmt/format.h>

#include "report/catalogue.h"
#include "report/commands/commands.h"
#include "report/fabric.h"
#include "report/machine.h"
#include "report/units.h"

namespace wiretax {

int run_models(Colour colour) {
  using enum Table::Align;
  Table table({{"model", kLeft},
               {"quant", kLeft},
               {"parameters"},
               {"active"},
               {"layers"},
               {"GB/token"},
               {"KV KiB/token"},
               {"config.json", kLeft}});
  for (const auto& entry : model_catalogue()) {
    const auto model = find_model(entry.name);
    table.add(
        {model.name, model.quant.name, fmt::format("{:.2f} B", model.parameters.total() / 1e9),
         fmt::format("{:.2f} B", model.active_parameters() / 1e9), fmt::format("{}", model.layers),
         fmt::format("{:.2f}", model.weight_bytes(1, 1) / kGigabyte),
         fmt::format("{:.0f}", model.kv_bytes_per_token() / static_cast<double>(kKibibyte)),
         model.derived ? "derived" : "its own"});
  }
  fmt::print(
      "{}\nActive: parameters that a token multiplies with. GB/token: weights read at batch 1 "
      "(10^9 bytes). NAME:bf16,\nNAME:fp8, NAME:mxfp4 and NAME:nvfp4 choose another "
      "quantisation; `wiretax-report model NAME` shows all.\n",
      table.text(Ink(colour)));
  return 0;
}

int run_machines(Colour colour) {
  using enum Table::Align;
  Table table(
      {{"machine", kLeft}, {"usable GiB"}, {"reserve GiB"}, {"GB/s"}, {"efficiency"}, {"TFLOP/s"}});
  for (const auto& name : machine_names()) {
    const auto machine = find_machine(name);
    const auto gibibytes = [](double bytes) { return bytes / static_cast<double>(kGibibyte); };
    table.add({machine.name, fmt::format("{:.1f}", gibibytes(machine.memory_bytes)),
               fmt::format("{:.1f}", gibibytes(machine.reserve_bytes)),
               fmt::format("{:.0f}", machine.memory_bytes_per_s / kGigabyte),
               fmt::format("{:.2f} to {:.2f}, {:.2f}", machine.efficiency.low,
                           machine.efficiency.high, machine.efficiency.mid),
               fmt::format("{:.0f}{}", machine.compute_flops_per_s / 1e12,
                           machine.compute_verified ? "" : " (unverified)")});
  }
  fmt::print("{}", table.text(Ink(colour)));
  return 0;
}

int run_profiles(Colour colour) {
  using enum Table::Align;
  Table table({{"profile", kLeft},
               {"operation", kLeft},
               {"ranks"},
               {"size"},
               {"time"},
               {"verdict", kLeft}});
  for (const auto& name : profile_names()) {
    for (const auto& record : find_profile(name).records) {
      table.add({name, record.operation, fmt::format("{}", record.counter("ranks").value_or(0)),
                 format_bytes(record.curve_point().bytes), format_seconds(record.time_s),
                 record.verdict == Verdict::kValid ? "valid" : "suspect: " + record.reason});
    }
  }
  fmt::print(
      "{}\nPublished by others, not measured here; decide prices them x1 to x1.5. Each row's "
      "source is in report/profiles.\n",
      table.text(Ink(colour)));
  return 0;
}

}  // namespace wiretax
