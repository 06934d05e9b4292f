#pragma once

#include "connection.hpp"

void on_readable(Conn& c);
