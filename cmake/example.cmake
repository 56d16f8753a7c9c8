# The page of the example, which an installation ships: built of the results in docs/example, so that it is never
# older than the program. Not where the program is another machine's, or runs under a sanitizer.
if(CMAKE_CROSSCOMPILING OR WIRETAX_SANITIZE)
  return()
endif()
set(example_results ${PROJECT_SOURCE_DIR}/docs/example/two-virtual-sparks)
set(example_page ${PROJECT_BINARY_DIR}/example/report.html)
file(GLOB example_files CONFIGURE_DEPENDS ${example_results}/*.json)
add_custom_command(OUTPUT ${example_page}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/example
  COMMAND wiretax-report page ${example_results} -o ${example_page}
  DEPENDS wiretax-report ${example_files}
  COMMENT "Making the example's page"
  VERBATIM)
add_custom_target(example ALL DEPENDS ${example_page})
install(FILES ${example_page} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs/example)
