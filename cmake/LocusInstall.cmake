# Installing: a tree that may be moved anywhere, and that find_package(Locus) and pkg-config find.
#
#   PREFIX/bin/locus  lib/liblocus.so  lib/liblocus_codecs.so  lib/libonnxruntime.so.1  include/locus/  lib/cmake/Locus/  lib/pkgconfig/locus.pc  share/locus/models/  share/doc/Locus/

include(CMakePackageConfigHelpers)

set(locus_origin "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set_target_properties(locus locus_codecs PROPERTIES INSTALL_RPATH "$ORIGIN")
set_target_properties(locus_cli PROPERTIES INSTALL_RPATH "${locus_origin}")

install(TARGETS locus EXPORT LocusTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS locus_codecs LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS locus_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${ONNXRUNTIME_REAL_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libonnxruntime.so.1)
# A build of ONNX Runtime with CUDA loads these from its own folder.
get_filename_component(locus_onnxruntime_folder ${ONNXRUNTIME_REAL_LIBRARY} DIRECTORY)
file(GLOB locus_providers ${locus_onnxruntime_folder}/libonnxruntime_providers_*.so)
install(FILES ${locus_providers} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/locus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models DESTINATION ${CMAKE_INSTALL_DATADIR}/locus FILES_MATCHING PATTERN "*.onnx" PATTERN "*.md")
# What `locus export --web` puts into pages, where scripts/setup.sh test has fetched it; without, the command says how to get it.
foreach(file ort.wasm.min.mjs ort-wasm-simd-threaded.mjs ort-wasm-simd-threaded.wasm)
  install(FILES third_party/npm/node_modules/onnxruntime-web/dist/${file}
    DESTINATION ${CMAKE_INSTALL_DATADIR}/locus/onnxruntime-web OPTIONAL)
endforeach()
# Laid out as in the repository, so that links between the pages hold.
install(FILES LICENSE NOTICE.md README.md HACKING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT LocusTargets NAMESPACE Locus:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Locus)
configure_package_config_file(cmake/LocusConfig.cmake.in ${PROJECT_BINARY_DIR}/LocusConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Locus)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/LocusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/LocusConfig.cmake ${PROJECT_BINARY_DIR}/LocusConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Locus)

# Folders as seen from locus.pc's own, so that they hold wherever the tree is.
set(locus_pc_folder ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH locus_prefix_from_pc ${locus_pc_folder} ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH locus_include_from_pc ${locus_pc_folder} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(cmake/locus.pc.in ${PROJECT_BINARY_DIR}/locus.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/locus.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
