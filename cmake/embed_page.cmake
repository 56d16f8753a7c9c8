# wiretax_embed_page(TARGET DIRECTORY): page.html of DIRECTORY, with page.css, page.js and Chart.js in it, becomes part
# of TARGET. C++ sees: extern const std::string_view kEmbeddedPage.
find_file(WIRETAX_CHART_JS chart.min.js
  PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist
  NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH
  DOC "Chart.js, which the page draws with")
if(NOT WIRETAX_CHART_JS)
  message(FATAL_ERROR "Chart.js is missing: ./scripts/setup installs it (the package libjs-chart.js), "
                      "or name a copy of chart.min.js, version 3: -DWIRETAX_CHART_JS=FILE")
endif()

function(wiretax_embed_page target directory)
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${directory})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/kEmbeddedPage.cc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DFOLDER=${folder} -DCHART_JS=${WIRETAX_CHART_JS}
            -P ${PROJECT_SOURCE_DIR}/cmake/write_page.cmake
    DEPENDS ${folder}/page.html ${folder}/page.css ${folder}/page.js ${WIRETAX_CHART_JS}
            ${PROJECT_SOURCE_DIR}/cmake/write_page.cmake
    VERBATIM)
  set_source_files_properties(${output} PROPERTIES
    SKIP_UNITY_BUILD_INCLUSION ON # not there before the build
    COMPILE_OPTIONS -Wno-overlength-strings)
  target_sources(${target} PRIVATE ${output})
endfunction()
