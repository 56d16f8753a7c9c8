// compare_token_schedule: really sends, chained, the messages of one decode step under tensor
// parallelism, to hold against the price of the same list from measured curves:
//   mpirun -np 2 wiretax-collectives --model M,... --batch 1,8,32 --profile full --out curve.json
//   mpirun -np 2 compare_token_schedule --model M,... --batch 1,8,32 --curve curve.json

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/mpi_fabric.h"
#include "bench/harness/program.h"
#include "collectives/backends/mpi.h"
#include "report/catalogue.h"
#include "report/record.h"
#include "report/traffic.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

/// The step's messages in order, each with the task that sends it.
class TokenBody : public Body {
 public:
  TokenBody(collectives::Backend& backend, const std::vector<Message>& messages) {
    for (const auto& message : messages) {
      steps_.push_back(
          {backend.prepare({.operation = *collectives::find_operation(message.operation),
                            .type = collectives::ElementType::kBfloat16,
                            .bytes = message.bytes}),
           message.count});
    }
  }

  void run(std::uint64_t n) override {
    for (std::uint64_t token = 0; token < n; ++token) {
      for (const auto& step : steps_) step.task->run(step.count);
    }
  }

  void check() override {
    for (const auto& step : steps_) step.task->check(0);
  }

 private:
  struct Step {
    std::unique_ptr<collectives::Task> task;
    std::uint64_t count;
  };
  std::vector<Step> steps_;
};

class TokenSchedule : public Program {
 public:
  [[nodiscard]] std::string_view name() const override { return "compare_token_schedule"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Runs a decode step's messages and compares with their price from measured curves.";
  }
  void add_options(CLI::App& app) override {
    app.add_option("--interface", interface_, "As wiretax-collectives has it");
    app.add_option("--curve", curve_file_, "Result file of wiretax-collectives")->required();
    app.add_option("--op", operations_,
                   "Only messages of these operations, to see whose price is off")
        ->delimiter(',')
        ->capture_default_str();
  }
  void before_mpi(const Options& options) override {
    for (const auto& name : options.models) models_.push_back(find_model(name));
    fabric_.pin(interface_);
    read_curves();
  }
  void set_up(Session& session) override {
    fabric_.verify(session);
    backend_ = std::make_unique<collectives::MpiBackend>(session.ranks.communicator());
  }

  std::vector<Point> points(const Session& session) override {
    std::vector<Point> points;
    for (std::size_t model = 0; model < models_.size(); ++model) {
      for (const auto batch : parse_count_list(session.options.batches)) {
        points.push_back({.name = fmt::format("token/model:{}/strategy:tp{}/batch:{}",
                                              models_[model].name, session.ranks.size(), batch),
                          .specification = Json{{"model", model}, {"batch", batch}}.dump(),
                          .bytes = 0,
                          .timing = Timing::kSpan});
      }
    }
    return points;
  }
  [[nodiscard]] std::uint64_t memory_bytes(const Point& /*point*/) const override {
    return 64 * kMebibyte;
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    return std::make_unique<TokenBody>(*backend_, messages(session, specification));
  }

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& /*evidence*/, Row& row) override {
    double priced_s = 0;
    for (const auto& message : messages(session, point.specification)) {
      priced_s += curves_.at(message.operation).at(static_cast<double>(message.bytes)).time_s *
                  static_cast<double>(message.count);
    }
    row.counters.erase("bytes");
    row.counters["priced_us"] = priced_s / kMicrosecond;
    fmt::print(stderr, "{}: measured {}, priced {}: {:+.1f} %\n", point.name,
               format_seconds(row.time_s), format_seconds(priced_s),
               100 * (row.time_s / priced_s - 1));
  }

 private:
  std::vector<Message> messages(const Session& session, const std::string& specification) const {
    const auto wanted = Json::parse(specification);
    auto list = tensor_parallel_messages(models_.at(wanted["model"].get<std::size_t>()),
                                         static_cast<std::uint64_t>(session.ranks.size()),
                                         wanted["batch"].get<std::uint64_t>());
    std::erase_if(list, [&](const Message& message) {
      return std::ranges::count(operations_, message.operation) == 0;
    });
    return list;
  }

  void read_curves() {
    std::map<std::string, std::vector<CurvePoint>> points;
    for (const auto& record : read_result_file(curve_file_).records) {
      if (record.measured() && record.key("type") == "bfloat16" &&
          record.key("timing") == "chained") {
        points[record.operation].push_back(record.curve_point());
      }
    }
    for (auto& [operation, of_operation] : points)
      curves_.emplace(operation, std::move(of_operation));
  }

  std::vector<std::string> operations_ = {"all_reduce", "all_gather"};
  std::string interface_;
  std::string curve_file_;
  std::vector<Model> models_;
  std::map<std::string, Curve> curves_;
  MpiFabric fabric_;
  std::unique_ptr<collectives::Backend> backend_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::TokenSchedule program;
  return wiretax::bench::run_program(program, argc, argv);
}
