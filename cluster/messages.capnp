# What nodes say to each other over NATS, beside what is stored.
#
# Nodes of several versions run at a time while a cluster is upgraded, so this file only grows: a field keeps
# its number, its type and its meaning for ever; a new one gets the next number and a default that means "as
# before"; a node ignores what it does not know. tests/cluster/node_message_test.cpp has an older node read
# what a newer one writes.
@0xb1d4c5a7e2f09d36;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hubbub::cluster::wire");

struct NodeMessage {
  # The version of this file that the sender knows: for people who look.
  schema @0 :UInt16;

  union {
    # What a newer node says in words that this one does not have is here, too.
    nothing @1 :Void;
    # On the subject of a live room.
    liveEvents @2 :LiveEvents;
  }
}

struct LiveEvents {
  # Who sends: a node's name, and which life of its room this is: `<connection>-<number>`, where a later life
  # has a larger number.
  node @0 :Text;
  incarnation @1 :Text;
  # The number of the first of these events among those that this incarnation ever sent of this room. The
  # others follow it, and the next message begins behind them: what is missing was lost.
  first @2 :UInt64;
  events @3 :List(Event);
}

struct Event {
  type @0 :Text;
  # One JSON value, or base64.
  data @1 :Data;
  encoding @2 :Encoding;
  eventId @3 :Text;
  key @4 :Text;
  from @5 :Text;
  # Milliseconds since 1970.
  time @6 :Int64;
  # The session that does not want it; 0: none.
  excluded @7 :UInt64;
}

enum Encoding {
  json @0;
  base64 @1;
}
