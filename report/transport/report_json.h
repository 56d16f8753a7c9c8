#pragma once

#include <string>

#include "report/transport/judge.h"

namespace wiretax {

std::string transport_json(const TransportReport& report);

}  // namespace wiretax
