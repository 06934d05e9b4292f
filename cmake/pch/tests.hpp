// The same for tests.
#include "cmake/pch/common.hpp"
#include "tests/support/catch.hpp"
