@0xd2a4f8f0b6c1937e;
# What nodes say to each other of themselves and of the people in their rooms.
#
# A field is only ever added, with the next number; an old node does not see it. A new kind of message is a new
# member of the union; an old node counts it and passes it over. A change that an old node would read wrongly
# raises `needs`.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hubbub::cluster::wire");

struct Presence {
  needs @0 :UInt16 = 1;
  # The oldest version of this schema whose readers understand the message. This is version 1.

  union {
    beat @1 :Beat;
    farewell @2 :Farewell;
    part @3 :Part;
    ask @4 :Ask;
    told @5 :Told;
    occupancy @6 :Occupancy;
    occupancyHeard @7 :OccupancyHeard;
    # Both only go to nodes whose beats say `keepsOccupancy`.
  }
}

struct ToldRoom {
  room @0 :UInt64;
  # SipHash-2-4 of the room's name, with a key of zeros, its lower half.
  number @1 :UInt64;
  # Of the newest part that its node told.
}

struct Beat {
  node @0 :Text;
  owner @1 :UInt64;
  # Random, and new with each start.
  startedMs @2 :Int64;
  # Since 1970: of two lives of a node, the later one holds.
  sequence @3 :UInt64;
  # From 1.
  draining @4 :Bool;
  told @5 :List(ToldRoom);
  # Rooms whose parts were told lately.
  keepsOccupancy @6 :Bool;
  # It takes part in the register of the rooms that have readers.
}

struct Farewell {
  owner @0 :UInt64;
}

struct Member {
  user @0 :Text;
  userInfo @1 :Text;
  # One JSON value, or nothing; as `info`.
  info @2 :Text;
  connections @3 :UInt32;
}

struct Part {
  # A part, or a piece of one that is too large for a message.
  owner @0 :UInt64;
  room @1 :Text;
  number @2 :UInt64;
  # Rises by one with each part of this owner in this room.
  piece @3 :UInt32;
  # From 0.
  last @4 :Bool = true;
  # No piece of the same part follows.
  whole @5 :Bool;
  listed @6 :Bool;
  count @7 :UInt32;
  put @8 :List(Member);
  gone @9 :List(Text);
}

struct AskedRoom {
  room @0 :Text;
  have @1 :UInt64;
  # The number of the newest part that the asker has; 0: none.
}

struct Ask {
  asker @0 :UInt64;
  # Parts in answer go to this owner.
  rooms @1 :List(AskedRoom);
  numbersOnly @2 :Bool;
  # No parts: only what `Told` says is of interest.
}

struct Told {
  # Answers an ask: of the rooms that were asked for, those whose parts are newer than what the asker has.
  owner @0 :UInt64;
  rooms @1 :List(ToldRoom);
}

enum ToldWord {
  # What backends were told of a room last.
  nothing @0;
  # That is known.
  occupied @1;
  vacated @2;
  unknown @3;
  # One of the two; so is what a newer node says in words that this one does not have.
}

struct RoomStatement {
  room @0 :Text;
  here @1 :Bool;
  # It has readers on the sender's node, and the receiver is the room's first keeper.
  changed @2 :Bool;
  # It has none any more, and the first keeper may not know.
  told @3 :ToldWord;
}

struct Occupancy {
  # What the sender has to say to the receiver of rooms: all of it, then what has changed.
  owner @0 :UInt64;
  view @1 :UInt64;
  # Stands for the nodes that the sender takes for alive.
  number @2 :UInt64;
  # Rises.
  begin @3 :Bool;
  # What was said before and is not said again until `complete` has ended.
  complete @4 :Bool;
  rooms @5 :List(RoomStatement);
  foundAgain @6 :UInt64;
  # Which time it is that the sender has found the receiver again after it had lost it.
  settled @7 :Bool;
  # The sender has heard everything that the others have to say in this view.
}

struct OccupancyHeard {
  owner @0 :UInt64;
  view @1 :UInt64;
  number @2 :UInt64;
  # Of the message that was heard; 0: it is a wish.
  again @3 :Bool;
  # Begin again.
}
