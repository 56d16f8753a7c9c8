# wiretax_embed(TARGET SYMBOL DIRECTORY): every *.json of DIRECTORY becomes part of TARGET, so that an
# installed program needs no data files. C++ sees: extern const std::vector<EmbeddedFile> SYMBOL.
function(wiretax_embed target symbol directory)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/*.json)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DSYMBOL=${symbol} "-DFILES=${files}"
            -P ${PROJECT_SOURCE_DIR}/cmake/write_embedded.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/write_embedded.cmake
    VERBATIM)
  set_source_files_properties(${output} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON) # not there before the build
  target_sources(${target} PRIVATE ${output})
endfunction()
