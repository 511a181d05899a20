# Writes files as C++ constants:  cmake -D OUTPUT=x.cpp -D HEADER=room/x.hpp -D NAMESPACE=a::b -D "FILES=dir/page.css;…" -P EmbedFiles.cmake
# A file page.css becomes `const std::string_view page_css`.

set(text "// Made by cmake/EmbedFiles.cmake.\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
foreach(file IN LISTS FILES)
  get_filename_component(symbol ${file} NAME)
  string(MAKE_C_IDENTIFIER ${symbol} symbol)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND text "\nstatic const unsigned char ${symbol}_bytes[] = {\n${bytes}0x00};\n"
         "const std::string_view ${symbol}(reinterpret_cast<const char*>(${symbol}_bytes), sizeof ${symbol}_bytes - 1);\n")
endforeach()
string(APPEND text "\n}  // namespace ${NAMESPACE}\n")
file(WRITE ${OUTPUT} "${text}")
