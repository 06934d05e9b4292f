# presence.capnp as a newer node might have it: structs have grown, and there is another kind of message.
# tests/cluster/presence_message_test.cpp has today's node read it.
@0xe1b7c90c4a6d5f21;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hubbub::test::newer_presence");

struct Presence {
  needs @0 :UInt16 = 1;
  union {
    beat @1 :Beat;
    farewell @2 :Farewell;
    part @3 :Part;
    ask @4 :Ask;
    told @5 :Told;
    occupancy @6 :Occupancy;
    occupancyHeard @7 :OccupancyHeard;
    gossip @8 :Text;
  }
  signature @9 :Data;
}

struct ToldRoom {
  room @0 :UInt64;
  number @1 :UInt64;
  checksum @2 :UInt64;
}

struct Beat {
  node @0 :Text;
  owner @1 :UInt64;
  startedMs @2 :Int64;
  sequence @3 :UInt64;
  draining @4 :Bool;
  told @5 :List(ToldRoom);
  keepsOccupancy @6 :Bool;
  version @7 :Text;
  zone @8 :Text;
}

struct Farewell {
  owner @0 :UInt64;
  why @1 :Text;
}

struct Member {
  user @0 :Text;
  userInfo @1 :Text;
  info @2 :Text;
  connections @3 :UInt32;
  sinceMs @4 :Int64;
}

struct Part {
  owner @0 :UInt64;
  room @1 :Text;
  number @2 :UInt64;
  piece @3 :UInt32;
  last @4 :Bool = true;
  whole @5 :Bool;
  listed @6 :Bool;
  count @7 :UInt32;
  put @8 :List(Member);
  gone @9 :List(Text);
  expectedUntilMs @10 :Int64;
}

struct AskedRoom {
  room @0 :Text;
  have @1 :UInt64;
}

struct Ask {
  asker @0 :UInt64;
  rooms @1 :List(AskedRoom);
  numbersOnly @2 :Bool;
}

struct Told {
  owner @0 :UInt64;
  rooms @1 :List(ToldRoom);
}

enum ToldWord {
  nothing @0;
  occupied @1;
  vacated @2;
  unknown @3;
  crowded @4;
}

struct RoomStatement {
  room @0 :Text;
  here @1 :Bool;
  changed @2 :Bool;
  told @3 :ToldWord;
  readers @4 :UInt32;
}

struct Occupancy {
  owner @0 :UInt64;
  view @1 :UInt64;
  number @2 :UInt64;
  begin @3 :Bool;
  complete @4 :Bool;
  rooms @5 :List(RoomStatement);
  foundAgain @6 :UInt64;
  settled @7 :Bool;
  zone @8 :Text;
}

struct OccupancyHeard {
  owner @0 :UInt64;
  view @1 :UInt64;
  number @2 :UInt64;
  again @3 :Bool;
  backlog @4 :UInt32;
}
