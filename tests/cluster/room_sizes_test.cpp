#include "cluster/jetstream_room.hpp"
#include "cluster/live_room.hpp"
#include "cluster/roster_hub.hpp"
#include "tests/support/catch.hpp"

namespace hubbub::test {
namespace {

// A node may have a hundred thousand rooms of interest, each with two or three subscriptions. What malloc
// gives comes in steps of 16 bytes.
TEST_CASE("what a room of interest takes between nodes is small", "[cluster]") {
  CHECK(sizeof(cluster::jetstream_room) <= 200);
  CHECK(sizeof(cluster::live_room) <= 168);
  CHECK(sizeof(cluster::roster_room) <= 104);
}

} // namespace
} // namespace hubbub::test
