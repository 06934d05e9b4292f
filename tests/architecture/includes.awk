# Says which #include breaks the direction of dependencies; ends with 1 when one does.
# Run by ./includes, from the root of the tree that is looked at, with the files' names as arguments.

BEGIN {
  # What each module may know of ours.
  may["broker"] = "broker"
  may["transport"] = "transport broker"
  may["actors"] = "actors broker"
  may["cluster"] = "cluster broker"
  may["daemon"] = "daemon transport actors cluster broker"

  # Which modules may know a library. One that is not here is anybody's.
  owners("^caf/", "actors daemon")
  owners("^boost/(asio|beast)([/.]|$)", "transport daemon")
  owners("^(nats\\.h|nats/)", "cluster")
  owners("^(capnp|kj)/", "cluster")
  owners("^sqlite3", "cluster")
  owners("^(curl|jose|spdlog|toml[+][+]|CLI)/", "daemon")
  owners("^openssl/", "transport actors cluster daemon")
  # The domain starts no thread and waits for none; a tape is read by several, hence <atomic> and <mutex>.
  owners("^(thread|condition_variable|future|shared_mutex|semaphore|barrier|latch|stop_token|pthread\\.h)$", "transport actors cluster daemon")
  # Nor does it know what a socket is.
  owners("^(sys/(socket|epoll|uio|eventfd)|netinet/.*|arpa/inet)\\.h$", "transport actors cluster daemon")
}

function owners(pattern, who) {
  libraries[++rules] = pattern
  owner[rules] = who
}

function module_of(path) {
  if (path ~ /^broker\/daemon\//)
    return "daemon"
  sub(/\/.*/, "", path)
  return path
}

function among(word, list) { return index(" " list " ", " " word " ") > 0 }

function complain(what) {
  printf "%s:%d: %s\n", FILENAME, FNR, what
  broken = 1
}

FNR == 1 { here = module_of(FILENAME) }

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
  quoted = $0 ~ /include[ \t]*"/
  name = $0
  sub(/^[^"<]*["<]/, "", name)
  sub(/[">].*$/, "", name)
  there = module_of(name)

  if (there in may && name ~ /\//) {
    if (!among(there, may[here]))
      complain(here " may not include " there " (" name ")")
    else if (!quoted)
      complain("ours is included with quotes: \"" name "\"")
    next
  }
  if (quoted)
    complain("ours is included from the root, others with <>: \"" name "\"")
  for (i = 1; i <= rules; i++)
    if (name ~ libraries[i] && !among(here, owner[i]))
      complain(here " may not include <" name ">: that is for " owner[i])
}

END { exit broken }
