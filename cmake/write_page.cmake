cmake_minimum_required(VERSION 3.25)
# Writes OUTPUT: page.html of FOLDER as a C++ string, with its style and scripts in it and a policy that allows just
# these, by their hashes.

# hash_of(FILE RESULT): 'sha256-...' as a content security policy names it. CMake knows hexadecimal digits only.
function(hash_of file result)
  set(letters ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  file(SHA256 ${file} digits)
  string(APPEND digits 00) # 33 bytes are 44 letters, of which the last is padding
  set(text "")
  foreach(at RANGE 0 60 6)
    string(SUBSTRING ${digits} ${at} 6 group)
    foreach(shift 18 12 6 0)
      math(EXPR letter "(0x${group} >> ${shift}) & 63")
      string(SUBSTRING ${letters} ${letter} 1 letter)
      string(APPEND text ${letter})
    endforeach()
  endforeach()
  string(SUBSTRING ${text} 0 43 text)
  set(${result} "'sha256-${text}='" PARENT_SCOPE)
endfunction()

hash_of(${FOLDER}/page.css style)
hash_of(${FOLDER}/page.js script)
hash_of(${CHART_JS} chart)
set(policy "default-src 'none'; style-src ${style}; script-src ${chart} ${script}; img-src data:; base-uri 'none'; form-action 'none'")

file(READ ${FOLDER}/page.html page)
string(REPLACE "@policy@" "${policy}" page "${page}")
foreach(part page.css page.js)
  file(READ ${FOLDER}/${part} content)
  string(REPLACE "@${part}@" "${content}" page "${page}")
endforeach()
file(READ ${CHART_JS} content)
string(REPLACE "@chart.js@" "${content}" page "${page}")

string(CONCAT text
  "#include \"report/embedded.h\"\n\nnamespace wiretax {\n"
  "const std::string_view kEmbeddedPage = R\"~page~(${page})~page~\";\n}  // namespace wiretax\n")
file(WRITE ${OUTPUT} "${text}")
