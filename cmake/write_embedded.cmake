# Writes OUTPUT: a C++ table of FILES, name (without .json) and text, under the name SYMBOL.
set(text "#include \"report/embedded.h\"\n\nnamespace wiretax {\nconst std::vector<EmbeddedFile> ${SYMBOL} = {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WLE)
  file(READ ${file} content)
  string(APPEND text "{\"${name}\", R\"~json~(${content})~json~\"},\n")
endforeach()
string(APPEND text "};\n}  // namespace wiretax\n")
file(WRITE ${OUTPUT} "${text}")
