# Configures and builds a preset of CMakePresets.json in build/<preset>.

# Compilers at once: one per core, but no more than memory bears (CAF and Beast take up to 1.5 GB each).
jobs() {
  local cores memory
  cores=$(nproc 2>/dev/null || say 1)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo 2>/dev/null || say 1)
  [ "${memory:-1}" -ge 1 ] || memory=1
  say "${JOBS:-$((cores < memory ? cores : memory))}"
}

# configure <preset> [<variable>=<value>...]: does nothing when the build folder stands and has these values.
configure() {
  local preset=$1 dir=$root/build/$1 cache=$root/build/$1/CMakeCache.txt fresh=no pair flags=()
  shift
  set -- HUBBUB_FAST_BUILD=ON "$@"
  # ccache wants a folder of its own to write to.
  [ -n "${CCACHE_DIR:-}" ] || [ -w "${HOME:-/nowhere}" ] || export CCACHE_DIR=$root/build/ccache
  # A folder that was moved or copied here knows the old place by heart.
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then flags+=(--fresh); fi
  [ -f "$dir/build.ninja" ] && [ ${#flags[@]} -eq 0 ] || fresh=yes
  for pair in "$@"; do
    flags+=("-D$pair")
    grep -qE "^${pair%%=*}:[A-Z]+=${pair#*=}\$" "$cache" 2>/dev/null || fresh=yes
  done
  [ $fresh = no ] || (cd "$root" && cmake --preset "$preset" ${flags[@]+"${flags[@]}"})
}

# build <preset> [<target>...]
build() {
  local preset=$1
  shift
  ninja -C "$root/build/$preset" -j "$(jobs)" "$@"
}

# Builds build/release/hubbub. The program needs none of the tests, so a new build folder goes without them.
build_hubbub() {
  if [ -f "$root/build/release/build.ninja" ]; then configure release; else configure release HUBBUB_TESTS=OFF; fi
  build release hubbub
}
