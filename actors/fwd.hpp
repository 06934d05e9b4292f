#pragma once

namespace hubbub::actors {

class connection_actor;
class loop_unit;
class room_actor;
class room_directory;
struct node_context;

} // namespace hubbub::actors
