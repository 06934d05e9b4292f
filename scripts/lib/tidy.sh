# What clang says of sources: clang-tidy for whole modules at once, as most of its time goes into the headers, which a module's
# files share; and whether each source compiles on its own.

# The flags with which a module's files are compiled, from build/tidy/compile_commands.json.
module_flags() {
  grep -F "/$1/" "$root/build/tidy/compile_commands.json" | grep '"command"' | grep -oE ' -(I|D|std=|isystem )[^ ]+' |
    sed 's/\\\\\\"/"/g' | sort -u
}

# tidy_module <folder>: looks at all its sources as one, and at those alone that do not bear it, because they use a
# name of their own that another one has, too.
tidy_module() {
  local module=$1 one=$root/build/tidy/${1//\//-}.cpp flags together=() alone=() file said status=0
  mapfile -t flags < <(module_flags "$module" | sed 's/^ //')
  mapfile -t together < <(cd "$root" && git ls-files -co --exclude-standard -- "$module/*.cpp" | grep -E "^$module/[^/]*$")
  while :; do
    printf '#include "%s"\n' "${together[@]}" >"$one"
    said=$(cd "$root" && clang++ -fsyntax-only -w -ferror-limit=0 "${flags[@]}" "$one" 2>&1) && break
    file=$(grep -oE "$module/[a-z_]+\.cpp:[0-9]+:[0-9]+: error" <<<"$said" | head -n 1)
    file=${file%%:*}
    if [ -z "$file" ]; then
      say "$said" | tail -n 20
      return 1
    fi
    alone+=("$file")
    mapfile -t together < <(printf '%s\n' "${together[@]}" | grep -vxF "$file")
  done
  for file in "$one" ${alone[@]+"${alone[@]}"}; do
    (cd "$root" && clang-tidy --quiet --config-file=.clang-tidy --checks=-bugprone-suspicious-include \
      --header-filter='/(actors|broker|cluster|transport)/[a-z_/]+\.[ch]pp$' "$file" -- "${flags[@]}" 2>&1) |
      { ! grep -vE "^[0-9]+ warnings? generated|^Suppressed|^Use -header-filter"; } || status=1
  done
  return $status
}

# stands_alone <source>: the scripts' builds compile a dozen sources as one, with precompiled headers, and what one lacks another
# may have: a header, or a name of its unnamed namespace. A build by hand has neither.
stands_alone() {
  local flags=()
  mapfile -t flags < <(module_flags "$(dirname "$1")" | sed 's/^ //')
  (cd "$root" && clang++ -fsyntax-only -w "${flags[@]}" "$1")
}
