#pragma once

#include <nlohmann/json_fwd.hpp>

#include "verbs/port.h"

namespace wiretax::bench {

/// A port as ranks tell each other of theirs, and as the result file has it.
nlohmann::json to_json(const verbs::Port& port);
verbs::Port port_from_json(const nlohmann::json& json);

}  // namespace wiretax::bench
