// Calls of collectives over one_shot, back to back, each on fresh data and each compared:
//
//   one_shot_storm --backend one_shot --op all_reduce,broadcast --size 10240 --calls 100000

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/harness/carrier.h"
#include "bench/harness/collective_body.h"
#include "bench/harness/program.h"

namespace wiretax::bench {
namespace {

using collectives::Operation;
using collectives::Request;

class Storm : public Program {
 public:
  [[nodiscard]] std::string_view name() const override { return "one_shot_storm"; }
  [[nodiscard]] std::string_view purpose() const override { return "Many checked calls"; }
  void add_options(CLI::App& app) override {
    carriers_.add_options(app);
    app.add_option("--op", operations_)->delimiter(',')->required();
    app.add_option("--type", types_)->delimiter(',')->capture_default_str();
    app.add_option("--size", sizes_, "Bytes of each, rounded up to whole parts of every rank")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--calls", calls_, "Of each combination")->required();
  }

  void set_up(Session& session) override {
    const auto carrier = carriers_.choose();
    carrier->set_up(session);
    std::uint64_t right = 0;
    for (const auto& request : requests(session)) {
      const auto task = carrier->prepare(session, everybody(session), request);
      together(session.ranks, "calling", [&] { call(*task); });
      right += calls_;
    }
    if (session.ranks.leads()) fmt::print("{} calls were right\n", right);
  }

  [[nodiscard]] std::optional<std::string> missing(const Session& /*session*/) const override {
    return "nothing is timed";
  }
  std::vector<Point> points(const Session& /*session*/) override {
    return {{.name = "storm", .specification = {}, .bytes = 0, .group = 0}};
  }
  [[nodiscard]] std::uint64_t memory_bytes(const Point& /*point*/) const override { return 0; }
  std::unique_ptr<Body> prepare(Session& /*session*/, const std::string& /*order*/) override {
    return nullptr;
  }
  void describe(const Session& /*session*/, const Point& /*point*/,
                const std::vector<std::string>& /*evidence*/, Row& /*row*/) override {}

 private:
  [[nodiscard]] std::vector<Request> requests(const Session& session) const {
    const auto ranks = static_cast<std::uint64_t>(session.ranks.size());
    std::vector<Request> requests;
    for (const auto& name : operations_) {
      for (const auto& type_name : types_) {
        const auto type = *collectives::find_element_type(type_name);
        const auto unit = collectives::size_of(type) * ranks;
        for (const auto size : sizes_) {
          for (const bool in_place : {false, true}) {
            requests.push_back({.operation = *collectives::find_operation(name),
                                .type = type,
                                .bytes = (size + unit - 1) / unit * unit,
                                .in_place = in_place});
          }
        }
      }
    }
    return requests;
  }

  void call(collectives::Task& task) const {
    try {
      for (std::uint64_t call = 0; call < calls_; ++call) task.check(call);
    } catch (const std::exception& error) {
      throw Failure(collectives_failure(error));
    }
  }

  CarrierOptions carriers_;
  std::vector<std::string> operations_;
  std::vector<std::string> types_ = {"bfloat16"};
  std::vector<std::uint64_t> sizes_ = {1024};
  std::uint64_t calls_ = 0;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::Storm program;
  return wiretax::bench::run_program(program, argc, argv);
}
