# Files inside the program.
#
#   include(embed)
#   hubbub_embed(<target> <function> <file>...)
#
# adds to <target> a source that defines `std::span<const embedded_file> hubbub::daemon::<function>()`
# (declared in broker/daemon/page.hpp): each file's name, content and a tag that changes with the content.
# The same file, run as a script by the build, writes that source.

set(HUBBUB_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(hubbub_embed target function)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -D OUT=${out} -D FUNCTION=${function} "-DFILES=${ARGN}" -P ${HUBBUB_EMBED_SCRIPT}
    DEPENDS ${ARGN} ${HUBBUB_EMBED_SCRIPT}
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

set(arrays "")
set(table "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  file(SHA256 ${file} tag)
  string(SUBSTRING ${tag} 0 16 tag)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char file_${number}[] = {${bytes}'\\0'};\n")
  string(APPEND table "    {\"${name}\", {file_${number}, sizeof file_${number} - 1}, \"${tag}\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// Written by cmake/embed.cmake.
#include \"broker/daemon/page.hpp\"

namespace hubbub::daemon {
namespace {
${arrays}
constexpr embedded_file files[] = {
${table}};
} // namespace

std::span<const embedded_file> ${FUNCTION}() { return files; }

} // namespace hubbub::daemon
")
