# Flags that all our targets share, and the two ways in which targets are declared.

add_library(locus_flags INTERFACE)
target_compile_options(locus_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers
                       -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlaps in "x" + std::string that are not there (its bug 105651).
  target_compile_options(locus_flags INTERFACE -Wno-restrict)
endif()
if(LOCUS_WERROR)
  target_compile_options(locus_flags INTERFACE -Werror)
endif()
if(LOCUS_SANITIZE STREQUAL "address")
  target_compile_options(locus_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(locus_flags INTERFACE -fsanitize=address,undefined)
elseif(LOCUS_SANITIZE STREQUAL "thread")
  target_compile_options(locus_flags INTERFACE -fsanitize=thread)
  target_link_options(locus_flags INTERFACE -fsanitize=thread)
elseif(LOCUS_SANITIZE)
  message(FATAL_ERROR "LOCUS_SANITIZE is '${LOCUS_SANITIZE}'; it takes address or thread.")
endif()
if(LOCUS_SANITIZE)
  # Sanitizers see through asserts of the standard library as well.
  target_compile_definitions(locus_flags INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# locus_room(NAME sources... [LINK libraries...]): one folder of src/ as object files, of which src/CMakeLists.txt
# makes the library.
function(locus_room name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  if(NOT ARG_UNPARSED_ARGUMENTS)  # a room without sources yet
    file(TOUCH ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
    set(ARG_UNPARSED_ARGUMENTS ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
  endif()
  add_library(locus_${name} OBJECT ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(locus_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(locus_${name} PRIVATE locus_flags PUBLIC ${ARG_LINK})
endfunction()

# locus_embedded(NAME NAMESPACE folder files...): NAME.cpp, made of the folder's files as the room's NAME.hpp declares them.
function(locus_embedded name namespace folder)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  set(maker ${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake)
  get_filename_component(room ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(files ${ARGN})
  list(TRANSFORM files PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -D OUTPUT=${source} -D HEADER=${room}/${name}.hpp -D NAMESPACE=${namespace}
            "-DFILES=${files}" -P ${maker}
    DEPENDS ${files} ${maker}
    VERBATIM)
endfunction()
