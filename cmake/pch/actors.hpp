// The same for what knows CAF.
#include "cmake/pch/common.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
