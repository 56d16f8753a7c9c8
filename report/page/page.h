#pragma once

// The page: one file of HTML, which needs no network and no server, for a run or for several beside
// each other.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/compare/run_comparison.h"
#include "report/decide.h"
#include "report/page/doctor_findings.h"
#include "report/record.h"

namespace wiretax {

/// What follows for one context.
struct DecidedContext {
  Request request;
  Decision decision;
};

struct PageRun {
  std::string name;
  std::vector<ResultFile> files;
  DoctorFindings doctor;
  std::vector<DecidedContext> decided;
  std::vector<std::string> missing;  // what could not be used and why, a sentence each
};

/// The first run beside a later one.
struct PageComparison {
  std::string sentence;
  RunComparison comparison;
};

struct Page {
  std::string version;
  std::vector<PageRun> runs;
  std::vector<PageComparison> comparisons;  // one for each run but the first
  std::vector<ResultFile> published;        // reference curves behind the measured ones
};

class Redaction;

/// The whole file. All that it shows of a run is escaped. The data of its charts and selectors are
/// in it as JSON: what decide computed on the networks that can decide, the curves, links alone and
/// together, tokens measured and priced. With a redaction it names nobody.
std::string page_html(const Page& page, Redaction* redaction = nullptr);

}  // namespace wiretax
