# messages.capnp as a newer node might have it: each struct has grown, and there is another word and another
# encoding. tests/cluster/node_message_test.cpp has today's node read it.
@0x91739bb6762a58f9;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hubbub::test::newer");

struct NodeMessage {
  # The version of this file that the sender knows: for people who look.
  schema @0 :UInt16;

  union {
    # What a newer node says in words that this one does not have is here, too.
    nothing @1 :Void;
    # On the subject of a live room.
    liveEvents @2 :LiveEvents;
    gossip @3 :Text;
  }
  signature @4 :Data;
}

struct LiveEvents {
  # Who sends: a node's name, and which of its lives this is.
  node @0 :Text;
  incarnation @1 :Text;
  # The number of the first of these events among those that this incarnation ever sent of this room. The
  # others follow it, and the next message begins behind them: what is missing was lost.
  first @2 :UInt64;
  events @3 :List(Event);
  sentAt @4 :Int64;
  path @5 :List(Text);
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
  schemaName @8 :Text;
  priority @9 :UInt8 = 5;
}

enum Encoding {
  json @0;
  base64 @1;
  cbor @2;
}
