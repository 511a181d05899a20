# What Locus stands on; scripts/setup.sh installs all of it on Debian.

find_package(Threads REQUIRED)
# OpenCV: its own configuration where there is one, else the three libraries where they lie. (Debian keeps OpenCVConfig.cmake in
# libopencv-dev, which brings every module and their hundreds of dependencies.)
find_package(OpenCV QUIET COMPONENTS core imgproc imgcodecs)
if(NOT OpenCV_FOUND)
  find_path(OPENCV_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
  foreach(module core imgproc imgcodecs)
    find_library(OPENCV_${module}_LIBRARY opencv_${module} REQUIRED)
    add_library(opencv_${module} SHARED IMPORTED)
    set_target_properties(opencv_${module} PROPERTIES
      IMPORTED_LOCATION ${OPENCV_${module}_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${OPENCV_INCLUDE_DIR})
  endforeach()
  target_link_libraries(opencv_imgproc INTERFACE opencv_core)
  target_link_libraries(opencv_imgcodecs INTERFACE opencv_imgproc opencv_core)
endif()
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(TIFF 4.5 REQUIRED)
find_package(GIF REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)

# ONNX's protobuf classes.
find_path(ONNX_INCLUDE_DIR onnx/onnx_pb.h REQUIRED)
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
add_library(locus_onnx_proto INTERFACE)
target_include_directories(locus_onnx_proto SYSTEM INTERFACE ${ONNX_INCLUDE_DIR})
target_compile_definitions(locus_onnx_proto INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
target_link_libraries(locus_onnx_proto INTERFACE ${ONNX_PROTO_LIBRARY} protobuf::libprotobuf)

# ONNX Runtime: a prefix with include/ and lib/, as scripts/fetch-onnxruntime.sh leaves it, or the user's own.
if(DEFINED ENV{ONNXRUNTIME_ROOT} AND NOT ONNXRUNTIME_ROOT)
  set(ONNXRUNTIME_ROOT $ENV{ONNXRUNTIME_ROOT})
endif()
set(ONNXRUNTIME_ROOT "${ONNXRUNTIME_ROOT}" CACHE PATH "Prefix of ONNX Runtime")
if(NOT ONNXRUNTIME_ROOT)
  set(ONNXRUNTIME_ROOT ${PROJECT_SOURCE_DIR}/third_party/onnxruntime)
endif()
find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_cxx_api.h
          PATHS ${ONNXRUNTIME_ROOT}/include PATH_SUFFIXES onnxruntime onnxruntime/core/session
          NO_DEFAULT_PATH)
find_library(ONNXRUNTIME_LIBRARY NAMES onnxruntime libonnxruntime.so.1
             PATHS ${ONNXRUNTIME_ROOT}/lib NO_DEFAULT_PATH)
if(NOT ONNXRUNTIME_INCLUDE_DIR OR NOT ONNXRUNTIME_LIBRARY)
  message(FATAL_ERROR "ONNX Runtime is not in ${ONNXRUNTIME_ROOT}: run scripts/setup.sh build, or set ONNXRUNTIME_ROOT "
                      "to a prefix that has include/ and lib/.")
endif()
get_filename_component(ONNXRUNTIME_REAL_LIBRARY ${ONNXRUNTIME_LIBRARY} REALPATH)
add_library(locus_onnxruntime SHARED IMPORTED)
set_target_properties(locus_onnxruntime PROPERTIES
  IMPORTED_LOCATION ${ONNXRUNTIME_LIBRARY}
  IMPORTED_SONAME libonnxruntime.so.1
  INTERFACE_INCLUDE_DIRECTORIES ${ONNXRUNTIME_INCLUDE_DIR})

# MPI, for evaluating on a cluster.
set(LOCUS_WITH_MPI OFF)
if(NOT LOCUS_MPI STREQUAL "OFF")
  find_package(MPI QUIET COMPONENTS C)
  set(LOCUS_WITH_MPI ${MPI_C_FOUND})
  if(LOCUS_MPI STREQUAL "ON" AND NOT MPI_C_FOUND)
    message(FATAL_ERROR "LOCUS_MPI is ON and there is no MPI: scripts/setup.sh mpi installs it.")
  endif()
endif()
