# How every target of hubbub is built: language, warnings, sanitizers, linker, compiler cache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(HUBBUB_CCACHE ccache)
if(HUBBUB_CCACHE)
  # A precompiled header's time stamps would make every look-up miss.
  set(launcher ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${HUBBUB_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

find_program(HUBBUB_MOLD mold)
if(HUBBUB_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(HUBBUB_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  # CAF's headers bind references to null (seen in intrusive_ptr); the check would stop at them, not at us.
  # The checks of virtual tables and object sizes treble the time of compiling; AddressSanitizer sees most of the same.
  add_compile_options(-fno-sanitize=null,vptr,object-size)
  add_link_options(-fsanitize=address,undefined)
elseif(HUBBUB_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  # Asio's fences; what they order it orders by other means, too.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  add_link_options(-fsanitize=thread)
endif()

# hubbub_precompile(<target> <name> [<first>]): with HUBBUB_FAST_BUILD, uses cmake/pch/<name>.hpp precompiled,
# or what <first> has precompiled already. A source must do without, as it does in builds by hand.
function(hubbub_precompile target name)
  if(NOT HUBBUB_FAST_BUILD)
    return()
  elseif(ARGC GREATER 2)
    target_precompile_headers(${target} REUSE_FROM ${ARGV2})
  else()
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/pch/${name}.hpp)
  endif()
endfunction()

# hubbub_together(<target>): with HUBBUB_FAST_BUILD, compiles a dozen sources as one: their headers take longer than
# they do. A name in an unnamed namespace is therefore of its module, not of its file.
function(hubbub_together target)
  if(HUBBUB_FAST_BUILD)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    # GCC takes all but the file that it was given for headers; and GCC 12 warns wrongly of std::string (its
    # bug 105651).
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage
                                             -Wno-stringop-overflow -Wno-array-bounds -Wno-restrict>)
  endif()
endfunction()

# hubbub_module(<name> <libraries>...): the module in this folder, as the target hubbub_<name>.
function(hubbub_module name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(hubbub_${name} STATIC ${sources})
  target_include_directories(hubbub_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_options(hubbub_${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow=local)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(hubbub_${name} PUBLIC -Wno-unused-command-line-argument)
  endif()
  target_link_libraries(hubbub_${name} PUBLIC ${ARGN} Threads::Threads)
  # Within a large source GCC inlines less: what a delivery runs through stays apart where speed counts.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR name MATCHES "^(cluster|daemon)$")
    hubbub_together(hubbub_${name})
  endif()
endfunction()
